"""The pipeline as one pure function: which steps a job is ready for and does not have yet.

Called twice, or after any crash, it gives the same answer. It reads tallies (counts of a kind on the
job's row), never the steps, so that planning costs the same for ten chunks as for ten thousand.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.states import Kind, Status


@dataclass(frozen=True)
class Tally:
    """Of one kind of one job. `seconds` of audio planned, `done_seconds` of audio done, `busy` seconds of workers,
    `tag` the fair tag at which the job's next step of this lane would start, `cached` how many were known already,
    `chosen`: it was looked which chunks need this kind; perhaps none does."""

    total: int = 0
    open: int = 0
    failed: int = 0
    seconds: float = 0.0
    done_seconds: float = 0.0
    busy: float = 0.0
    tag: float = 0.0
    cached: int = 0
    chosen: bool = False

    @property
    def done(self) -> int:
        return self.total - self.open - self.failed

    @property
    def ended(self) -> bool:
        return self.total > 0 and self.open == 0

    def added(self, count: int, seconds: float = 0.0) -> "Tally":
        return replace(self, total=self.total + count, open=self.open + count, seconds=self.seconds + seconds)

    def ended_one(self, *, failed: bool, seconds: float, busy: float, cached: bool = False) -> "Tally":
        return replace(
            self,
            open=self.open - 1,
            failed=self.failed + failed,
            done_seconds=self.done_seconds + seconds,
            busy=self.busy + busy,
            cached=self.cached + cached,
        )


Tallies = Mapping[Kind, Tally]


def read(stored: Mapping[str, Any]) -> dict[Kind, Tally]:
    """A newer version may have written more: while it takes the place of this one, both are at work."""
    known = Tally.__dataclass_fields__
    return {
        kind: Tally(**{name: value for name, value in stored.get(kind.value, {}).items() if name in known})
        for kind in Kind
    }


def written(tallies: Tallies) -> dict[str, Any]:
    return {kind.value: asdict(tally) for kind, tally in tallies.items() if tally.total or tally.chosen}


def next_steps(tallies: Tallies) -> list[Kind]:
    """Chunks are not here: ingest itself emits them, while it decodes. Which of them the second pass hears again is
    for `core.second_pass` to choose, once the first has ended: a language is settled by all of them."""
    ingest, redecode, assemble = (tallies[kind] for kind in (Kind.INGEST, Kind.REDECODE, Kind.ASSEMBLE))
    if not ingest.total:
        return [Kind.INGEST]
    if not _heard(tallies) or redecode.open or assemble.total:
        return []
    return [Kind.ASSEMBLE] if redecode.chosen else [Kind.REDECODE]


def _heard(tallies: Tallies) -> bool:
    """The first pass has ended, with some text or over silence."""
    transcribe = tallies[Kind.TRANSCRIBE]
    spoken = transcribe.total == 0 or transcribe.done > 0
    return bool(tallies[Kind.INGEST].done and not transcribe.open and spoken)


def verdict(tallies: Tallies) -> Status | None:
    """How the job ends, once nothing of it is open; None while it goes on."""
    if tallies[Kind.ASSEMBLE].done:
        return Status.COMPLETED
    transcribe = tallies[Kind.TRANSCRIBE]
    nothing_heard = transcribe.ended and not transcribe.done and tallies[Kind.INGEST].ended
    if tallies[Kind.INGEST].failed or tallies[Kind.ASSEMBLE].failed or nothing_heard:
        return Status.FAILED
    return None


def progress(tallies: Tallies, status: Status) -> float:
    """0 to 1, never going back: a tenth for ingest, then by seconds of audio transcribed, a little for the second pass,
    the rest for assembly."""
    if status is Status.COMPLETED:
        return 1.0
    if not tallies[Kind.INGEST].done:
        return 0.05 if tallies[Kind.TRANSCRIBE].total else 0.0
    first, second = share(tallies[Kind.TRANSCRIBE]), share(tallies[Kind.REDECODE])
    return round(0.1 + 0.75 * first + 0.1 * (second if tallies[Kind.REDECODE].chosen else 0.0), 4)


def share(tally: Tally) -> float:
    """Of its audio that is done; all of none."""
    return min(1.0, tally.done_seconds / tally.seconds) if tally.seconds else 1.0


STAGES = tuple(Kind)
"""In their order: what comes after a kind is made from it."""


@dataclass(frozen=True)
class Again:
    """What an owner's retry does. `requeue`: kind -> whether its finished steps run again too; `drop`: kinds whose
    steps are planned anew."""

    requeue: dict[Kind, bool]
    drop: frozenset[Kind]


_AFTER_HEARING = frozenset({Kind.REDECODE, Kind.ASSEMBLE})


def again(tallies: Tallies, stage: Kind | None = None) -> Again | None:
    """None when nothing of the job is missing. With a stage, that one and all that is made from it; None then means
    that what it is made from is not there yet."""
    if stage is Kind.INGEST:
        return Again({Kind.INGEST: True}, frozenset({Kind.TRANSCRIBE, *_AFTER_HEARING}))
    if stage is Kind.TRANSCRIBE:
        return Again({Kind.TRANSCRIBE: True}, _AFTER_HEARING) if tallies[Kind.INGEST].done else None
    if stage is Kind.REDECODE:
        return Again({}, _AFTER_HEARING) if _heard(tallies) else None
    if stage is Kind.ASSEMBLE:
        return Again({}, frozenset({Kind.ASSEMBLE})) if _heard(tallies) else None
    missing = {kind: False for kind in (Kind.INGEST, Kind.TRANSCRIBE) if tallies[kind].failed}
    if missing:
        return Again(missing, _AFTER_HEARING)
    if tallies[Kind.REDECODE].failed:
        return Again({Kind.REDECODE: False}, frozenset({Kind.ASSEMBLE}))
    return None if tallies[Kind.ASSEMBLE].done else Again({}, frozenset({Kind.ASSEMBLE}))
