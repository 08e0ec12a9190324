"""How long a job still takes: what is left of it, at the speed at which such work was done lately, beside those who
share the workers with it. Pure.

The share is that of `core.fairness`, taken as fluid: at any moment each job gets its weight's part of the speed. A job
whose rest is `left / weight` rounds long meets of every other as much as that one gets in so many rounds, or all of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core import plan
from core.states import Kind


@dataclass(frozen=True)
class Ran:
    """A step that was done lately. `started` and `finished` in seconds of one clock; `seconds` of audio."""

    kind: Kind
    started: float
    finished: float
    seconds: float


@dataclass(frozen=True)
class Flow:
    """What one job wants of a kind of workers: `left`, in seconds of audio, with its weight in the fair share."""

    weight: float
    left: float


@dataclass(frozen=True)
class Pace:
    """What was measured. Speeds in seconds of audio a second, of all workers together; None where nothing was done
    lately. `again`: of each second heard, how much was heard a second time. `joining`, `assembling`: seconds a step."""

    hearing: float | None = None
    again: float = 0.0
    speakers: float | None = None
    joining: float = 0.0
    assembling: float = 0.0


def pace(ran: Sequence[Ran]) -> Pace:
    """`ran`: the latest of each kind."""
    first = [one for one in ran if one.kind is Kind.TRANSCRIBE]
    # Of the same time as the first pass: there may be older ones, of which no first pass is among these.
    since = min((one.started for one in first), default=0.0)
    second = [one for one in ran if one.kind is Kind.REDECODE and one.started >= since]
    heard = _seconds(first)
    return Pace(
        hearing=speed([*first, *second]),
        again=min(1.0, _seconds(second) / heard) if heard else 0.0,
        speakers=speed([one for one in ran if one.kind is Kind.DIARIZE]),
        joining=_mean([one for one in ran if one.kind is Kind.CLUSTER]),
        assembling=_mean([one for one in ran if one.kind is Kind.ASSEMBLE]),
    )


def speed(ran: Sequence[Ran]) -> float | None:
    """Seconds of audio a second, over the time in which any of these was at work: batches and several workers count as
    they were, idle time does not."""
    worked, until = 0.0, float("-inf")
    for one in sorted(ran, key=lambda one: one.started):
        worked += max(0.0, one.finished - max(one.started, until))
        until = max(until, one.finished)
    seconds = _seconds(ran)
    return seconds / worked if seconds > 0 and worked > 0 else None


def to_hear(tallies: plan.Tallies, at: Pace, duration: float | None, *, twice: bool) -> float | None:
    """Seconds of audio that are left for a recognizer; None where nobody knows how long the recording is. `duration`:
    of the recording, which counts until its chunks are all there. `twice`: a second pass may come."""
    first, second = tallies[Kind.TRANSCRIBE], tallies[Kind.REDECODE]
    whole = first.seconds
    if not plan.ingested(tallies):
        if duration is None:
            return None
        whole = max(duration, whole)
    expected = second.seconds if second.chosen else at.again * whole * twice
    return max(0.0, whole - first.done_seconds) + max(0.0, expected - second.done_seconds)


def to_diarize(tallies: plan.Tallies, duration: float | None) -> float | None:
    """Seconds of audio that are left for a diarizer, as `to_hear`."""
    if plan.speakers_settled(tallies):
        return 0.0
    tally = tallies[Kind.DIARIZE]
    if not tally.total:
        return duration
    return max(0.0, tally.seconds - tally.done_seconds)


def until_done(own: Flow, others: Iterable[Flow], at: float | None) -> float | None:
    """Seconds until the work of `own` is done; None where the speed is not known."""
    if own.left <= 0:
        return 0.0
    if at is None:
        return None
    rounds = own.left / own.weight
    return (own.left + sum(min(one.left, one.weight * rounds) for one in others)) / at


def _seconds(ran: Sequence[Ran]) -> float:
    return sum(one.seconds for one in ran)


def _mean(ran: Sequence[Ran]) -> float:
    return sum(one.finished - one.started for one in ran) / len(ran) if ran else 0.0
