"""A pyannote.audio pipeline whose speakers are tones: small, exact, made on the fly, and loaded as any other.

The segmentation network hears each tone by its own filter and numbers it by its first sound in the window, so that
slots mean another speaker in every window, as with a trained model. The embeddings are those of an untrained ResNet:
tones are far apart even there. Import it only where pyannote.audio is installed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from worker.engines.pyannote import environment  # noqa: F401 - it must come before pyannote

# isort: split
from pyannote.audio.core.model import Model
from pyannote.audio.utils.powerset import Powerset

from models.training import pipeline_folder as made
from worker.engines.pyannote.networks import SmallEmbedding

RATE = 16_000
TONES = (300, 520, 900, 1560, 2700)
"""Hertz: speaker by speaker."""
SPAN, HOP = 800, 320
SLOTS, TOGETHER, WINDOW = 3, 2, 10.0
_LOUD = 0.05
"""Amplitude from which a tone counts as heard; the tones have 0.2."""


class ToneSegmentation(Model):
    def __init__(self, sample_rate: int = RATE, num_channels: int = 1, task: None = None) -> None:
        super().__init__(sample_rate=sample_rate, num_channels=num_channels, task=task)
        time = torch.arange(SPAN) / RATE
        angles = 2 * math.pi * torch.tensor(TONES)[:, None] * time
        shape = torch.hann_window(SPAN) * 4 / SPAN
        self.register_buffer("filters", torch.cat([angles.cos() * shape, angles.sin() * shape])[:, None, :])
        self.powerset = Powerset(SLOTS, TOGETHER)

    @property
    def dimension(self) -> int:
        return int(self.specifications.num_powerset_classes) if self.specifications.powerset else SLOTS

    def num_frames(self, num_samples: int) -> int:
        return (num_samples - SPAN) // HOP + 1

    def receptive_field_size(self, num_frames: int = 1) -> int:
        return SPAN + (num_frames - 1) * HOP

    def receptive_field_center(self, frame: int = 0) -> float:
        return frame * HOP + (SPAN - 1) / 2

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        found = torch.nn.functional.conv1d(waveforms, self.filters, stride=HOP)
        cosines, sines = found.chunk(2, dim=1)
        sounding = (cosines.square() + sines.square()).sqrt() > _LOUD
        slots = torch.stack([_slots(window) for window in sounding])
        if not self.specifications.powerset:
            return slots * 0.8 + 0.1
        sets = self.powerset.to_powerset(slots).float()
        return torch.log(sets * 0.98 + 0.002)


def thin_resnet() -> Model:
    """WeSpeaker's ResNet, thin: few channels."""
    return SmallEmbedding(num_mel_bins=24, channels=4, size=32)


def _slots(sounding: torch.Tensor) -> torch.Tensor:
    """(tones, frames) -> (frames, slots): tones by their first sound; of more than two at once, the first two."""
    first = [int(row.nonzero()[0]) if row.any() else sounding.shape[1] for row in sounding]
    order = sorted(range(len(first)), key=lambda tone: first[tone])[:SLOTS]
    chosen = torch.stack([sounding[tone] for tone in order]).T.float()
    return chosen * (chosen.cumsum(dim=1) <= TOGETHER)


@dataclass(frozen=True)
class Speech:
    """Seconds, and which tone."""

    start: float
    end: float
    speaker: int


def conversation(turns: Sequence[Speech], seconds: float, noise: float = 0.002) -> NDArray[np.float32]:
    """Samples of the tones, with their overtones, over a little noise."""
    samples = np.random.default_rng(0).standard_normal(round(seconds * RATE)).astype(np.float32) * np.float32(noise)
    for turn in turns:
        start, stop = round(turn.start * RATE), round(turn.end * RATE)
        time = np.arange(stop - start) / RATE
        tone = 2 * np.pi * TONES[turn.speaker] * time
        samples[start:stop] += (0.2 * np.sin(tone) + 0.02 * np.sin(2.3 * tone)).astype(np.float32)
    return samples


def pipeline_folder(
    folder: Path,
    name: str = "SpeakerDiarization",
    powerset: bool = True,
    voice: Callable[[], Model] = thin_resnet,
    **changed: Any,
) -> Path:
    """A pipeline in pyannote.audio's own format. `voice`: makes its embedding model. `changed`: parameters of the
    pipeline; `params`, what it is instantiated with."""
    torch.manual_seed(0)
    segmentation = ToneSegmentation()
    segmentation.specifications = made.slots(SLOTS, WINDOW, TOGETHER if powerset else None)
    segmentation.setup()
    embedding = _centred(voice())
    embedding.specifications = made.voice(WINDOW)
    made.write_model(segmentation, folder / "segmentation")
    made.write_model(embedding, folder / "embedding")
    save_plda(folder / "plda", int(embedding.dimension))
    params = changed.pop("params", {"clustering": {"threshold": 0.7, "Fa": 0.07, "Fb": 0.8}})
    params["segmentation"] = {"min_duration_off": 0.0} if powerset else {"threshold": 0.5, "min_duration_off": 0.0}
    made.write_config(folder, name, changed, params)
    return folder


def _centred(model: Any) -> Any:
    """Untrained, all voices lie in one corner; from their middle they lie in different directions."""
    sounds = [conversation([Speech(0, 2, speaker)], 2.0) for speaker in range(len(TONES))]
    with torch.inference_mode():
        middle = model.eval()(torch.from_numpy(np.stack(sounds))[:, None]).mean(dim=0)
    model.resnet.seg_1.bias.data -= middle
    return model


def save_plda(folder: Path, size: int) -> None:
    """It changes nothing, and takes speakers to differ more from each other than within."""
    same, none = np.eye(size), np.zeros(size)
    transform = {"mean1": none, "mean2": none, "lda": same}
    made.write_plda(folder, transform, {"mu": none, "tr": same, "psi": np.linspace(20, 10, size)})
