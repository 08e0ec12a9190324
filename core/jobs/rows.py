"""What every state change shares: the lock on the job's row, new steps with their fair tags, the end of a job.

Jobs are locked before steps, always: two transactions then cannot wait for each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid6 import uuid7

from core import fairness, plan
from core.context import Context
from core.database import from_now
from core.jobs.crew import able
from core.states import DIARIZED, OPEN, RECOGNIZED, UNDER_WAY, Kind, Status, StepStatus, lane
from core.tables import Job, Step, Tenant, VirtualTime

AT_WORK: tuple[ColumnElement[bool], ...] = (Job.status.in_(UNDER_WAY), Job.held_at.is_(None))
"""Of a job whose steps may be claimed: it has a share of its tenant's."""

_LOCKED = select(Job).where(Job.id == bindparam("job")).with_for_update()
"""Made once, as in `core.jobs.due`."""


@dataclass(frozen=True)
class NewStep:
    kind: Kind
    index: int = 0
    seconds: float = 0.0
    params: dict[str, Any] = field(default_factory=dict)


@dataclass
class Rings:
    """What to ring once the transaction is committed. `deliveries`: there is an event to tell of."""

    context: Context
    deliveries: bool = False
    counts: dict[tuple[Kind, str], int] = field(default_factory=dict)

    def add(self, session: Session, kind: Kind, model: str, count: int) -> None:
        """So much is due. No more rings than there are workers for it: each that finds nothing costs half a chunk's
        bookkeeping."""
        if count > 1:
            count = min(count, max(1, able(session, self.context.settings.lease, kind, model)))
        if count:
            self.counts[kind, model] = self.counts.get((kind, model), 0) + count

    def ring(self) -> None:
        for (kind, model), count in self.counts.items():
            self.context.bell.ring(kind, model, count)
        if self.deliveries:
            self.context.bell.ring_deliveries()


def locked(session: Session, job_id: UUID) -> Job | None:
    """Without this lock two workers that end a job's last two chunks miss each other, and the job sticks for ever."""
    return session.execute(_LOCKED, {"job": job_id}).scalar_one_or_none()


def model_of(job: Job, kind: Kind) -> str:
    """Only the kinds that need a model are claimed by model."""
    if kind in DIARIZED:
        return job.diarizer or ""
    return job.model if kind in RECOGNIZED else ""


def add_steps(session: Session, job: Job, kind: Kind, new: Sequence[NewStep], rings: Rings) -> int:
    """Adds the steps that are not there yet; the caller holds the job's lock. Returns how many were new."""
    if not new:
        return 0
    tallies, model = plan.read(job.tallies), model_of(job, kind)
    known = set(
        session.scalars(
            select(Step.index).where(
                Step.job_id == job.id, Step.kind == kind, Step.index.in_([one.index for one in new])
            )
        )
    )
    missing = [one for one in new if one.index not in known]
    if not missing:
        return 0
    costs = [one.seconds or 1.0 for one in missing]
    status = StepStatus.HELD if job.held_at is not None else StepStatus.QUEUED
    found, tag = fair_tags(session, job, kind, tallies[lane(kind)].tag, costs)
    session.execute(
        insert(Step),
        [
            {
                "id": uuid7(),
                "job_id": job.id,
                "kind": kind.value,
                "index": one.index,
                "model": model,
                "status": status,
                "params": one.params,
                "fair_tag": at,
            }
            for one, at in zip(missing, found, strict=True)
        ],
    )
    tallies[kind] = tallies[kind].added(len(missing), sum(one.seconds for one in missing))
    tallies[lane(kind)] = replace(tallies[lane(kind)], tag=tag)
    job.tallies = plan.written(tallies)
    if status is StepStatus.QUEUED:
        rings.add(session, kind, model, len(missing))
    return len(missing)


