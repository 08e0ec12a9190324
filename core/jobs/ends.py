"""How a step ends: finish, retry, fail, hand back; and emit, by which ingest adds chunks while it runs.

Each is one transaction that locks the job first and matches the step on its attempt. A worker that lost its lease
cannot overwrite its successor: its result is refused and counted.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from core import plan
from core.context import Context
from core.database import from_now, transaction
from core.errors import ScriptoriumError, StorageError
from core.jobs import heard
from core.jobs.claims import Claimed
from core.jobs.onward import go_on
from core.jobs.rows import NewStep, Rings, add_steps, give_up_speakers, locked, seconds_of
from core.states import DIARIZED, Kind, StepStatus
from core.tables import Job, Step, TrackRow
from core.tracks import indices

Effect = Callable[[Session, Job], None]

_LEFT_OUT = {
    Kind.TRANSCRIBE: ("chunk_failed", "could not be transcribed"),
    Kind.REDECODE: ("second_pass_failed", "could not be heard a second time, and keep their first text"),
}
"""Kinds whose failure leaves a warning."""


def _no_effect(session: Session, job: Job) -> None:
    """A step without results of its own."""


def finish(context: Context, step: Claimed, result: dict[str, Any], effect: Effect = _no_effect) -> bool:
    """Records the result and plans what is next. `effect` writes what the step made, in the same transaction.

    False when the step is no longer ours; true also for a second call after a commit whose answer was lost.
    """
    rings = Rings(context)
    with transaction(context.sessions) as session:
        job = locked(session, step.job_id)
        if job is None:
            return False
        busy = _end(session, step, StepStatus.DONE, "result", result)
        if busy is None:
            return _done_before(session, step) or _late(job)
        effect(session, job)
        _tally(job, step, busy, failed=False, cached=bool(result.get("cached")))
        go_on(session, job, rings)
    rings.ring()
    return True


def fail(context: Context, step: Claimed, error: ScriptoriumError, *, retryable: bool = False) -> bool:
    """The input is at fault, or the budget is spent."""
    rings = Rings(context)
    with transaction(context.sessions) as session:
        job = locked(session, step.job_id)
        if job is None:
            return False
        if not _fail(session, job, step, error, rings, retryable=retryable):
            return _late(job)
    rings.ring()
    return True


def _fail(session: Session, job: Job, step: Claimed, error: ScriptoriumError, rings: Rings, *, retryable: bool) -> bool:
    said = {"code": error.code, "message": error.message, "stage": step.kind.value, "retryable": retryable}
    busy = _end(session, step, StepStatus.FAILED, "last_error", said)
    if busy is None:
        return False
    if step.kind in _LEFT_OUT:
        code, message = _LEFT_OUT[step.kind]
        start, end = step.params["start"], step.params["end"]
        warn(job, code, f"{start:.1f}-{end:.1f} s {message}: {error.message}", step.kind)
    # As it is now: the step may have become one track's while it ran.
    if step.kind is Kind.INGEST and (track := session.get_one(Step, step.id).params.get("track")) is not None:
        _discard_chunks(session, job, track)
        warn(job, "track_failed", f"track {track} is left out: {error.message}", step.kind)
    _tally(job, step, busy, failed=True)
    if step.kind in DIARIZED:
        warn(job, "diarization_failed", f"the speakers could not be found: {error.message}", step.kind)
        give_up_speakers(session, job)
    go_on(session, job, rings, said)
    return True


def retry(context: Context, step: Claimed, error: ScriptoriumError, *, killed: bool = False) -> bool:
    """Back into the queue, later; or failed, when the budget is spent. `killed`: by the sweep, since its lease ended;
    nothing where it was renewed or taken back meanwhile."""
    rings = Rings(context)
    tries = step.tries.after(alone=step.alone, killed=killed, outage=isinstance(error, StorageError))
    with transaction(context.sessions) as session:
        job = locked(session, step.job_id)
        if job is None or (killed and not _lease_ended(session, step)):
            return False
        if tries.spent:
            done = _fail(session, job, step, error, rings, retryable=True)
        else:
            delay = tries.delay(context.settings.retry_base) * random.uniform(0.5, 1)
            said = {"code": error.code, "message": error.message}
            done = _requeue(session, step, delay, {**asdict(tries), "last_error": said})
            rings.add(session, step.kind, step.model, not delay)
        if not done:
            return _late(job)
    rings.ring()
    return done


def hand_back(context: Context, step: Claimed, delay: float = 0.0) -> bool:
    """At a shutdown, or in an outage that is not the step's fault: nothing is counted."""
    rings = Rings(context)
    with transaction(context.sessions) as session:
        if locked(session, step.job_id) is None:
            return False
        done = _requeue(session, step, delay, {})
        rings.add(session, step.kind, step.model, 1)
    rings.ring()
    return done


