"""A track for each microphone: what it picked up of other people's voices goes, their own tracks have it. Pure.

The same words at the same time on two tracks are a voice and its copy, and the quieter of them goes. Different words at
the same time are two voices, and all stays. Times are seconds from the start of the recording.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import median
from typing import NamedTuple

from core.seams import plain
from core.transcript import CROSS_TALK, Gap, Segment, Word
from worker.same_words import Pair, Place, Unit, same_words

LONG = 12
"""Letters of one word, or of a segment without words, that two people do not say at once by chance."""
SMOOTHED = 2
"""A word's levels are the median of its own and of up to so many neighbours' on either side: two that were measured
badly do no harm, and a change of speaker stays where it is."""
CLOSE = 3.0
"""dB, as `_louder` counts them. Below, levels do not say whose the words are."""
CLEAR = 6.0
"""From here on a segment is a copy even where a few of its words were heard differently."""
ALONE = 12.0
"""From here on a segment of one word is a copy. Two who say "yes" at once stay below, unless their gains differ by more
than 10 dB; a copy that is 6 dB down on a track that has a voice of its own does not."""
SHARE = 0.6
"""So many of a segment's words must match for the whole of it to be a copy."""
USUAL = 0.9
"""A track's usual level is that of the word at this rank: its own voice is the loudest on it."""
GAIN = 10.0
"""dB that usual levels are taken to differ by at most: a track that has nothing but faint copies, and then one that is
less faint, is no soft microphone with a voice of its own."""
FLOOR = -100.0
"""dBFS: digital silence is taken for this."""

Levels = Callable[[float, float], float | None]
"""(start, end) in seconds -> the track's dBFS there; None where that is not known."""


@dataclass(frozen=True)
class TrackText:
    """Segments and levels in the recording's time."""

    segments: tuple[Segment, ...]
    level: Levels


class _Weighed(NamedTuple):
    """`louder`: by how many dB the first is."""

    units: tuple[Unit, Unit]
    louder: float | None


@dataclass(frozen=True)
class _Case:
    """Of each pair the one at `quiet` should go, for the other; and, when all have, `rest`. `strength` in dB."""

    strength: float
    quiet: int
    pairs: Sequence[_Weighed]
    rest: Sequence[Unit] = ()


_Usual = Mapping[int, float]
"""Track -> dBFS."""


def separated(tracks: Sequence[TrackText]) -> tuple[list[tuple[Segment, ...]], list[Gap]]:
    """Each track's segments, in their order, without copies; and a gap for every run of words that went, by time.

    Copies are two words in a row or a long one; all of a segment, if most of it matches and it is clearly quieter; a
    segment of one word, if it is far quieter. Where levels are unknown or close the copy with the lower confidence
    goes, or else the later track's. A word goes only while its like is there, so that one always stays.

    Done until nothing goes: without the copies the usual levels are truer, and so twice is once.
    """
    units = [unit for number, track in enumerate(tracks) for unit in _units(number, track)]
    gone: set[Unit] = set()
    kept: set[Unit] = set()
    while cases := _cases([unit for unit in units if unit not in gone], tracks):
        _decide(cases, gone, kept)
    lost: dict[Place, set[int]] = defaultdict(set)
    for unit in gone:
        lost[unit.segment].add(unit.word)
    left = [
        tuple(part for at, one in enumerate(track.segments) for part in _left(one, lost.get((number, at), set())))
        for number, track in enumerate(tracks)
    ]
    gaps = [gap for (track, at), words in lost.items() for gap in _gaps(tracks[track].segments[at], words)]
    return left, sorted(gaps, key=lambda gap: (gap.start, gap.end, gap.text))


def _units(number: int, track: TrackText) -> Iterator[Unit]:
    for at, segment in enumerate(track.segments):
        whole: list[tuple[int, str, Word | Segment]] = [(-1, segment.text, segment)]
        for place, text, one in [(place, word.word, word) for place, word in enumerate(segment.words)] or whole:
            if letters := plain(text):
                level = _level(track, one.start, one.end)
                yield Unit((number, at), place, letters, one.start, one.end, one.confidence, level)


def _level(track: TrackText, start: float, end: float) -> float | None:
    level = track.level(start, end)
    return None if level is None else max(level, FLOOR)


def _decide(cases: Iterable[_Case], gone: set[Unit], kept: set[Unit]) -> None:
    """The clearest case first, so that of three tracks the loudest is there for both others. At least one word goes."""
    for case in sorted(cases, key=lambda case: -case.strength):
        for pair in case.pairs:
            stays, goes = pair.units[1 - case.quiet], pair.units[case.quiet]
            if stays not in gone and goes not in gone:
                gone.add(goes)
                kept.add(stays)
        if case.rest and all(pair.units[case.quiet] in gone for pair in case.pairs):
            gone.update(unit for unit in case.rest if unit not in kept)


def _cases(units: Sequence[Unit], tracks: Sequence[TrackText]) -> list[_Case]:
    usual = _usual(units)
    segments: dict[Place, list[Unit]] = defaultdict(list)
    for unit in units:
        segments[unit.segment].append(unit)
    found: list[_Case] = []
    for runs in same_words(units):
        weighed = [_weighed(run, usual) for run in runs]
        told = [one for run, one in zip(runs, weighed, strict=True) if _tells(run)]
        found += [_part(part) for one in told for part in _parts(one)]
        for quiet in (0, 1):
            matches: dict[Place, list[_Weighed]] = defaultdict(list)
            for pair in (pair for one in weighed for pair in one):
                matches[pair.units[quiet].segment].append(pair)
            found += [case for at, own in matches.items() for case in _whole(segments[at], own, quiet, tracks, usual)]
    return found


