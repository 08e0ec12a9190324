"""What must hold after every change of state, read from the database alone."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import plan
from core.context import Context
from core.states import OPEN, Kind, Status, StepStatus
from core.tables import IdempotencyKey, Job, Recording, SegmentRow, Step, Tenant, TranscriptRow, UsageRow, VirtualTime


def mark(step_id: UUID, attempt: int) -> str:
    """What a worker of these tests writes as its result: whose it is, and of which attempt."""
    return f"{step_id}/{attempt}"


@dataclass(frozen=True)
class Books:
    """All rows at one moment."""

    jobs: Sequence[Job]
    steps: dict[UUID, list[Step]]
    segments: dict[UUID, list[SegmentRow]]
    transcripts: dict[UUID, TranscriptRow]
    recordings: dict[UUID, Recording]
    keys: Sequence[IdempotencyKey]
    virtual_times: dict[tuple[str, str], float]
    usage: dict[UUID, list[UsageRow]]
    tenants: Sequence[Tenant]


def read(context: Context) -> Books:
    with context.sessions() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return Books(
            jobs=_all(session, Job),
            steps=_by_job(_all(session, Step)),
            segments=_by_job(_all(session, SegmentRow)),
            transcripts={row.job_id: row for row in _all(session, TranscriptRow)},
            recordings={row.id: row for row in _all(session, Recording)},
            keys=_all(session, IdempotencyKey),
            usage=_by_job(_all(session, UsageRow)),
            tenants=_all(session, Tenant),
            virtual_times={(row.kind, row.model): row.value for row in _all(session, VirtualTime)},
        )


def _all(session: Session, table: Any) -> Sequence[Any]:
    return session.scalars(select(table)).all()


def _by_job(rows: Sequence[Any]) -> dict[UUID, list[Any]]:
    found = defaultdict(list)
    for row in rows:
        found[row.job_id].append(row)
    return found


def problems(books: Books, stored: Callable[[Recording], bool]) -> list[str]:
    """In words. `stored`: whether the bytes of a recording are there."""
    found = [f"job {job.id}: {said}" for job in books.jobs for check in _CHECKS for said in check(job, books)]
    for recording in books.recordings.values():
        if stored(recording) == (recording.deleted_at is not None):
            found.append(f"recording {recording.id}: deleted at {recording.deleted_at}, but its bytes disagree")
    found += _nobody_has_more_than_their_slots(books)
    made = {job.id for job in books.jobs}
    found += [f"key {one.key} names a job that is not there" for one in books.keys if one.job_id not in made]
    return found


def _nobody_has_more_than_their_slots(books: Books) -> Iterator[str]:
    for tenant in books.tenants:
        at_work = [
            job.id
            for job in books.jobs
            if job.tenant_id == tenant.id and not Status(job.status).ended and job.held_at is None
        ]
        if tenant.concurrent_jobs and len(at_work) > tenant.concurrent_jobs:
            yield f"tenant {tenant.name} may have {tenant.concurrent_jobs} jobs at work, and has {at_work}"


def _held_is_held_whole(job: Job, books: Books) -> Iterator[str]:
    of_open = {step.status for step in books.steps[job.id] if step.status in OPEN}
    if job.held_at is not None and of_open != {StepStatus.HELD}:
        yield f"it is held back, and its open steps are {of_open}"
    if job.held_at is None and StepStatus.HELD in of_open:
        yield "it is not held back, and a step of it is"


def _what_completed_is_entered(job: Job, books: Books) -> Iterator[str]:
    entries = sorted(books.usage[job.id], key=lambda one: one.run)
    runs = [one.run for one in entries]
    if (job.status == Status.COMPLETED) != (runs[-1:] == [job.run]) or len(runs) != len(set(runs)):
        yield f"it is {job.status} in run {job.run}, and the ledger has {runs}"
    if any(one.audio_seconds for one in entries[1:]):
        yield "it is billed twice"


def _counters_agree_with_rows(job: Job, books: Books) -> Iterator[str]:
    """Planning reads the counters only: one that is off strands the job or ends it early."""
    for kind, tally in plan.read(job.tallies).items():
        rows = [step for step in books.steps[job.id] if step.kind == kind]
        counted = Counter(StepStatus(step.status) for step in rows)
        ended_badly = counted[StepStatus.FAILED] + counted[StepStatus.CANCELLED]
        expected = (len(rows), sum(counted[status] for status in OPEN), ended_badly, counted[StepStatus.DONE])
        if (tally.total, tally.open, tally.failed, tally.done) != expected:
            yield f"{kind}: the counters say {tally}, the rows {expected} (total, open, failed, done)"
        if tally.done_seconds > tally.seconds + 1e-6:
            yield f"{kind}: more seconds done than there are: {tally}"


def _steps_are_whole(job: Job, books: Books) -> Iterator[str]:
    steps = books.steps[job.id]
    for place, count in Counter((step.kind, step.index) for step in steps).items():
        if count > 1:
            yield f"step {place} is there {count} times"
    for step in steps:
        held = (step.lease_until is not None, step.worker is not None)
        if set(held) != {step.status == StepStatus.RUNNING}:
            yield f"step {step.kind} {step.index} is {step.status}, with lease and worker {held}"
        if step.status in OPEN and Status(job.status).ended:
            yield f"it is {job.status}, but {step.kind} {step.index} is {step.status}"


def _an_open_job_goes_on(job: Job, books: Books) -> Iterator[str]:
    if not Status(job.status).ended and not any(step.status in OPEN for step in books.steps[job.id]):
        yield f"it is {job.status}, and no step of it is open: it would stay so for ever"


def _ends_are_told(job: Job, books: Books) -> Iterator[str]:
    if Status(job.status).ended != (job.finished_at is not None):
        yield f"it is {job.status}, finished at {job.finished_at}"
    if (job.status == Status.FAILED) != (job.error is not None):
        yield f"it is {job.status}, with the error {job.error}"
    unheard = [one.index for one in books.steps[job.id] if one.kind == Kind.TRANSCRIBE and one.status == "cancelled"]
    if job.status == Status.COMPLETED and unheard:
        yield f"it is completed, but nobody heard the chunks {unheard}, and no gap says so"


def _results_are_of_done_steps(job: Job, books: Books) -> Iterator[str]:
    """Each chunk has what its one finished attempt heard, in the second pass where that is done, and nothing else."""
    if job.deleted_at is not None:
        return
    done = [step for step in books.steps[job.id] if step.status == StepStatus.DONE]
    expected = {
        step.index: mark(step.id, step.attempt)
        for kind in (Kind.TRANSCRIBE, Kind.REDECODE)
        for step in done
        if step.kind == kind
    }
    found = {row.chunk: row.data["text"] for row in _spoken(job, books)}
    if found != expected:
        yield f"its segments are {found}, its finished chunks {expected}"
    if any(row.revision > job.revision for row in books.segments[job.id]):
        yield "a segment is newer than the job's revision"


def _spoken(job: Job, books: Books) -> list[SegmentRow]:
    """One that was withdrawn says only that it is no more."""
    return [row for row in books.segments[job.id] if "withdrawn" not in row.data.get("flags", [])]


def _a_transcript_is_of_its_run(job: Job, books: Books) -> Iterator[str]:
    kept = books.transcripts.get(job.id)
    if job.deleted_at is not None:
        return
    if job.status == Status.COMPLETED and kept is None:
        yield "it is completed, without a transcript"
    if kept is not None and kept.run > job.run:
        yield f"its transcript is of run {kept.run}, later than its own {job.run}"
    if kept is None or job.status != Status.COMPLETED:
        return
    heard = [row.data["text"] for row in sorted(_spoken(job, books), key=lambda row: row.chunk)]
    text = (kept.body or {}).get("text")
    if (kept.run, text) != (job.run, " ".join(heard)):
        yield f"its run is {job.run} and its chunks {heard}, its transcript of run {kept.run}: {text}"


def _deleted_is_gone(job: Job, books: Books) -> Iterator[str]:
    if job.deleted_at is None:
        return
    if not Status(job.status).ended:
        yield f"it is deleted, and {job.status}"
    if books.segments[job.id] or job.id in books.transcripts:
        yield "it is deleted, but its words are still here"
    if any(step.result or step.last_error for step in books.steps[job.id]):
        yield "it is deleted, but a step still has a result"
    if any("prompt" in step.params for step in books.steps[job.id]):
        yield "it is deleted, but a step still has a piece of its text"


_CHECKS = (
    _counters_agree_with_rows,
    _steps_are_whole,
    _an_open_job_goes_on,
    _ends_are_told,
    _results_are_of_done_steps,
    _a_transcript_is_of_its_run,
    _deleted_is_gone,
    _held_is_held_whole,
    _what_completed_is_entered,
)
