"""The parts of clustering that must not grow with the recording: which voices are clustered, and what becomes of the
rest. Pure.

Clustering compares every voice with every other: ten hours are some 43,000, for which agglomerative clustering wants
14 GB. So a bounded sample is clustered, and the rest goes to the nearest centroid, one at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from worker.turns import NOBODY

BOUND = 5000
"""Embeddings that are clustered: twice 100 MB of distances while it lasts, so that the process stays below 1 GB; all
that there are in 70 minutes."""
ALONE = 0.2
"""Share of a window that a voice must speak alone for its embedding to be clustered; pyannote.audio's own bound."""
_ROWS = 4096
_LEFT_OUT = -1e3
"""Worse than any similarity: a slot is left out only where there are fewer voices than slots."""

Embeddings = NDArray[np.float32]


@dataclass(frozen=True)
class Limits:
    """How many voices there may be, given so many embeddings. `exact`: this many, None where it is to be found out."""

    exact: int | None
    least: int
    most: int

    @classmethod
    def of(cls, embeddings: int, exact: int | None, least: int | None, most: int | None) -> "Limits":
        """No more voices than embeddings, whatever was hinted."""
        low = max(1, min(embeddings, exact or least or 1))
        high = max(low, min(embeddings, exact or most or embeddings))
        return cls(low if low == high else None, low, high)

    def broken(self, found: int) -> int | None:
        """The number that is wanted instead of what was found; None where that is within the limits."""
        wanted = self.exact or min(max(found, self.least), self.most)
        return None if wanted == found else wanted


def spread(candidates: NDArray[np.int64], bound: int = BOUND) -> NDArray[np.int64]:
    """All, or `bound` of them at equal distances: candidates are in the order of time, so every part of the recording
    has its share, and the same recording always the same."""
    if len(candidates) <= bound:
        return candidates
    return candidates[(np.arange(bound) * len(candidates)) // bound]


def alone(active: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which slots speak alone for long enough to be clustered: (windows, frames, slots) -> (windows, slots)."""
    single = active.sum(axis=2, keepdims=True) == 1
    clean: NDArray[np.bool_] = (active & single).sum(axis=1) >= ALONE * active.shape[1]
    return clean


def assigned(
    embeddings: Embeddings, windows: NDArray[np.int64], centroids: NDArray[np.float64], one_each: bool
) -> NDArray[np.int32]:
    """The voice of each embedding, (n,): that of the nearest centroid by cosine.

    `windows`: the window of each, rising. With `one_each`, no two slots of a window are one voice: the assignment with
    the greatest sum of similarities (Hungarian; scipy's linear_sum_assignment gives the same), in which a slot is
    NOBODY where there are fewer voices than slots.
    """
    found = np.zeros(len(embeddings), np.int32)
    for rows in _whole_windows(windows):
        similar = _similarities(embeddings[rows], centroids)
        found[rows] = similar.argmax(axis=1)
        if one_each:
            _settle(found[rows], windows[rows], similar)
    return found


def _whole_windows(windows: NDArray[np.int64]) -> Iterator[slice]:
    """Some thousand rows at a time, never a part of a window."""
    start = 0
    while start < len(windows):
        stop = min(len(windows), start + _ROWS)
        if stop < len(windows):
            stop = int(np.searchsorted(windows, windows[stop - 1], side="right"))
        yield slice(start, stop)
        start = stop


def _similarities(embeddings: Embeddings, centroids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosines. What is no direction is as unlike everything as the most unlike."""
    with np.errstate(invalid="ignore", divide="ignore"):
        rows = embeddings / np.linalg.norm(embeddings.astype(np.float64), axis=1, keepdims=True)
        columns = centroids / np.linalg.norm(centroids, axis=1, keepdims=True)
        similar: NDArray[np.float64] = rows @ columns.T
    return np.nan_to_num(similar, nan=-1.0)


def _settle(found: NDArray[np.int32], windows: NDArray[np.int64], similar: NDArray[np.float64]) -> None:
    """In place, the windows in which two slots claim one voice."""
    order = np.lexsort((found, windows))
    same = (np.diff(windows[order]) == 0) & (np.diff(found[order]) == 0)
    for window in np.unique(windows[order][1:][same]):
        rows = slice(*np.searchsorted(windows, [window, window + 1]))
        found[rows] = _matching(similar[rows])


def _matching(similar: NDArray[np.float64]) -> list[int]:
    """The best assignment of a few slots to different voices. A slot never needs more than its best so many voices as
    there are slots: of those one is always left."""
    slots, voices = similar.shape
    best = np.argsort(-similar, axis=1, kind="stable")[:, :slots].tolist()
    if voices < slots:
        best = [[*one, NOBODY] for one in best]
    return list(max((one for one in product(*best) if _different(one)), key=lambda one: _sum(similar, list(one))))


def _different(voices: Sequence[int]) -> bool:
    chosen = [voice for voice in voices if voice != NOBODY]
    return len(set(chosen)) == len(chosen)


def _sum(similar: NDArray[np.float64], voices: Sequence[int]) -> float:
    return sum(_LEFT_OUT if voice == NOBODY else float(similar[slot, voice]) for slot, voice in enumerate(voices))
