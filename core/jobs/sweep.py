"""The reconciler: what a lost message, a dead worker or a crash left behind is put right here. It may run in several
copies: each change goes through the same functions as any other, one job at a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.context import Context
from core.database import from_now, transaction
from core.errors import DeadlinePassed, ScriptoriumError
from core.jobs import notices, slots
from core.jobs.claims import Claimed
from core.jobs.control import expire
from core.jobs.crew import alive
from core.jobs.ends import retry
from core.jobs.rows import Rings, close, locked
from core.jobs.shares import rebalance
from core.jobs.slots import release_all
from core.jobs.speakers import give_up_late
from core.states import RECOGNIZED, Kind, Status, StepStatus
from core.tables import Job, Recording, Step, SweepState, Worker
from core.webhooks import upkeep

MOST_AT_ONCE = 200
GAP_IN_SWEEPS = 3
"""So many missed sweeps mean an outage: workers could not renew their leases either, and get one lease to do so."""
QUIET_BEFORE_GIVING_UP = timedelta(hours=1)
"""After a start or an outage the workers get so long to come, before a job counts as one that nobody serves."""
WORKERS_KEPT = 3600.0
"""Seconds that a worker which was not heard of stays in the table."""


@dataclass(frozen=True)
class Swept:
    reaped: int = 0
    rung: int = 0
    erased: int = 0
    expired: int = 0
    unserved: int = 0
    rebalanced: int = 0
    speakerless: int = 0
    released: int = 0
    deliveries: int = 0


class WorkerLost(ScriptoriumError):
    code = "worker_lost"


def sweep(context: Context, spacing: float = 0.0) -> Swept:
    """Does nothing within `spacing` seconds of the last sweep: after an outage many rings for it may have piled up."""
    with transaction(context.sessions) as session:
        noted = _note_sweep(session, context, spacing)
    if noted is None:
        return Swept()
    now, reap_after = noted
    reaped = sum(_reap(context, step) for step in _ended_leases(context)) if now >= reap_after else 0
    unserved = _give_up(context) if now >= reap_after + QUIET_BEFORE_GIVING_UP else 0
    speakerless = give_up_late(context) if now >= reap_after else 0
    released = release_all(context)
    rebalanced = rebalance(context)
    rung, erased, expired = _ring_due(context), _erase(context), _expire(context)
    freed = upkeep.sweep(context, reap=now >= reap_after)
    return Swept(reaped, rung, erased, expired, unserved, rebalanced, speakerless, released, freed)


def _ended_leases(context: Context) -> list[Claimed]:
    with transaction(context.sessions) as session:
        ended = (
            select(Step.id)
            .where(Step.status == StepStatus.RUNNING, Step.lease_until < func.clock_timestamp())
            .order_by(Step.lease_until)
            .limit(MOST_AT_ONCE)
        )
        return Claimed.read(session, ended, context.settings)


def _note_sweep(session: Session, context: Context, spacing: float) -> tuple[datetime, datetime] | None:
    """The present, and from when on leases may be reaped. None where another sweep was just now."""
    now = session.scalar(select(func.clock_timestamp()))
    assert now is not None
    session.execute(insert(SweepState).values(id=1, swept_at=now, reap_after=now).on_conflict_do_nothing())
    state = session.execute(select(SweepState).where(SweepState.id == 1).with_for_update()).scalar_one()
    gap = (now - state.swept_at).total_seconds()
    if 0 < gap < spacing:
        return None
    if gap > GAP_IN_SWEEPS * context.settings.sweep:
        state.reap_after = from_now(context.settings.lease)
    state.swept_at = max(now, state.swept_at)
    session.flush()
    session.refresh(state)
    return now, state.reap_after


def _reap(context: Context, step: Claimed) -> bool:
    lost: ScriptoriumError = WorkerLost("the worker that held this step was lost")
    if step.overdue:
        lost = DeadlinePassed(f"this step ran for longer than {step.deadline:g} s and its worker did not end it")
    return retry(context, step, lost, killed=True)


def _ring_due(context: Context) -> int:
    """Rings for due work, never more than the idle workers that serve it (they would find nothing)."""
    with transaction(context.sessions) as session:
        due = session.execute(
            select(Step.kind, Step.model, func.count())
            .where(Step.status == StepStatus.QUEUED, Step.due_at <= func.clock_timestamp())
            .group_by(Step.kind, Step.model)
        ).all()
        idle = [worker for worker in alive(session, context.settings.lease) if not worker.holds]
    rung = 0
    for kind, model, count in due:
        able = sum(kind in worker.kinds and (not model or model in worker.models) for worker in idle)
        times = min(count, able)
        if times and context.bell.ring(Kind(kind), model, times):
            rung += times
    return rung


def _erase(context: Context) -> int:
    """Bytes of deleted recordings, once more, when no step of theirs can be writing; and workers long gone."""
    with transaction(context.sessions) as session:
        for worker in session.scalars(select(Worker).where(Worker.seen_at < from_now(-WORKERS_KEPT))):
            session.delete(worker)
        quiet = Recording.deleted_at < from_now(-2 * context.settings.lease)
        waiting = session.scalars(
            select(Recording)
            .where(Recording.erased_at.is_(None), Recording.deleted_at.is_not(None), quiet)
            .limit(MOST_AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        for recording in waiting:
            context.blobs.delete_prefix(recording.prefix)
            recording.erased_at = func.clock_timestamp()
        return len(waiting)


def _expire(context: Context) -> int:
    """Jobs whose owner wanted them deleted by now."""
    with transaction(context.sessions) as session:
        due = select(Job.id).where(Job.delete_at <= func.clock_timestamp(), Job.deleted_at.is_(None))
        found = session.scalars(due.order_by(Job.delete_at).limit(MOST_AT_ONCE)).all()
    return sum(expire(context, job_id) for job_id in found)


def _give_up(context: Context) -> int:
    """Jobs whose model no worker has served for days fail, and say so; their owner can retry."""
    with transaction(context.sessions) as session:
        living = alive(session, context.settings.lease)
        served = {model for worker in living if Kind.TRANSCRIBE in worker.kinds for model in worker.models}
        waiting = session.execute(
            select(Step.job_id, Step.model)
            .where(
                Step.status == StepStatus.QUEUED,
                Step.kind.in_(RECOGNIZED),
                Step.model.not_in(served),
                Step.due_at < from_now(-context.settings.unserved),
            )
            .distinct()
            .limit(MOST_AT_ONCE)
        ).all()
    for job_id, model in waiting:
        _fail_unserved(context, job_id, model)
    return len(waiting)


def _fail_unserved(context: Context, job_id: UUID, model: str) -> None:
    message = f"no worker has served the model {model!r}; start one and retry, or send the recording for another"
    rings = Rings(context)
    with transaction(context.sessions) as session:
        job = locked(session, job_id)
        if job is not None and not Status(job.status).ended:
            error = {"code": "model_not_served", "message": message, "stage": Kind.TRANSCRIBE.value, "retryable": True}
            close(session, job, Status.FAILED, error)
            notices.ended(session, job, rings)
            slots.release(session, job.tenant_id, rings)
    rings.ring()
