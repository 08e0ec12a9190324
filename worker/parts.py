"""PCM as immutable parts: a chunk names byte ranges in them, so no file a chunk and no audio in messages."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from worker.audio import BYTES_PER_SECOND

FIRST = 60 * BYTES_PER_SECOND
"""The first part is a minute, so that the first chunks leave early."""
USUAL = 600 * BYTES_PER_SECOND


def source_key(recording_id: UUID) -> str:
    return f"recordings/{recording_id}/source"


def pcm_key(recording_id: UUID, generation: str, part: int) -> str:
    return f"recordings/{recording_id}/pcm-{generation}/{part:05d}.s16"


def boundaries(count: int) -> list[int]:
    """The first byte of each of `count` parts."""
    return [0, *(FIRST + USUAL * index for index in range(count - 1))][:count]


class Parts:
    """Gathers one part at a time (19 MB at most) and hands it whole to `put(part number, blocks)`."""

    def __init__(self, put: Callable[[int, Iterable[bytes]], object]) -> None:
        self._put = put
        self._blocks: list[bytes] = []
        self._held = 0
        self.stored = 0
        """Parts that are safe in storage."""
        self.size = 0
        """Bytes taken so far."""

    def add(self, block: bytes) -> None:
        while block:
            room = (FIRST if self.stored == 0 else USUAL) - self._held
            taken, block = block[:room], block[room:]
            self._blocks.append(taken)
            self._held += len(taken)
            self.size += len(taken)
            if len(taken) == room:
                self._store()

    def close(self) -> None:
        if self._held:
            self._store()

    def _store(self) -> None:
        self._put(self.stored, self._blocks)
        self.stored, self._blocks, self._held = self.stored + 1, [], 0

    @staticmethod
    def ranges(first: int, stop: int) -> tuple[tuple[int, int, int], ...]:
        """(part number, first byte in it, byte count) for the bytes from `first` to `stop` of the recording."""
        starts: Sequence[int] = boundaries(2 + stop // USUAL)
        part = bisect_right(starts, first) - 1
        found: list[tuple[int, int, int]] = []
        while first < stop:
            end = min(stop, starts[part + 1] if part + 1 < len(starts) else stop)
            found.append((part, first - starts[part], end - first))
            first, part = end, part + 1
        return tuple(found)
