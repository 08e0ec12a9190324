"""A clip on its way through the decoder, window by window: where it is, and what was heard so far."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.transcript import Gap, Segment
from worker.engines.protocols import Clip

WINDOW = 3000
"""Frames that the encoder takes at most: 30 s."""
FRAMES_PER_SECOND = 100
MARGIN = 200
"""Frames of silence that a window shorter than 30 s keeps after the sound: a model takes what runs to its window's end
for unfinished, and leaves it out (measured with the demonstration model, decision 8)."""

Features = NDArray[np.float32]


@dataclass
class Row:
    """`index` in the caller's list; `seek`, `frames` and `buckets` in frames of 10 ms; `prefix` the tokens before
    `<|startoftranscript|>`, the same for each of its windows; `buckets` the windows of the encoder, rising."""

    index: int
    clip: Clip
    features: Features
    prefix: tuple[int, ...]
    language: str | None
    buckets: tuple[int, ...] = (WINDOW,)
    probability: float = 1.0
    seek: int = 0
    last_speech: float = 0.0
    segments: list[Segment] = field(default_factory=list)
    suppressed: list[Gap] = field(default_factory=list)

    @property
    def frames(self) -> int:
        """Upstream's extractor pads one frame."""
        return int(self.features.shape[-1]) - 1

    @property
    def done(self) -> bool:
        return self.seek >= self.frames

    @property
    def size(self) -> int:
        """Frames of the present window."""
        return min(WINDOW, self.frames - self.seek)

    @property
    def offset(self) -> float:
        """Seconds."""
        return self.seek / FRAMES_PER_SECOND

    @property
    def seconds(self) -> float:
        return self.size / FRAMES_PER_SECOND

    @property
    def bucket(self) -> int:
        """Frames that the encoder gets: by what is left of the row alone, so that neighbours change nothing."""
        return next((frames for frames in self.buckets if frames >= self.size + MARGIN), WINDOW)

    def window(self) -> Features:
        """Padded with frames of zero, as upstream does and as the models were trained."""
        taken = self.features[:, self.seek : self.seek + self.size]
        return np.pad(taken, ((0, 0), (0, self.bucket - taken.shape[-1])))

    def go_on(self, seek: int) -> None:
        """At least one frame: a window that ends where it began would be decoded for ever."""
        self.seek = seek if seek > self.seek else self.seek + self.size


def buckets(windows: Iterable[float]) -> tuple[int, ...]:
    """From seconds. An even number of frames: the encoder halves them."""
    return tuple(sorted({2 * round(seconds * FRAMES_PER_SECOND / 2) for seconds in windows} | {WINDOW}))


def batched(rows: list[Row], most: int) -> Iterator[list[Row]]:
    for first in range(0, len(rows), most):
        yield rows[first : first + most]


def stacked(rows: list[Row]) -> Any:
    return np.ascontiguousarray(np.stack([row.window() for row in rows]))
