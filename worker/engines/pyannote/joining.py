"""Blocks of a recording, joined: one clustering of the voices of all windows, and the turns that follow from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.transcript import SpeakerTurn
from worker.clustering import BOUND, Embeddings, Limits, alone, assigned, spread
from worker.engines.blocks import SAMPLE_RATE, BlockResult
from worker.engines.protocols import Diarization, SpeakerHints
from worker.engines.pyannote.voices import Voices, single, voices
from worker.turns import NOBODY, Frames, Stretch, filled, reconstruct


@dataclass(frozen=True)
class Joiner:
    """`clustering`: of pyannote.audio. `gap`: a speaker's pauses shorter than so many seconds are closed. `bound`:
    embeddings that are clustered, at most."""

    clustering: Any
    frames: Frames
    gap: float = 0.0
    bound: int = BOUND

    def joined(self, blocks: Sequence[BlockResult], hints: SpeakerHints) -> Diarization:
        """`blocks`: all of a recording, in their order, each with a window at least."""
        speaks = np.concatenate([block.active.any(axis=1) for block in blocks])
        if not speaks.any():
            return Diarization()
        embeddings = np.concatenate([block.embeddings for block in blocks])
        clean = np.concatenate([alone(block.active) for block in blocks])
        found = self._voices(embeddings, clean[speaks], hints)
        clusters = np.full(speaks.shape, NOBODY, np.int32)
        clusters[speaks] = assigned(embeddings, np.nonzero(speaks)[0], found.centroids, found.one_each)
        most = hints.exact or hints.most
        turns, exclusive = reconstruct(blocks, clusters, len(found.centroids), self.frames, most)
        end = blocks[-1].stop / SAMPLE_RATE
        turns, exclusive = (_within(filled(one, self.gap), end) for one in (turns, exclusive))
        return labelled(turns, exclusive, found.centroids)

    def _voices(self, embeddings: Embeddings, clean: NDArray[np.bool_], hints: SpeakerHints) -> Voices:
        valid = np.isfinite(embeddings).all(axis=1)
        train = embeddings[spread(np.flatnonzero(clean & valid), self.bound)]
        if not len(train):  # nobody speaks alone for long enough to be told from another
            return single(embeddings[valid])
        return voices(self.clustering, train, Limits.of(len(train), hints.exact, hints.least, hints.most))


def labelled(turns: Sequence[Stretch], exclusive: Sequence[Stretch], centroids: NDArray[np.float64]) -> Diarization:
    """With labels in the order of first speech. A voice that was only counted, never clustered, has no embedding."""
    labels: dict[int, str] = {}
    for one in (*turns, *exclusive):
        labels.setdefault(one.cluster, f"S{len(labels) + 1}")
    embeddings = {
        label: tuple(float(number) for number in centroids[cluster])
        for cluster, label in labels.items()
        if cluster < len(centroids)
    }
    return Diarization(_turns(turns, labels), _turns(exclusive, labels), embeddings)


def _turns(stretches: Sequence[Stretch], labels: dict[int, str]) -> tuple[SpeakerTurn, ...]:
    return tuple(SpeakerTurn(one.start, one.end, labels[one.cluster]) for one in stretches)


def _within(stretches: Sequence[Stretch], end: float) -> list[Stretch]:
    """The last window reaches beyond the recording."""
    return [Stretch(one.start, min(one.end, end), one.cluster) for one in stretches if one.start < end]
