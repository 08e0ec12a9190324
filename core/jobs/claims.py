"""Taking steps and keeping them. Claims are short and touch no job; every time is the database's."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Interval, Row, Select, bindparam, cast, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from core import deadlines
from core.budget import Tries
from core.context import Context
from core.database import from_now, transaction
from core.jobs import notices
from core.jobs.crew import GONE
from core.jobs.due import Due, next_due, tries
from core.jobs.rows import Rings
from core.settings import Settings
from core.states import Kind, Status, StepStatus, lane
from core.tables import Job, Step, VirtualTime, Worker
from core.webhooks.types import EventType


@dataclass(frozen=True)
class Claimed:
    """A step in a worker's hands. Every later write names `id` and `attempt`."""

    id: UUID
    job_id: UUID
    kind: Kind
    index: int
    model: str
    attempt: int
    params: dict[str, Any]
    options: dict[str, Any]
    tenant_id: UUID
    recording_id: UUID
    run: int
    job_model: str
    tries: Tries
    alone: bool
    deadline: float
    """Seconds that it may run, from the claim."""
    job_waits: bool = False
    """Whether it is the first step of its job that was claimed."""
    overdue: bool = False

    @property
    def sound(self) -> UUID:
        """The recording that it is about: the job's, or its track's."""
        return UUID(self.params["recording"]) if "recording" in self.params else self.recording_id

    @classmethod
    def of(cls, row: Row[Any], settings: Settings) -> "Claimed":
        """Of the columns `_CLAIMED`."""
        return cls(
            id=row.id,
            job_id=row.job_id,
            kind=Kind(row.kind),
            index=row.number,
            model=row.model,
            attempt=row.attempt,
            params=row.params,
            options=row.options,
            tenant_id=row.tenant_id,
            recording_id=row.recording_id,
            run=row.run,
            job_model=row.job_model,
            tries=tries(row),
            alone=row.alone,
            deadline=deadlines.seconds(Kind(row.kind), settings),
            job_waits=row.job_waits,
            overdue=bool(row.overdue),
        )

    @classmethod
    def read(cls, session: Session, steps: Select[UUID], settings: Settings) -> "list[Claimed]":
        """Those whose ids the query gives, with what their jobs say."""
        found = select(*_CLAIMED).join(Job, Job.id == Step.job_id).where(Step.id.in_(steps))
        return [cls.of(row, settings) for row in session.execute(found.order_by(Step.fair_tag, Step.id))]


_CLAIMED: tuple[Any, ...] = (
    Step.id, Step.job_id, Step.kind, Step.index.label("number"), Step.model, Step.attempt, Step.params, Step.kills,
    Step.errors, Step.outages, Step.suspect, Step.alone, Step.fair_tag, Job.options, Job.tenant_id, Job.recording_id,
    Job.run, Job.model.label("job_model"), (Job.status == Status.QUEUED).label("job_waits"),
    (Step.deadline_at < func.clock_timestamp()).label("overdue"),
)  # fmt: skip
"""Of a step and its job: what a Claimed says, and its place in the order."""


def claim(
    context: Context,
    worker: str,
    kinds: Sequence[Kind],
    models: Sequence[str],
    limit: int = 1,
    *,
    beside: bool = False,
) -> list[Claimed]:
    """The next due steps in fair order, at most `limit`, across jobs and tenants.

    A step that failed or killed before comes alone: it may be poison, and a neighbour would be condemned with it. So
    nothing comes `beside` what the worker holds already, where such a step is the next.
    """
    with transaction(context.sessions) as session:
        due = next_due(session, context, kinds, models, limit)
        if not due or (beside and tries(due[0]).alone):
            return []
        first = due[0]
        taken = [first] if tries(first).alone else [one for one in due if not tries(one).alone]
        _advance(session, max(taken, key=lambda step: step.fair_tag))
        held = _take(session, worker, taken, context.settings, alone=len(taken) == 1 and not beside)
    started(context, {claimed.job_id for claimed in held if claimed.job_waits})
    return held


