"""The reconciler: what a lost message, a dead worker or a crash left behind is put right here. It may run in several
copies: each change goes through the same functions as any other, one job at a time."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.context import Context
from core.database import from_now, transaction
from core.errors import ScriptoriumError
from core.jobs.claims import Claimed
from core.jobs.ends import retry
from core.states import Kind, StepStatus
from core.tables import Recording, Step, SweepState, Worker

MOST_AT_ONCE = 200
GAP_IN_SWEEPS = 3
"""So many missed sweeps mean an outage: workers could not renew their leases either, and get one lease to do so."""
WORKERS_KEPT = 3600.0
"""Seconds that a worker which was not heard of stays in the table."""


@dataclass(frozen=True)
class Swept:
    reaped: int
    rung: int
    erased: int


class WorkerLost(ScriptoriumError):
    code = "worker_lost"


def sweep(context: Context) -> Swept:
    reaped = sum(_reap(context, step) for step in _ended_leases(context))
    rung = _ring_due(context)
    erased = _erase(context)
    return Swept(reaped, rung, erased)


def _ended_leases(context: Context) -> list[Claimed]:
    with transaction(context.sessions) as session:
        now, reap_after = _note_sweep(session, context)
        if now < reap_after:
            return []
        ended = (
            select(Step.id)
            .where(Step.status == StepStatus.RUNNING, Step.lease_until < func.clock_timestamp())
            .order_by(Step.lease_until)
            .limit(MOST_AT_ONCE)
        )
        return Claimed.read(session, ended)


def _note_sweep(session: Session, context: Context) -> tuple[datetime, datetime]:
    """The present, and from when on leases may be reaped."""
    now = session.scalar(select(func.clock_timestamp()))
    assert now is not None
    session.execute(insert(SweepState).values(id=1, swept_at=now, reap_after=now).on_conflict_do_nothing())
    state = session.execute(select(SweepState).where(SweepState.id == 1).with_for_update()).scalar_one()
    if (now - state.swept_at).total_seconds() > GAP_IN_SWEEPS * context.settings.sweep:
        state.reap_after = from_now(context.settings.lease)
    state.swept_at = max(now, state.swept_at)
    session.flush()
    session.refresh(state)
    return now, state.reap_after


def _reap(context: Context, step: Claimed) -> bool:
    lost = WorkerLost("the worker that held this step was lost")
    return retry(context, step, lost, killed=True)


def _ring_due(context: Context) -> int:
    """Rings for due work, never more than the idle workers that serve it (they would find nothing)."""
    with transaction(context.sessions) as session:
        due = session.execute(
            select(Step.kind, Step.model, func.count())
            .where(Step.status == StepStatus.QUEUED, Step.due_at <= func.clock_timestamp())
            .group_by(Step.kind, Step.model)
        ).all()
        idle = session.scalars(
            select(Worker).where(Worker.seen_at > from_now(-2 * context.settings.lease), Worker.holds == 0)
        ).all()
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
