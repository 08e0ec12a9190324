"""Which windows of a recording a block of it holds, and what a diarizer heard in them. Pure.

A diarizer hears windows of some seconds at every step of a grid that begins with the recording. A block is ten minutes
of window starts: whoever takes it reads as much further as its last window reaches. Every window is in one block, and
is the very one that it would be without blocks, so what was heard in the blocks adds up to what is heard in the whole.
"""

import io
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
BLOCK = 600 * SAMPLE_RATE
"""Samples between the beginnings of two blocks, at most."""


@dataclass(frozen=True)
class Grid:
    """Windows of `window` samples that begin at multiples of `step`, in blocks of `length` at most. The defaults are
    those of pyannote's pipelines."""

    window: int = 10 * SAMPLE_RATE
    step: int = SAMPLE_RATE
    length: int = BLOCK

    def count(self, samples: int) -> int:
        """Windows of a recording: all whole ones, and one filled up with silence where else its end would be missed."""
        if samples <= self.window:
            return int(samples > 0)
        return -(-(samples - self.window) // self.step) + 1

    @property
    def block(self) -> int:
        """Samples between the beginnings of two blocks."""
        return max(1, self.length // self.step) * self.step

    def spans(self, samples: int) -> list[tuple[int, int]]:
        """For each block of a recording the first sample to read, and the one after the last."""
        reach = self.block + self.window - self.step
        starts = range(0, self.count(samples) * self.step, self.block)
        return [(start, min(samples, start + reach)) for start in starts]

    def owned(self, start: int, stop: int) -> range:
        """The numbers of a block's windows, given its span."""
        first = start // self.step
        return range(first, max(first, min(self.count(stop), first + self.block // self.step)))


@dataclass(frozen=True, eq=False)
class BlockResult:
    """What was heard in one block. A *slot* is one of the few speakers that are told apart within a window; slots of
    two windows have nothing to do with each other before they are joined.

    `first`: the number of its first window. `stop`: samples from the recording's beginning to the end of what was
    heard. `made_by`: the model and its revision; results of two models do not join. `shape`: windows, frames a window,
    slots. `activity`: whether a slot speaks in a frame, as bits (numpy.packbits). `embeddings`: a voice, float32
    (slots that speak at all, dimension), in the order of windows, then slots. `scores`: of models that say how sure
    they are of each slot, 0 to 255 for 0 to 1, in `shape`.
    """

    first: int
    stop: int
    made_by: str
    shape: tuple[int, int, int]
    activity: NDArray[np.uint8]
    embeddings: NDArray[np.float32]
    scores: NDArray[np.uint8] | None = None

    @classmethod
    def packed(
        cls,
        place: tuple[int, int],
        made_by: str,
        active: NDArray[np.bool_],
        embeddings: NDArray[np.float32],
        scores: NDArray[np.float32] | None = None,
    ) -> "BlockResult":
        """`place`: (first, stop). `active` and `scores`: (windows, frames, slots)."""
        windows, frames, slots = active.shape
        kept = None if scores is None else np.rint(np.clip(scores, 0, 1) * 255).astype(np.uint8)
        return cls(*place, made_by, (windows, frames, slots), np.packbits(active), embeddings, kept)

    @property
    def active(self) -> NDArray[np.bool_]:
        """(windows, frames, slots)"""
        return np.unpackbits(self.activity, count=int(np.prod(self.shape))).reshape(self.shape).astype(bool)

    @property
    def weights(self) -> NDArray[np.float32]:
        """How much each slot speaks, 0 to 1; (windows, frames, slots)."""
        if self.scores is None:
            return self.active.astype(np.float32)
        return self.scores.astype(np.float32) / np.float32(255)

    def to_bytes(self) -> bytes:
        """About 1 MB for ten minutes of one speaker with embeddings of 256 numbers."""
        numbers = np.array([self.first, self.stop, *self.shape], np.int64)
        kept = {"numbers": numbers, "made_by": np.array(self.made_by), "activity": self.activity}
        kept["embeddings"] = self.embeddings
        if self.scores is not None:
            kept["scores"] = self.scores
        out = io.BytesIO()
        np.savez_compressed(out, allow_pickle=False, **kept)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "BlockResult":
        """Raises ValueError where these are not the bytes of `to_bytes`."""
        try:
            with np.load(io.BytesIO(stored), allow_pickle=False) as kept:
                first, stop, windows, frames, slots = (int(number) for number in kept["numbers"])
                shape = windows, frames, slots
                made_by, scores = str(kept["made_by"]), kept.get("scores")
                return cls(first, stop, made_by, shape, kept["activity"], kept["embeddings"], scores)
        except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError("these bytes hold no block of a diarization") from error