def fair_tags(
    session: Session, job: Job, kind: Kind, start: float, costs: Sequence[float]
) -> tuple[list[float], float]:
    """One tag a step, and where the job's next one of that lane starts."""
    of_kind = (VirtualTime.kind == lane(kind), VirtualTime.model == model_of(job, kind))
    virtual_now = session.scalar(select(VirtualTime.value).where(*of_kind))
    weight = _weight(session, job)
    if job.weight is None:
        job.weight = weight
    return fairness.tags(start, virtual_now or 0.0, costs, weight)


def retag(session: Session, job: Job, rings: Rings) -> None:
    """New tags for what is queued, from where it stands, by the job's present share; the caller holds its lock.

    Rings, since a claim passes over rows that are locked here and may have found nothing.
    """
    job.weight = None
    tallies = plan.read(job.tallies)
    for kind in Kind:
        queued = select(Step).where(Step.job_id == job.id, Step.kind == kind, Step.status == StepStatus.QUEUED)
        steps = session.scalars(queued.order_by(Step.index).with_for_update()).all()
        if steps:
            costs = [seconds_of(step.params) or 1.0 for step in steps]
            found, tag = fair_tags(session, job, kind, min(step.fair_tag for step in steps), costs)
            session.execute(
                update(Step), [{"id": step.id, "fair_tag": at} for step, at in zip(steps, found, strict=True)]
            )
            tallies[lane(kind)] = replace(tallies[lane(kind)], tag=tag)
            rings.add(session, kind, model_of(job, kind), len(steps))
    job.tallies = plan.written(tallies)
    if job.weight is None:
        job.weight = _weight(session, job)


def seconds_of(params: dict[str, Any]) -> float:
    """Of audio; none in a step that is no chunk."""
    return float(params.get("end", 0.0)) - float(params.get("start", 0.0))


def _weight(session: Session, job: Job) -> float:
    tenant_weight = session.scalar(select(Tenant.weight).where(Tenant.id == job.tenant_id)) or 1.0
    active = session.scalar(select(func.count()).select_from(Job).where(Job.tenant_id == job.tenant_id, *AT_WORK))
    return fairness.weight(tenant_weight, job.options.get("priority", "normal"), active or 1)


def close(session: Session, job: Job, status: Status, error: dict[str, Any] | None = None) -> None:
    """Ends the job, and whatever of it is open."""
    _cancel_open(session, job, tuple(Kind))
    job.status = status
    if status is Status.FAILED:
        job.error = error or {"code": "internal_error", "message": "a step failed", "stage": "", "retryable": True}
    job.finished_at = func.clock_timestamp()
    job.speakers_until = job.held_at = None
    kept = job.options.get("delete_after_seconds")
    job.delete_at = None if kept is None else from_now(kept)


def give_up_speakers(session: Session, job: Job) -> None:
    """The transcript goes on without them; the caller says why, and what is next."""
    _cancel_open(session, job, DIARIZED)
    tallies = plan.read(job.tallies)
    tallies[Kind.DIARIZE] = replace(tallies[Kind.DIARIZE], given_up=True)
    job.tallies, job.speakers_until = plan.written(tallies), None


def _cancel_open(session: Session, job: Job, kinds: Sequence[Kind]) -> None:
    """Open steps are cancelled, and their attempts raised, so that a late result matches nothing."""
    open_steps = select(Step.id).where(Step.job_id == job.id, Step.kind.in_(kinds), Step.status.in_(OPEN))
    ids = session.scalars(open_steps.order_by(Step.id).with_for_update()).all()  # the order of a heartbeat's locks
    session.execute(
        update(Step)
        .where(Step.id.in_(ids))
        .values(
            status=StepStatus.CANCELLED,
            attempt=Step.attempt + 1,
            lease_until=None,
            worker=None,
            finished_at=func.clock_timestamp(),
        )
    )
    tallies = plan.read(job.tallies)
    ended = {kind: replace(tallies[kind], open=0, failed=tallies[kind].failed + tallies[kind].open) for kind in kinds}
    job.tallies = plan.written(tallies | ended)
