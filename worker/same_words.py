"""Texts of several tracks -> the words that two of them have at the same time, in the same order. Pure.

Seconds from the start of the recording.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

SAME = 0.6
"""Between the middles of one word on two tracks: `core.seams.SAME`, and the way of a voice through a meeting system and
out of another room's loudspeaker."""
SKIPPED = 1
"""So many words in a row may be heard differently within a run."""
PAUSE = 1.0
"""A longer silence ends a run: "yes" and, ten seconds later, "okay" are not two words in a row."""

Place = tuple[int, int]
"""(track, number of the segment in it)."""


@dataclass(frozen=True, eq=False)
class Unit:
    """A word, number `word` of its segment, or a segment without words: -1. `plain`: its letters and digits, at least
    one. `level` in dBFS."""

    segment: Place
    word: int
    plain: str
    start: float
    end: float
    confidence: float
    level: float | None

    @property
    def track(self) -> int:
        return self.segment[0]

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


_At = tuple[int, int]
"""Which of the one's words, and which of the other's, counted in time."""


class Pair(NamedTuple):
    """A word on two tracks, that of the earlier track first."""

    at: _At
    units: tuple[Unit, Unit]


def same_words(units: Iterable[Unit]) -> Iterator[list[list[Pair]]]:
    """Of each two tracks the runs that both have. No word is in two pairs of the same two tracks.

    Nearly linear in the words, as long as few of them are said at any one moment.
    """
    tracks: dict[int, list[Unit]] = defaultdict(list)
    for unit in sorted(units, key=lambda unit: unit.middle):
        tracks[unit.track].append(unit)
    for (one, other), places in _alike(tracks).items():
        yield list(_runs([Pair((i, j), (tracks[one][i], tracks[other][j])) for i, j in _in_order(places)]))


def _alike(tracks: Mapping[int, Sequence[Unit]]) -> dict[tuple[int, int], list[_At]]:
    """By two tracks, what may be one word: the same letters at the same time. Some are in several pairs."""
    words = [(unit.middle, track, at, unit.plain) for track, own in tracks.items() for at, unit in enumerate(own)]
    before: dict[str, list[tuple[float, int, int]]] = defaultdict(list)
    found: dict[tuple[int, int], list[_At]] = defaultdict(list)
    for middle, track, at, letters in sorted(words):
        for then, other, place in reversed(before[letters]):
            if then < middle - SAME:
                break
            if track < other:
                found[track, other].append((at, place))
            elif track > other:
                found[other, track].append((place, at))
        before[letters].append((middle, track, at))
    return found


def _in_order(places: Iterable[_At]) -> list[_At]:
    """As many as go forward on both tracks, each word once: the longest increasing subsequence (Fredman, 1975)."""
    ordered = sorted(places, key=lambda at: (at[0], -at[1]))
    ends: list[int] = []
    lasts: list[int] = []
    before: list[int] = []
    for number, (_, end) in enumerate(ordered):
        length = bisect_left(ends, end)
        before.append(lasts[length - 1] if length else -1)
        ends[length : length + 1] = [end]
        lasts[length : length + 1] = [number]
    found = []
    at = lasts[-1] if lasts else -1
    while at >= 0:
        found.append(ordered[at])
        at = before[at]
    return found[::-1]


def _runs(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    opened: list[Pair] = []
    for pair in pairs:
        if opened and not _goes_on(opened[-1], pair):
            yield opened
            opened = []
        opened.append(pair)
    if opened:
        yield opened


def _goes_on(before: Pair, after: Pair) -> bool:
    (i, j), (one, other) = before
    (k, m), (next_one, next_other) = after
    near = k - i <= SKIPPED + 1 and m - j <= SKIPPED + 1
    return near and next_one.start - one.end <= PAUSE and next_other.start - other.end <= PAUSE
