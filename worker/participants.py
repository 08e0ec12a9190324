"""Who the meeting system thought was speaking, and a diarization -> names for its speakers. Pure.

The meeting system shows a participant, which may be a room with several people in it; it does so late, misses some and
errs at times. The diarization tells voices apart and knows no names. Seconds from the start of the recording.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import NamedTuple

from core.transcript import SpeakerTurn
from worker.utterances import labels, merged

LAGS = tuple(sorted((tenths / 10 for tenths in range(-5, 21)), key=abs))
"""Seconds that the meeting system may be late throughout, the likeliest first: it decides on a speaker after it heard
one, and clocks differ a little."""
ENOUGH = 2.0
"""Seconds of evidence; with fewer a score is lower in proportion, and with one it is never above `SURE`."""
SURE = 0.5
"""A score must be above it: then one participant has more of the evidence than all others together."""


@dataclass(frozen=True)
class Heard:
    """The meeting system showed `participant` as speaking."""

    participant: str
    start: float
    end: float


@dataclass(frozen=True)
class Named:
    """`score`, 0 to 1: the share of the evidence that is for this name, less where there is little."""

    name: str
    score: float


CROWD = 20
"""More who speak, or are shown, at one time say nothing of anybody; and would cost time and memory."""


class _Piece(NamedTuple):
    """`who` were speaking, or shown, all this time and nobody else."""

    start: float
    end: float
    who: tuple[str, ...]


_Evidence = Mapping[str, Mapping[str, float]]
"""Seconds by label and participant."""


def named(turns: Sequence[SpeakerTurn], heard: Sequence[Heard]) -> dict[str, Named]:
    """Label -> name, in order of first speech; without those whose name is not known well enough.

    A second in which several speak, or several are shown, is shared equally among all pairs of them. Each label takes
    the participant with the most evidence, whoever else does: two that take one share a microphone, and become
    "Room A (1)" and "Room A (2)" in order of first speech.

    The lag is the one of `LAGS` with the most evidence for the names, the smallest of equals. Names are stripped, and
    inner white space becomes a space. Linear in turns and intervals, as long as few are at any one moment.
    """
    given = [SpeakerTurn(one.start, one.end, " ".join(one.participant.split())) for one in heard]
    spoken, shown = _pieces(turns), _pieces(one for one in given if one.speaker)
    evidence = max((_evidence(spoken, shown, lag) for lag in LAGS), key=_agreement)
    best = {label: _best(evidence[label]) for label in labels(turns) if label in evidence}
    return _numbered({label: one for label, one in best.items() if one}, {one.speaker for one in given})


def _pieces(turns: Iterable[SpeakerTurn]) -> list[_Piece]:
    """In order of time; silence is none."""
    edges: dict[float, list[tuple[bool, str]]] = defaultdict(list)
    for turn in merged(turns):
        edges[turn.start].append((True, turn.speaker))
        edges[turn.end].append((False, turn.speaker))
    found: list[_Piece] = []
    active: set[str] = set()
    times = sorted(edges)
    for start, end in zip(times, times[1:], strict=False):
        for begins, who in edges[start]:
            (active.add if begins else active.discard)(who)
        if 0 < len(active) <= CROWD:
            found.append(_Piece(start, end, tuple(sorted(active))))
    return found


def _evidence(spoken: Sequence[_Piece], shown: Sequence[_Piece], lag: float) -> _Evidence:
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for (who, whom), seconds in _together(spoken, shown, lag).items():
        for label in who:
            for name in whom:
                found[label][name] += seconds / (len(who) * len(whom))
    return found


def _together(
    spoken: Sequence[_Piece], shown: Sequence[_Piece], lag: float
) -> dict[tuple[tuple[str, ...], tuple[str, ...]], float]:
    """Seconds, by who spoke and who was shown `lag` seconds later."""
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], float] = defaultdict(float)
    first = 0
    for start, end, who in spoken:
        start, end = start + lag, end + lag
        while first < len(shown) and shown[first].end <= start:
            first += 1
        at = first
        while at < len(shown) and shown[at].start < end:
            piece = shown[at]
            found[who, piece.who] += min(end, piece.end) - max(start, piece.start)
            at += 1
    return found


def _agreement(evidence: _Evidence) -> float:
    """Seconds for whom each label would be named after; rounded, so that equals are equal."""
    return round(sum(max(each.values()) for each in evidence.values()), 3)


def _best(evidence: Mapping[str, float]) -> Named | None:
    name = max(evidence, key=evidence.__getitem__)
    seconds, of = evidence[name], sum(evidence.values())
    score = seconds / of * min(1.0, seconds / ENOUGH) if of else 0.0  # shares of a sliver may be rounded to nothing
    return Named(name, round(score, 4)) if score > SURE else None


def _numbered(best: Mapping[str, Named], given: Container[str]) -> dict[str, Named]:
    """Those who share a name; a number that makes another given name is passed over."""
    sharing = Counter(one.name for one in best.values())
    free = {name: _free(name, given) for name in sharing}
    return {
        label: replace(one, name=next(free[one.name])) if sharing[one.name] > 1 else one for label, one in best.items()
    }


def _free(name: str, given: Container[str]) -> Iterator[str]:
    return (numbered for number in count(1) if (numbered := f"{name} ({number})") not in given)
