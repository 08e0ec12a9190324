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
    `tag` the fair tag at which the job's next step of this kind would start."""

    total: int = 0
    open: int = 0
    failed: int = 0
    seconds: float = 0.0
    done_seconds: float = 0.0
    busy: float = 0.0
    tag: float = 0.0

    @property
    def done(self) -> int:
        return self.total - self.open - self.failed

    @property
    def ended(self) -> bool:
        return self.total > 0 and self.open == 0

    def added(self, count: int, seconds: float = 0.0) -> "Tally":
        return replace(self, total=self.total + count, open=self.open + count, seconds=self.seconds + seconds)

    def ended_one(self, *, failed: bool, seconds: float, busy: float) -> "Tally":
        return replace(
            self,
            open=self.open - 1,
            failed=self.failed + failed,
            done_seconds=self.done_seconds + seconds,
            busy=self.busy + busy,
        )


Tallies = Mapping[Kind, Tally]


def read(stored: Mapping[str, Any]) -> dict[Kind, Tally]:
    return {kind: Tally(**stored.get(kind.value, {})) for kind in Kind}


def written(tallies: Tallies) -> dict[str, Any]:
    return {kind.value: asdict(tally) for kind, tally in tallies.items() if tally.total}


def next_steps(tallies: Tallies) -> list[Kind]:
    """Chunks are not here: ingest itself emits them, while it decodes."""
    ingest, transcribe, assemble = (tallies[kind] for kind in (Kind.INGEST, Kind.TRANSCRIBE, Kind.ASSEMBLE))
    if not ingest.total:
        return [Kind.INGEST]
    spoken = transcribe.total == 0 or transcribe.done > 0
    if ingest.done and not transcribe.open and spoken and not assemble.total:
        return [Kind.ASSEMBLE]
    return []


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
    """0 to 1, never going back: a tenth for ingest, then by seconds of audio transcribed, the rest for assembly."""
    if status is Status.COMPLETED:
        return 1.0
    if not tallies[Kind.INGEST].done:
        return 0.05 if tallies[Kind.TRANSCRIBE].total else 0.0
    transcribe = tallies[Kind.TRANSCRIBE]
    share = transcribe.done_seconds / transcribe.seconds if transcribe.seconds else 1.0
    return round(0.1 + 0.85 * min(1.0, share), 4)


STAGES = tuple(Kind)
"""In their order: what comes after a kind is made from it."""


@dataclass(frozen=True)
class Again:
    """What an owner's retry does. `requeue`: kind -> whether its finished steps run again too; `drop`: kinds whose
    steps are planned anew."""

    requeue: dict[Kind, bool]
    drop: frozenset[Kind]


def again(tallies: Tallies, stage: Kind | None = None) -> Again | None:
    """None when nothing of the job is missing. With a stage, that one and all that is made from it; None then means
    that what it is made from is not there yet."""
    ingest, transcribe, assemble = (tallies[kind] for kind in (Kind.INGEST, Kind.TRANSCRIBE, Kind.ASSEMBLE))
    if stage is Kind.INGEST:
        return Again({Kind.INGEST: True}, frozenset({Kind.TRANSCRIBE, Kind.ASSEMBLE}))
    if stage is Kind.TRANSCRIBE:
        return Again({Kind.TRANSCRIBE: True}, frozenset({Kind.ASSEMBLE})) if ingest.done else None
    if stage is Kind.ASSEMBLE:
        heard = ingest.done and transcribe.done + transcribe.failed == transcribe.total
        return Again({}, frozenset({Kind.ASSEMBLE})) if heard and (transcribe.done or not transcribe.total) else None
    missing = {kind: False for kind, tally in ((Kind.INGEST, ingest), (Kind.TRANSCRIBE, transcribe)) if tally.failed}
    if not missing and assemble.done:
        return None
    return Again(missing, frozenset({Kind.ASSEMBLE}))
