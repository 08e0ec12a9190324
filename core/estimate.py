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
    """What one job wants of a kind of workers: `left`, in seconds of all of them, with its weight in the fair share."""

    weight: float
    left: float


@dataclass(frozen=True)
class Pace:
    """What was measured. Speeds in seconds of audio a second, of all workers together; None where nothing was done
    lately. `again`: of each second heard, how much was heard a second time. `joining`, `assembling`: seconds a step."""

    first: float | None = None
    second: float | None = None
    again: float = 0.0
    speakers: float | None = None
    joining: float = 0.0
    assembling: float = 0.0

    def hearing(self, first: float, second: float) -> float | None:
        """Seconds of all recognizers for so much audio of both passes; None where no speed is known."""
        if first + second <= 0:
            return 0.0
        if self.first is None:
            return None
        return first / self.first + second / (self.second or self.first)

    def finding(self, seconds: float) -> float | None:
        """Seconds of all diarizers for so much audio."""
        if seconds <= 0:
            return 0.0
        return None if self.speakers is None else seconds / self.speakers


def pace(ran: Sequence[Ran], again: float = 0.0) -> Pace:
    """`ran`: the latest of each kind. `again` is not to be seen in them: a second pass comes when the first has ended,
    and the latest steps may all be of one pass."""
    first = [one for one in ran if one.kind is Kind.TRANSCRIBE]
    # Of the same time as the first pass: there may be older ones, of which no first pass is among these.
    since = min((one.started for one in first), default=0.0)
    second = [one for one in ran if one.kind is Kind.REDECODE and one.started >= since]
    together = [*first, *second]
    return Pace(
        first=speed(first, together),
        second=speed(second, together),
        again=again,
        speakers=speed([one for one in ran if one.kind is Kind.DIARIZE]),
        joining=_mean([one for one in ran if one.kind is Kind.CLUSTER]),
        assembling=_mean([one for one in ran if one.kind is Kind.ASSEMBLE]),
    )


def speed(ran: Sequence[Ran], beside: Sequence[Ran] | None = None) -> float | None:
    """Seconds of audio a second, over the time in which any of these was at work: batches and several workers count as
    they were, idle time does not. Of that in which they were among those `beside` which they worked, their part."""
    every = ran if beside is None else beside
    worked, own, whole = _worked(every), _busy(ran), _busy(every)
    return _seconds(ran) * whole / (worked * own) if _seconds(ran) > 0 and own > 0 else None


def _worked(ran: Sequence[Ran]) -> float:
    """Seconds in which any of them ran."""
    worked, until = 0.0, float("-inf")
    for one in sorted(ran, key=lambda one: one.started):
        worked += max(0.0, one.finished - max(one.started, until))
        until = max(until, one.finished)
    return worked


def _busy(ran: Sequence[Ran]) -> float:
    return sum(one.finished - one.started for one in ran)


def to_hear(tallies: plan.Tallies, at: Pace, duration: float | None, *, twice: bool) -> tuple[float, float] | None:
    """Seconds of audio that are left for a recognizer, of each pass; None where nobody knows how long the recording is.
    `duration`: of the recording, which counts until its chunks are all there. `twice`: a second pass may come."""
    first, second = tallies[Kind.TRANSCRIBE], tallies[Kind.REDECODE]
    whole = first.seconds
    if not plan.ingested(tallies):
        if duration is None:
            return None
        whole = max(duration, whole)
    expected = second.seconds if second.chosen else at.again * whole * twice
    return max(0.0, whole - first.done_seconds), max(0.0, expected - second.done_seconds)


def to_diarize(tallies: plan.Tallies, duration: float | None) -> float | None:
    """Seconds of audio that are left for a diarizer, as `to_hear`."""
    if plan.speakers_settled(tallies):
        return 0.0
    tally = tallies[Kind.DIARIZE]
    if not tally.total:
        return duration
    return max(0.0, tally.seconds - tally.done_seconds)


def until_done(own: Flow, others: Iterable[Flow]) -> float:
    """Seconds until the work of `own` is done."""
    rounds = own.left / own.weight
    return own.left + sum(min(one.left, one.weight * rounds) for one in others)


def _seconds(ran: Sequence[Ran]) -> float:
    return sum(one.seconds for one in ran)


def _mean(ran: Sequence[Ran]) -> float:
    return _busy(ran) / len(ran) if ran else 0.0
