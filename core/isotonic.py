"""Isotonic regression: from a raw probability to the share of such words that are right. Pure.

Pool adjacent violators (Ayer, Brunk, Ewing, Reid and Silverman, "An empirical distribution function for sampling with
incomplete information", 1955) over bins of about equally many words. Why this one:
docs/decisions/0009-calibrated-confidence.md.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isqrt

_LEAST_IN_BIN = 25
_PLACES = 4
_SMALLEST = 10**-_PLACES

Points = tuple[tuple[float, float], ...]
"""(raw, calibrated), both rising; calibrated is never 0 or 1."""


@dataclass(frozen=True)
class Judged:
    """A word that was heard: the decode's probability, and whether it was said."""

    raw: float
    right: bool


def fit(words: Iterable[Judged]) -> Points:
    """Of at least one word."""
    points: dict[float, float] = {}
    risen = _pooled(_binned(sorted(words, key=_raw)))
    for block in _pooled(block.smoothed() for block in risen):  # smoothing can make two fall again
        share = min(max(round(block.share, _PLACES), _SMALLEST), 1 - _SMALLEST)
        points.setdefault(round(block.mean_raw, _PLACES), share)
    return tuple(points.items())


def interpolated(points: Points, raw: float) -> float:
    """Linear between two points, so that words which the decode tells apart stay apart there; flat outside."""
    after = bisect_right(points, raw, key=lambda point: point[0])
    if after in (0, len(points)):
        return points[min(after, len(points) - 1)][1]
    (left, low), (right, high) = points[after - 1], points[after]
    return round(low + (high - low) * (raw - left) / (right - left), _PLACES)


def sound(points: Points) -> bool:
    """Whether these can be points of a fit."""
    inside = all(0 <= raw <= 1 and 0 < share < 1 for raw, share in points)
    rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in zip(points, points[1:], strict=False))
    return bool(points) and inside and rising


@dataclass(frozen=True)
class _Block:
    """Sums over words that are close in raw probability."""

    words: float
    raw: float
    right: float

    @property
    def mean_raw(self) -> float:
        return self.raw / self.words

    @property
    def share(self) -> float:
        return self.right / self.words

    def smoothed(self) -> "_Block":
        """With one right and one wrong word more (Laplace's rule of succession): no share is 0 or 1, whatever few words
        say."""
        return _Block(self.words + 2, self.raw + 2 * self.mean_raw, self.right + 1)

    def __add__(self, other: "_Block") -> "_Block":
        return _Block(self.words + other.words, self.raw + other.raw, self.right + other.right)


def _binned(words: Sequence[Judged]) -> list[_Block]:
    """In order of raw probability, as many words a bin as there are bins; equal probabilities are never parted."""
    size = max(_LEAST_IN_BIN, isqrt(len(words)))
    found, start = [], 0
    while start < len(words):
        stop = bisect_right(words, words[min(start + size, len(words)) - 1].raw, key=_raw)
        stop = len(words) if len(words) - stop < _LEAST_IN_BIN else stop
        inside = words[start:stop]
        found.append(_Block(len(inside), sum(word.raw for word in inside), sum(word.right for word in inside)))
        start = stop
    return found


def _pooled(blocks: Iterable[_Block]) -> list[_Block]:
    """Of all rising sequences the one that is nearest in least squares."""
    risen: list[_Block] = []
    for block in blocks:
        while risen and risen[-1].share >= block.share:
            block = risen.pop() + block
        risen.append(block)
    return risen


def _raw(word: Judged) -> float:
    return word.raw
