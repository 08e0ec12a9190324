"""A list of jobs that is read in both directions, from any job in it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from core.context import Context
from core.database import transaction
from core.jobs.views import job_json
from core.keys import Tenant
from core.states import Status
from core.tables import Job


@dataclass(frozen=True)
class Neighbours:
    """`jobs` as `show` gives them, newest first. `older`: whether there may be more behind the last."""

    jobs: list[dict[str, Any]]
    older: bool


def neighbours(
    context: Context,
    tenant: Tenant,
    *,
    limit: int,
    statuses: Collection[Status] = (),
    created_on: date | None = None,
    before: UUID | None = None,
    after: UUID | None = None,
) -> Neighbours:
    """The newest jobs; those made just before one, or just after one, whether that one is there or not. `created_on`: a
    day in UTC. Without `statuses`, of all. Ids are UUIDv7, so their order is that of creation."""
    query = select(Job).where(Job.tenant_id == tenant.id, Job.deleted_at.is_(None))
    if statuses:
        query = query.where(Job.status.in_(statuses))
    if created_on is not None:
        midnight = datetime.combine(created_on, time(), UTC)
        query = query.where(Job.created_at >= midnight, Job.created_at < midnight + timedelta(days=1))
    if before is not None:
        query = query.where(Job.id < before)
    if after is not None:
        query = query.where(Job.id > after)
    upwards = after is not None and before is None
    query = query.order_by(Job.id if upwards else Job.id.desc()).limit(limit + 1)
    with transaction(context.sessions) as session:
        found = list(session.scalars(query))
        listed = [job_json(session, job) for job in found[:limit]]
    return Neighbours(listed[::-1], bool(listed)) if upwards else Neighbours(listed, len(found) > limit)
