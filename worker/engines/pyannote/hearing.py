"""Who speaks in a batch of windows, and with which voice: the models of a pipeline, on one device.

The stock pipeline hands every window to the embedding model once for each slot, though only the weights of the pooling
differ; most of its time goes there. Here the part before the pooling (of models that can be split there: WeSpeaker's
ResNets and their like) runs once a window, windows in which nobody speaks are left out, and slots that never speak too.
"""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pyannote.audio.utils.signal import binarize
from pyannote.core import SlidingWindow, SlidingWindowFeature

from worker.engines.protocols import SAMPLE_RATE

Active = NDArray[np.bool_]


@dataclass(frozen=True)
class Heard:
    """`active`: (windows, frames, slots). `embeddings`: (slots that speak at all, dimension). `scores`: as `active`, of
    models that give any."""

    active: Active
    embeddings: NDArray[np.float32]
    scores: NDArray[np.float32] | None


class Hearing:
    """Of an instantiated `pyannote.audio.pipelines.SpeakerDiarization`. `split`: False embeds as the stock pipeline
    does, whatever the model."""

    def __init__(self, pipeline: Any, split: bool = True) -> None:
        self._pipeline = pipeline
        self._segmentation = pipeline._segmentation
        self._embedding = pipeline._embedding
        model = getattr(self._embedding, "model_", None)
        splits = split and hasattr(model, "forward_frames") and hasattr(model, "forward_embedding")
        self._trunk = model if splits else None
        self._powerset = bool(self._segmentation.model.specifications.powerset)

    @property
    def dimension(self) -> int:
        return int(self._embedding.dimension)

    def heard(self, windows: torch.Tensor) -> Heard:
        """`windows`: (n, samples). Raises what the device raises when it has no room."""
        scores: NDArray[np.float32] = self._segmentation.infer(windows[:, None, :])
        active: Active = scores > 0.5 if self._powerset else self._binary(scores)
        return Heard(active, self._embeddings(windows, active), None if self._powerset else scores)

    def probe(self) -> None:
        """All that a window can cost: one in which every slot speaks."""
        window = torch.zeros(1, round(self._segmentation.duration * SAMPLE_RATE))
        scores = self._segmentation.infer(window[:, None, :])
        self._embeddings(window, np.ones(scores.shape, bool))

    def _binary(self, scores: NDArray[np.float32]) -> Active:
        """By hysteresis, of models that score every slot by itself."""
        grid = SlidingWindow(duration=self._segmentation.duration, step=self._segmentation.step)
        threshold = self._pipeline.segmentation.threshold
        found = binarize(SlidingWindowFeature(scores, grid), onset=threshold, initial_state=False)
        return np.asarray(found.data > 0.5)

    def _embeddings(self, windows: torch.Tensor, active: Active) -> NDArray[np.float32]:
        speaks = np.asarray(active.any(axis=1))
        if not speaks.any():
            return np.zeros((0, self.dimension), np.float32)
        rows = np.flatnonzero(speaks.any(axis=1))
        batch = windows[torch.from_numpy(rows)][:, None, :]
        embed = self._stock if self._trunk is None else self._shared
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of deviations of a single frame, which come to nothing
            masks = torch.from_numpy(self._masks(active[rows]).transpose(0, 2, 1).copy())
            return embed(batch, masks, speaks[rows])

    def _shared(self, batch: torch.Tensor, masks: torch.Tensor, speaks: Active) -> NDArray[np.float32]:
        """The trunk once; then, slot by slot, the pooling of those windows in which it speaks."""
        assert self._trunk is not None
        device = self._embedding.device
        frames = self._trunk.forward_frames(batch.to(device))
        found = np.zeros((*speaks.shape, self.dimension), np.float32)
        for slot in range(speaks.shape[1]):
            rows = torch.from_numpy(np.flatnonzero(speaks[:, slot]))
            if len(rows):
                pooled = self._trunk.forward_embedding(frames[rows.to(device)], weights=masks[rows, slot].to(device))
                found[rows.numpy(), slot] = pooled.cpu().numpy()
        return found[speaks]

    def _stock(self, batch: torch.Tensor, masks: torch.Tensor, speaks: Active) -> NDArray[np.float32]:
        """As upstream does it, for models that cannot be split; slots that do not speak are left out."""
        rows, slots = (torch.from_numpy(one) for one in np.nonzero(speaks))
        return np.asarray(self._embedding(batch[rows], masks=masks[rows, slots]), np.float32)

    def _masks(self, active: Active) -> NDArray[np.float32]:
        """Where each slot is listened to: with `embedding_exclude_overlap` where it speaks alone, if that is enough."""
        if not self._pipeline.embedding_exclude_overlap:
            return active.astype(np.float32)
        enough = math.ceil(
            active.shape[1] * self._embedding.min_num_samples / (self._segmentation.duration * SAMPLE_RATE)
        )
        clean = active & (active.sum(axis=2, keepdims=True) < 2)
        used = np.where(clean.sum(axis=1, keepdims=True) > enough, clean, active)
        return used.astype(np.float32)
