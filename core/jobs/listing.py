"""A tenant's jobs, page by page. Newest first: ids are UUIDv7, so their order is that of creation, and a page begins
behind the last id of the one before, whatever came or changed meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from core import shown
from core.context import Context
from core.database import transaction
from core.jobs.views import jobs_json
from core.keys import Tenant
from core.tables import Job


@dataclass(frozen=True)
class Filter:
    """All that is given must hold. `created_after` is in the span, `created_before` is not; both know their zone."""

    status: Sequence[str] = ()
    tag: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    created_after: datetime | None = None
    created_before: datetime | None = None


ALL = Filter()


def page(
    context: Context, tenant: Tenant, wanted: Filter = ALL, *, limit: int = 20, cursor: str | None = None
) -> dict[str, Any]:
    query = _filtered(select(Job).where(Job.tenant_id == tenant.id, Job.deleted_at.is_(None)), wanted)
    if cursor is not None:
        query = query.where(Job.id < shown.cursor(cursor))
    with transaction(context.sessions) as session:
        found = session.scalars(query.order_by(Job.id.desc()).limit(limit + 1)).all()
        listed = jobs_json(session, found[:limit])
    return {"jobs": listed, "next_cursor": listed[-1]["id"] if len(found) > limit else None}


@dataclass(frozen=True)
class Neighbours:
    """`jobs` as `show` gives them, newest first. `older`: whether there may be more behind the last."""

    jobs: list[dict[str, Any]]
    older: bool


def neighbours(
    context: Context,
    tenant: Tenant,
    wanted: Filter = ALL,
    *,
    limit: int = 20,
    before: UUID | None = None,
    after: UUID | None = None,
) -> Neighbours:
    """The newest jobs; those made just before one, or just after one, whether that one is there or not."""
    query = _filtered(select(Job).where(Job.tenant_id == tenant.id, Job.deleted_at.is_(None)), wanted)
    if before is not None:
        query = query.where(Job.id < before)
    if after is not None:
        query = query.where(Job.id > after)
    upwards = after is not None and before is None
    query = query.order_by(Job.id if upwards else Job.id.desc()).limit(limit + 1)
    with transaction(context.sessions) as session:
        found = session.scalars(query).all()
        listed = jobs_json(session, found[:limit])
    return Neighbours(listed[::-1], bool(listed)) if upwards else Neighbours(listed, len(found) > limit)


def _filtered(query: Select[Job], wanted: Filter) -> Select[Job]:
    if wanted.status:
        query = query.where(Job.status.in_(wanted.status))
    if wanted.tag is not None:
        query = query.where(Job.tag == wanted.tag)
    if wanted.metadata:
        query = query.where(Job.job_metadata.contains(wanted.metadata))
    if wanted.created_after is not None:
        query = query.where(Job.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        query = query.where(Job.created_at < wanted.created_before)
    return query
