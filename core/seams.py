"""Where a recording had to be cut inside speech, both chunks heard a second of each other: here they become one text.

No word is lost, doubled or split at the seam. Pure. Times are seconds from the start of the recording.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.transcript import Segment

FLAG = "forced_cut"
"""Of the segments on both sides of a seam that was joined."""
SAME = 0.5
"""Seconds between the middles of a word as two decodes time it."""
OVERLAP = 0.5
"""Two words of the two sides that share so much of the shorter one's time are one word, heard differently."""

Side = tuple[Segment, ...]


@dataclass(frozen=True)
class _Unit:
    """A word, or a segment without words: what is kept or left out as a whole. `at` is (segment, word)."""

    at: tuple[int, int]
    text: str
    start: float
    end: float
    confidence: float

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


def joined(before: Side, after: Side, seam: float) -> tuple[Side, Side]:
    """Both sides without what the other says better. A seam that was joined before stays as it is."""
    if any(FLAG in segment.flags for segment in (*before[-1:], *after[:1])) and _apart(before, after):
        return before, after
    left, right = _units(before), _units(after)
    kept = _meeting(left, right, seam) or _divided(left, right, seam)
    return _flagged(_only(before, kept[0]), last=True), _flagged(_only(after, kept[1]), last=False)


def _apart(before: Side, after: Side) -> bool:
    return not before or not after or before[-1].end <= after[0].start + 1e-6


def _units(side: Side) -> list[_Unit]:
    found = []
    for number, segment in enumerate(side):
        if not segment.words:
            found.append(_Unit((number, -1), segment.text, segment.start, segment.end, segment.confidence))
        for place, word in enumerate(segment.words):
            found.append(_Unit((number, place), word.word, word.start, word.end, word.confidence))
    return found


_Kept = tuple[list[_Unit], list[_Unit]]


def _meeting(left: Sequence[_Unit], right: Sequence[_Unit], seam: float) -> _Kept | None:
    """Both heard the same word at the same time, the nearest to the seam: up to it the one, behind it the other."""
    same = [
        (abs(one.middle + other.middle - 2 * seam), i, j)
        for i, one in enumerate(left)
        for j, other in enumerate(right)
        if abs(one.middle - other.middle) <= SAME and plain(one.text) and plain(one.text) == plain(other.text)
    ]
    if not same:
        return None
    _, i, j = min(same)
    return list(left[: i + 1]), list(right[j + 1 :])


def _divided(left: Sequence[_Unit], right: Sequence[_Unit], seam: float) -> _Kept:
    """No word in common: each keeps what it heard on its own side, and what the other did not hear at all; of two that
    share their time, the likelier stays."""
    theirs = [one for one in right if one.middle >= seam]
    mine = [one for one in left if one.middle < seam or not _met(one, theirs, 0.0)]
    theirs = [one for one in right if one.middle >= seam or not _met(one, mine, 0.0)]
    doubled = [(one, other) for one in mine for other in _met(one, theirs, OVERLAP)]
    worse = [min(pair, key=lambda unit: unit.confidence) for pair in doubled]
    return [one for one in mine if one not in worse], [one for one in theirs if one not in worse]


def _met(one: _Unit, others: Sequence[_Unit], least: float) -> list[_Unit]:
    return [other for other in others if _shared(one, other) > least]


def _shared(one: _Unit, other: _Unit) -> float:
    """Of the shorter one's time."""
    common = min(one.end, other.end) - max(one.start, other.start)
    return common / max(min(one.end - one.start, other.end - other.start), 0.01)


def plain(text: str) -> str:
    """Its letters and digits: what makes two words the same."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _only(side: Side, kept: list[_Unit]) -> Side:
    left = {one.at for one in kept}
    found = []
    for number, segment in enumerate(side):
        places = [place for place in range(len(segment.words)) if (number, place) in left]
        if (number, -1) in left or (segment.words and len(places) == len(segment.words)):
            found.append(segment)
        elif places:
            found.append(_cut(segment, places))
    return tuple(found)


def _cut(segment: Segment, places: list[int]) -> Segment:
    words = tuple(segment.words[place] for place in places)
    text = "".join(word.word for word in words)
    return replace(segment, start=words[0].start, end=words[-1].end, text=text, words=words)


def _flagged(side: Side, *, last: bool) -> Side:
    if not side:
        return side
    at = len(side) - 1 if last else 0
    flags = tuple(dict.fromkeys((*side[at].flags, FLAG)))
    return (*side[:at], replace(side[at], flags=flags), *side[at + 1 :])