def _usual(units: Iterable[Unit]) -> _Usual:
    levels: dict[int, list[float]] = defaultdict(list)
    for unit in units:
        if unit.level is not None:
            levels[unit.track].append(unit.level)
    return {track: sorted(known)[int(USUAL * len(known))] for track, known in levels.items()}


def _louder(one: tuple[int, float | None], other: tuple[int, float | None], usual: _Usual) -> float | None:
    """By how many dB one track's level is higher, plus by how many it is higher above its track's usual level. The
    first alone would be wrong where gains differ, the second on a track that has nothing but copies."""
    (track, level), (other_track, other_level) = one, other
    if level is None or other_level is None:
        return None
    gain = usual.get(track, level) - usual.get(other_track, other_level)
    return 2 * (level - other_level) - min(max(gain, -GAIN), GAIN)


def _weighed(run: Sequence[Pair], usual: _Usual) -> list[_Weighed]:
    louder = [_louder((one.track, one.level), (other.track, other.level), usual) for _, (one, other) in run]
    reach = [min(SMOOTHED, at, len(run) - 1 - at) for at in range(len(run))]  # as many on either side: edges stay
    near = [_known(louder[at - some : at + some + 1]) for at, some in enumerate(reach)]
    return [_Weighed(pair.units, median(each) if each else None) for pair, each in zip(run, near, strict=True)]


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None  # statistics.fmean would be a fifth of the whole cost


def _tells(run: Sequence[Pair]) -> bool:
    """Two words that follow each other on both tracks, or a long one: people do not say these at once by chance."""
    steps = ((b.at[0] - a.at[0], b.at[1] - a.at[1]) for a, b in zip(run, run[1:], strict=False))
    return (1, 1) in steps or any(len(pair.units[0].plain) >= LONG for pair in run)


def _parts(run: Iterable[_Weighed]) -> Iterator[list[_Weighed]]:
    """Cut where the other track becomes the louder one: two who talk in turn, each copied by the other, are one run."""
    opened: list[_Weighed] = []
    sign = 0.0
    for pair in run:
        louder = pair.louder if pair.louder is not None and abs(pair.louder) >= CLOSE else 0.0
        if louder * sign < 0:
            yield opened
            opened = []
        sign = louder or sign
        opened.append(pair)
    yield opened


def _part(part: Sequence[_Weighed]) -> _Case:
    louder = _mean(_known(pair.louder for pair in part)) or 0.0
    first, second = (sum(pair.units[side].confidence for pair in part) for side in (0, 1))
    quiet = int(louder > 0) if abs(louder) >= CLOSE else int(first >= second)
    return _Case(abs(louder), quiet, part)


def _whole(
    segment: Sequence[Unit], own: Sequence[_Weighed], quiet: int, tracks: Sequence[TrackText], usual: _Usual
) -> Iterator[_Case]:
    """The case against a segment, if there is one. What does not match must be quieter too, or it was said here."""
    over = [pair.louder if quiet else -pair.louder for pair in own if pair.louder is not None]
    mean = _mean(over)
    if len(own) < SHARE * len(segment) or mean is None or mean < (CLEAR if len(segment) > 1 else ALONE):
        return
    matched = {pair.units[quiet] for pair in own}
    rest = [unit for unit in segment if unit not in matched]
    loud = own[0].units[1 - quiet].track
    there = ((loud, _level(tracks[loud], unit.start, unit.end)) for unit in rest)
    above = _mean(_known(_louder(one, (unit.track, unit.level), usual) for one, unit in zip(there, rest, strict=True)))
    if min(over) > -CLOSE and (not rest or (above is not None and above >= CLEAR)):
        yield _Case(mean, quiet, own, rest)


def _left(segment: Segment, lost: set[int]) -> list[Segment]:
    """It without the words that are lost, if anything is left."""
    if not lost:
        return [segment]
    words = tuple(word for word, gone in _fates(segment, lost) if not gone)
    text = "".join(word.word for word in words)
    return [replace(segment, start=words[0].start, end=words[-1].end, text=text, words=words)] if words else []


def _gaps(segment: Segment, lost: set[int]) -> Iterator[Gap]:
    if not segment.words:
        yield Gap(segment.start, segment.end, (CROSS_TALK,), segment.text)
    for gone, run in groupby(_fates(segment, lost), key=lambda each: each[1]):
        words = [word for word, _ in run]
        if gone:
            text = "".join(word.word for word in words)
            yield Gap(min(word.start for word in words), max(word.end for word in words), (CROSS_TALK,), text)


def _fates(segment: Segment, lost: set[int]) -> list[tuple[Word, bool]]:
    """Whether each word goes. Punctuation of its own goes with the word before it, or else with the first."""
    spoken = [bool(plain(word.word)) for word in segment.words]
    at = spoken.index(True) if any(spoken) else -1
    found = []
    for place, word in enumerate(segment.words):
        at = place if spoken[place] else at
        found.append((word, at in lost))
    return found
