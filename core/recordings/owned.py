"""What an owner sees of recordings, and does to them."""

from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core import shown
from core.context import Context
from core.database import transaction
from core.errors import Conflict
from core.keys import Tenant
from core.recordings import rows
from core.recordings.rows import recording_json
from core.states import UNDER_WAY
from core.tables import Job, Recording, TrackRow


def show(context: Context, tenant: Tenant, recording_id: UUID) -> dict[str, Any]:
    """Raises NotFound, Gone."""
    with transaction(context.sessions) as session:
        return recording_json(rows.own(session, tenant, recording_id))


def page(context: Context, tenant: Tenant, *, limit: int = 20, cursor: str | None = None) -> dict[str, Any]:
    """Newest first, also those that came with a job. Raises InvalidRequest."""
    query = select(Recording).where(Recording.tenant_id == tenant.id, Recording.deleted_at.is_(None))
    if cursor is not None:
        query = query.where(Recording.id < shown.cursor(cursor))
    with transaction(context.sessions) as session:
        found = session.scalars(query.order_by(Recording.id.desc()).limit(limit + 1)).all()
        listed = [recording_json(one) for one in found[:limit]]
    return {"recordings": listed, "next_cursor": listed[-1]["id"] if len(found) > limit else None}


def delete(context: Context, tenant: Tenant, recording_id: UUID) -> None:
    """Tombstones the recording and erases its bytes; transcripts of its jobs stay. Once more changes nothing.

    Raises NotFound; Conflict recording_in_use while a job of it is under way.
    """
    with transaction(context.sessions) as session:
        rows.found(session, tenant, recording_id)
        (recording,) = rows.alone(session, [recording_id])
        if recording.deleted_at is not None:
            return
        if _under_way(session, recording):
            message = "a job of this recording is under way; wait for it, or cancel it first"
            raise Conflict(message, code="recording_in_use")
        prefix = rows.tombstone(session, recording)
    rows.erase(context, [prefix])


def _under_way(session: Session, recording: Recording) -> bool:
    tracks = select(TrackRow.job_id).where(TrackRow.recording_id == recording.id)
    of_it = or_(Job.recording_id == recording.id, Job.id.in_(tracks))
    return session.scalar(select(select(Job.id).where(of_it, Job.status.in_(UNDER_WAY)).exists())) or False