def _take(session: Session, worker: str, taken: Sequence[Due], settings: Settings, *, alone: bool) -> list[Claimed]:
    statement = _taking(settings.lease, deadlines.seconds(Kind(taken[0].kind), settings))
    those = {"steps": [step.id for step in taken], "by": worker, "without_neighbours": alone}
    rows = session.execute(statement, those).all()
    return [Claimed.of(row, settings) for row in sorted(rows, key=lambda row: (row.fair_tag, row.id))]


@cache
def _taking(lease: float, deadline: float) -> ReturningUpdate[Any]:
    claimed = update(Step).where(Step.id.in_(bindparam("steps", expanding=True)), Job.id == Step.job_id)
    return (
        claimed.values(
            status=StepStatus.RUNNING,
            attempt=Step.attempt + 1,
            alone=bindparam("without_neighbours"),
            worker=bindparam("by"),
            lease_until=from_now(lease),
            deadline_at=from_now(deadline),
            started_at=func.clock_timestamp(),
        )
        .returning(*_CLAIMED)
        .execution_options(synchronize_session=False)
    )


def _advance(session: Session, latest: Due) -> None:
    session.execute(_ADVANCE, {"kind": lane(Kind(latest.kind)), "model": latest.model, "value": latest.fair_tag})


def _advancing() -> Insert:
    made = insert(VirtualTime).values({name: bindparam(name) for name in ("kind", "model", "value")})
    return made.on_conflict_do_update(
        index_elements=["kind", "model"], set_={"value": func.greatest(VirtualTime.value, made.excluded.value)}
    )


_ADVANCE = _advancing()


def started(context: Context, job_ids: set[UUID]) -> None:
    """A job whose first step was claimed is under way. Apart from the claim, which may touch no job."""
    if not job_ids:
        return
    rings = Rings(context)
    with transaction(context.sessions) as session:
        waiting = select(Job).where(Job.id.in_(job_ids), Job.status == Status.QUEUED).order_by(Job.id)
        for job in session.scalars(waiting.with_for_update()).all():
            job.status, job.started_at = Status.PROCESSING, func.clock_timestamp()
            notices.emit(session, job, EventType.JOB_STARTED, rings)
    rings.ring()


def heartbeat(context: Context, worker: str, held: Sequence[Claimed]) -> set[UUID]:
    """Renews the leases of what this worker still holds, and returns those steps: one that is missing was
    cancelled, or taken over after its lease had ended."""
    with transaction(context.sessions) as session:
        session.execute(
            update(Worker).where(Worker.name == worker).values(seen_at=func.clock_timestamp(), holds=len(held))
        )
        if not held:
            return set()
        ours = select(Step.id).where(
            tuple_(Step.id, Step.attempt).in_([(one.id, one.attempt) for one in held]),
            Step.status == StepStatus.RUNNING,
        )
        kept = set(session.scalars(ours.order_by(Step.id).with_for_update()))  # the order of `rows.close`: no deadlock
        session.execute(update(Step).where(Step.id.in_(kept)).values(lease_until=_renewed(context.settings.lease)))
        return kept


def _renewed(lease: float) -> Any:
    """Never far past the deadline: a process that hangs whole, but for its heartbeat, is found by the sweep."""
    return func.least(from_now(lease), Step.deadline_at + cast(literal(f"{lease} seconds"), Interval))


def register(context: Context, worker: str, kinds: Sequence[str], models: Sequence[str], info: dict[str, Any]) -> None:
    """Says that this worker is alive and what it serves."""
    said = {"kinds": [str(kind) for kind in kinds], "models": list(models), "info": info}
    with transaction(context.sessions) as session:
        session.execute(
            insert(Worker)
            .values(name=worker, **said)
            .on_conflict_do_update(
                index_elements=["name"],
                set_={**said, "holds": 0, "started_at": func.clock_timestamp(), "seen_at": func.clock_timestamp()},
            )
        )


def resign(context: Context, worker: str) -> None:
    """It counts as dead from now on; that it was there is still known, for who would rather wait for its return."""
    with transaction(context.sessions) as session:
        gone = {"seen_at": from_now(-GONE * context.settings.lease), "holds": 0}
        session.execute(update(Worker).where(Worker.name == worker).values(**gone))