def emit(context: Context, step: Claimed, generation: str, chunks: Sequence[NewStep]) -> bool:
    """Adds the chunks that are not there yet. Another generation (another decoder, so other cuts) discards the old
    one's chunks of this track first. False when the ingest step is no longer ours."""
    rings = Rings(context)
    with transaction(context.sessions) as session:
        job = locked(session, step.job_id)
        if job is None or not held(session, step):
            return False
        track = step.params.get("track")
        owner = job if track is None else session.get_one(TrackRow, (job.id, track))
        if owner.generation != generation:
            _discard_chunks(session, job, track)
            owner.generation = generation
        add_steps(session, job, Kind.TRANSCRIBE, chunks, rings)
    rings.ring()
    return True


def note(context: Context, step: Claimed, code: str, message: str) -> None:
    """A warning on the job, once."""
    with transaction(context.sessions) as session:
        job = locked(session, step.job_id)
        if job is not None and held(session, step):
            warn(job, code, message, step.kind)


def warn(job: Job, code: str, message: str, kind: Kind | None) -> None:
    said = {"code": code, "message": message, "stage": kind.value if kind else None}
    if said not in job.warnings:
        job.warnings = [*job.warnings, said]


def unwarn(job: Job, code: str) -> None:
    """It is no longer so."""
    if any(one["code"] == code for one in job.warnings):
        job.warnings = [one for one in job.warnings if one["code"] != code]


def held(session: Session, step: Claimed) -> bool:
    """Whether it is still in the hands of who claimed it."""
    ours = select(Step.id).where(Step.id == step.id, Step.attempt == step.attempt, Step.status == StepStatus.RUNNING)
    return session.scalar(ours) is not None


def _lease_ended(session: Session, step: Claimed) -> bool:
    """Locks the step, so that no heartbeat renews it any more."""
    ended = (Step.id == step.id, Step.attempt == step.attempt, Step.lease_until < func.clock_timestamp())
    return session.scalar(select(Step.id).where(*ended).with_for_update()) is not None


def _end(session: Session, step: Claimed, status: StepStatus, said: str, what: dict[str, Any]) -> float | None:
    """Seconds since its claim; None where it is no longer ours."""
    given = {"step": step.id, "at": step.attempt, "end": status, "what": what}
    busy = session.execute(_ending(said), given).scalar_one_or_none()
    return None if busy is None else round(float(busy), 3)


@cache
def _ending(said: str) -> ReturningUpdate[Any]:
    """Made once a process, as in `core.jobs.due`."""
    matched = (Step.id == bindparam("step"), Step.attempt == bindparam("at"), Step.status == StepStatus.RUNNING)
    ended = {"lease_until": None, "worker": None, "finished_at": func.clock_timestamp()}
    now = {"status": bindparam("end"), said: bindparam("what", type_=JSONB), **ended}
    busy = func.extract("epoch", Step.finished_at - Step.started_at)
    return update(Step).where(*matched).values(now).returning(busy).execution_options(synchronize_session=False)


def _requeue(session: Session, step: Claimed, delay: float, values: dict[str, Any]) -> bool:
    back = {"status": StepStatus.QUEUED, "lease_until": None, "worker": None, "due_at": from_now(delay)}
    matched = update(Step).where(Step.id == step.id, Step.attempt == step.attempt, Step.status == StepStatus.RUNNING)
    return session.execute(matched.values(**values, **back).returning(Step.id)).scalar_one_or_none() is not None


def _done_before(session: Session, step: Claimed) -> bool:
    done = select(Step.id).where(Step.id == step.id, Step.attempt == step.attempt, Step.status == StepStatus.DONE)
    return session.scalar(done) is not None


def _late(job: Job) -> bool:
    job.late_results += 1
    return False


def _tally(job: Job, step: Claimed, busy: float, *, failed: bool, cached: bool = False) -> None:
    tallies = plan.read(job.tallies)
    seconds = seconds_of(step.params)
    tallies[step.kind] = tallies[step.kind].ended_one(failed=failed, seconds=seconds, busy=busy, cached=cached)
    job.tallies = plan.written(tallies)


def _discard_chunks(session: Session, job: Job, track: int | None) -> None:
    """Of this track; a job without tracks has the numbers of the first."""
    its = indices(track or 0)
    chunks = (Step.job_id == job.id, Step.kind == Kind.TRANSCRIBE, Step.index >= its.start, Step.index < its.stop)
    tallies = plan.read(job.tallies)
    tally = tallies[Kind.TRANSCRIBE]
    for status, params in session.execute(delete(Step).where(*chunks).returning(Step.status, Step.params)):
        tally = tally.without(StepStatus(status), seconds_of(params))
    heard.withdraw(session, job, its)
    tallies[Kind.TRANSCRIBE] = tally
    job.tallies = plan.written(tallies)
