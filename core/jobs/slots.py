"""How many jobs of a tenant are at work at a time. Further ones are held back, not refused: their steps are `held`,
which no claim looks at, until another job of the tenant ends, in the transaction of that end.

Who takes or frees a slot holds the tenant's row meanwhile, so that two at once cannot both count the same free one. It
is locked last, after jobs and steps, and who has it waits for no other lock: held jobs that somebody works on are
passed over. The sweep sees to these, and to a limit that has become another.
"""

from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.context import Context
from core.database import transaction
from core.jobs.rows import AT_WORK, Rings, retag
from core.settings import Settings
from core.states import Status, StepStatus
from core.tables import Job, Step, Tenant

MOST_AT_ONCE = 100
"""Jobs that one transaction lets go."""


def take(session: Session, job: Job, settings: Settings) -> None:
    """Holds the job back where its tenant has no slot left: before its steps are made, or queued again. The caller
    holds its lock."""
    limit = _limit(session, settings, job.tenant_id)
    if limit and _at_work(session, job.tenant_id, Job.id != job.id) >= limit:
        job.status, job.held_at = Status.QUEUED, func.clock_timestamp()
        session.flush()


def release(session: Session, tenant_id: UUID, rings: Rings) -> int:
    """Lets go as many held jobs as there are free slots, those that wait longest first. The last that a transaction
    does: it locks the tenant."""
    session.flush()
    limit = _limit(session, rings.context.settings, tenant_id)
    free = limit - _at_work(session, tenant_id) if limit else MOST_AT_ONCE
    if free <= 0:
        return 0
    waiting = select(Job).where(Job.tenant_id == tenant_id, Job.held_at.is_not(None)).order_by(Job.held_at, Job.id)
    jobs = session.scalars(waiting.limit(min(free, MOST_AT_ONCE)).with_for_update(skip_locked=True)).all()
    for job in jobs:
        _let_go(session, job, rings)
    return len(jobs)


def release_all(context: Context) -> int:
    """The reconciler: of every tenant that has jobs held back. One transaction a tenant."""
    with transaction(context.sessions) as session:
        tenants = session.scalars(select(Job.tenant_id).where(Job.held_at.is_not(None)).distinct()).all()
    return sum(_release(context, tenant_id) for tenant_id in tenants)


def _release(context: Context, tenant_id: UUID) -> int:
    rings = Rings(context)
    with transaction(context.sessions) as session:
        count = release(session, tenant_id, rings)
    rings.ring()
    return count


def _limit(session: Session, settings: Settings, tenant_id: UUID) -> int:
    """0: none. Where there is one, the tenant is locked, against others who count, and not against who merely refers to
    it."""
    own = select(Tenant.concurrent_jobs).where(Tenant.id == tenant_id)
    asked = (own, own.with_for_update(key_share=True))
    limit = 0
    for query in asked:
        found = session.scalar(query)
        limit = settings.concurrent_jobs if found is None else found
        if not limit:
            break
    return limit


def _at_work(session: Session, tenant_id: UUID, *which: object) -> int:
    counted = select(func.count()).select_from(Job).where(Job.tenant_id == tenant_id, *AT_WORK, *which)  # type: ignore[arg-type]
    return session.scalar(counted) or 0


def _let_go(session: Session, job: Job, rings: Rings) -> None:
    """Its tags are of when it came: with them it would pass everybody who waits."""
    job.held_at = None
    session.flush()
    held = update(Step).where(Step.job_id == job.id, Step.status == StepStatus.HELD)
    session.execute(
        held.values(status=StepStatus.QUEUED, due_at=func.clock_timestamp()),
        execution_options={"synchronize_session": False},
    )
    retag(session, job, rings)
