"""A Diarizer without a model: whoever speaks is loud, and each ten seconds are another of two speakers."""

from collections.abc import Sequence

import numpy as np

from core.models import ModelSource
from core.settings import Settings
from core.transcript import SpeakerTurn
from worker.engines.blocks import SAMPLE_RATE, BlockResult, Grid
from worker.engines.protocols import Audio, Diarization, EngineInfo, Progress, Samples, SpeakerHints, unheard

ANY = SpeakerHints()
TURN = 10.0
"""Seconds of one speaker."""


def load(source: ModelSource, settings: Settings) -> "FakeDiarizer":
    """For SCRIPTORIUM_ENGINES."""
    return FakeDiarizer(name=source.name)


class FakeDiarizer:
    """`error` is raised by the first call, and by that alone."""

    def __init__(self, error: Exception | None = None, name: str = "fake") -> None:
        self.info = EngineInfo(name, "fake", "1", "cpu", "float32", (10.0,))
        self.grid = Grid()
        self.heard: list[int] = []
        """Starts of the blocks that were heard."""
        self._error = error

    def spans(self, samples: int) -> list[tuple[int, int]]:
        return self.grid.spans(samples)

    def windows(self, block: Samples, start: int, progress: Progress = unheard) -> BlockResult:
        progress(0.0)
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        self.heard.append(start)
        owned = self.grid.owned(start, start + len(block))
        active = np.zeros((len(owned), 10, 1), bool)
        for row in range(len(owned)):
            window = block[row * self.grid.step :][: self.grid.window]
            active[row, :, 0] = np.abs(window).max(initial=0.0) > 0.01
        progress(1.0)
        voices = np.ones((int(active.any(axis=1).sum()), 2), np.float32)
        return BlockResult.packed((owned.start, start + len(block)), "fake@1", active, voices)

    def join(self, blocks: Sequence[BlockResult], hints: SpeakerHints = ANY) -> Diarization:
        end = max((block.stop for block in blocks), default=0) / SAMPLE_RATE
        if not any(block.active.any() for block in blocks):
            return Diarization()
        speakers = min(hints.exact or 2, hints.most or 2)
        starts = np.arange(0, end, TURN)
        turns = tuple(
            SpeakerTurn(float(at), min(float(at) + TURN, end), f"S{number % speakers + 1}")
            for number, at in enumerate(starts)
        )
        return Diarization(turns, turns, {turn.speaker: (1.0, 0.0) for turn in turns})

    def diarize(self, audio: Audio, hints: SpeakerHints = ANY, progress: Progress = unheard) -> Diarization:
        spans = self.spans(len(audio))
        return self.join([self.windows(audio[start:stop], start, progress) for start, stop in spans], hints)
