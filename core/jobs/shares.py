"""A tenant's share is split over its active jobs, whose number changes while their chunks wait. Tags are made when a
step is; so the sweep makes those anew whose job's share has become another."""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import fairness
from core.context import Context
from core.database import transaction
from core.jobs.rows import AT_WORK, Rings, locked, retag
from core.states import Status
from core.tables import Job, Tenant

TOLERATED = 1.25
"""A share may differ so much, up or down, before tags are made anew: each time costs a write a queued step."""
MOST_AT_ONCE = 100


def rebalance(context: Context) -> int:
    """How many jobs' tags were made anew. One transaction a job."""
    with transaction(context.sessions) as session:
        changed = list(_changed(session))[:MOST_AT_ONCE]
    for job_id in changed:
        _rebalance(context, job_id)
    return len(changed)


def _changed(session: Session) -> Iterator[UUID]:
    active = select(Job.tenant_id, func.count().label("jobs")).where(*AT_WORK).group_by(Job.tenant_id)
    counted = active.subquery()
    rows = session.execute(
        select(Job.id, Job.weight, Job.options["priority"].astext, Tenant.weight, counted.c.jobs)
        .join(Tenant, Tenant.id == Job.tenant_id)
        .join(counted, counted.c.tenant_id == Job.tenant_id)
        .where(*AT_WORK, Job.weight.is_not(None))
        .order_by(Job.id)
    )
    for job_id, weight, priority, tenant_weight, jobs in rows:
        ratio = fairness.weight(tenant_weight, priority or "normal", jobs) / weight
        if not 1 / TOLERATED <= ratio <= TOLERATED:
            yield job_id


def _rebalance(context: Context, job_id: UUID) -> None:
    rings = Rings(context)
    with transaction(context.sessions) as session:
        job = locked(session, job_id)
        if job is not None and not Status(job.status).ended:
            retag(session, job, rings)
    rings.ring()
