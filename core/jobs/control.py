"""What an owner does to a job: cancel and delete."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from core.context import Context
from core.database import transaction
from core.errors import NotFound
from core.jobs import notices, slots
from core.jobs.rows import Rings, close, locked
from core.jobs.tracks import recordings_of
from core.jobs.views import job_json, own
from core.keys import Tenant
from core.recordings import rows
from core.states import Status
from core.tables import (
    BlockRow,
    DiarizationRow,
    Job,
    ParticipantsRow,
    Recording,
    SegmentRow,
    Step,
    TrackRow,
    TranscriptRow,
)


def cancel(context: Context, tenant: Tenant, job_id: UUID) -> dict[str, Any]:
    """Queued steps never start; a running one learns it at its next heartbeat, and its result is refused.
    A job that has ended stays as it is."""
    rings = Rings(context)
    with transaction(context.sessions) as session:
        locked(session, job_id)
        job = own(session, tenant, job_id)
        if not Status(job.status).ended:
            close(session, job, Status.CANCELLED)
            notices.ended(session, job, rings)
            slots.release(session, job.tenant_id, rings)
            session.refresh(job)
        shown = job_json(session, job)
    rings.ring()
    return shown


def delete(context: Context, tenant: Tenant, job_id: UUID) -> None:
    """Tombstones the job and erases its transcript at once; its audio goes with the last job of the recording.

    Bytes are erased after the commit, and once more by the sweep when no step can be writing any longer.
    """
    rings = Rings(context)
    with transaction(context.sessions) as session:
        job = locked(session, job_id)
        if job is None or job.tenant_id != tenant.id:
            raise NotFound(f"there is no job {job_id}")
        prefixes = _delete(session, job, rings) if job.deleted_at is None else []
    rings.ring()
    rows.erase(context, prefixes)


def expire(context: Context, job_id: UUID) -> bool:
    """Deletes a job whose time (`delete_after_seconds`) has come; not one that its owner retried meanwhile."""
    rings = Rings(context)
    with transaction(context.sessions) as session:
        job = locked(session, job_id)
        now = session.scalar(select(func.clock_timestamp()))
        if job is None or job.deleted_at is not None or job.delete_at is None or now is None or job.delete_at > now:
            return False
        prefixes = _delete(session, job, rings)
    rings.ring()
    rows.erase(context, prefixes)
    return True


def _delete(session: Session, job: Job, rings: Rings) -> list[str]:
    """The prefixes to erase, of the recordings that no other job needs; the caller holds the job's lock."""
    # Before the job changes: a second change of one row in a transaction checks its foreign keys, with a shared
    # lock on the recording, and two deletes that both share it could then wait for each other.
    recordings = rows.alone(session, recordings_of(session, job))
    if not Status(job.status).ended:
        close(session, job, Status.CANCELLED)
        notices.ended(session, job, rings)
    _erase_rows(session, job)
    notices.deleted(session, job, rings)
    prefixes = [rows.tombstone(session, one) for one in recordings if not _stays(session, one)]
    slots.release(session, job.tenant_id, rings)
    return prefixes


def _erase_rows(session: Session, job: Job) -> None:
    for table in (SegmentRow, TranscriptRow, DiarizationRow, BlockRow, TrackRow, ParticipantsRow):
        session.execute(sql_delete(table).where(table.job_id == job.id))
    # What the second pass was told, a piece of the transcript; where the recording was to be fetched.
    unsaid = Step.params.op("-")("prompt").op("-")("url")
    session.execute(update(Step).where(Step.job_id == job.id).values(result=None, last_error=None, params=unsaid))
    job.deleted_at = func.clock_timestamp()
    job.job_metadata, job.tag, job.source_url, job.warnings = {}, None, None, []
    job.options = {key: value for key, value in job.options.items() if key == "priority"}


def _stays(session: Session, recording: Recording) -> bool:
    """For its own sake, or another job's: a deleted job has no tracks any more. One that is gone already is let be."""
    if recording.kept or recording.deleted_at is not None:
        return True
    own = select(Job.id).where(Job.recording_id == recording.id, Job.deleted_at.is_(None))
    track = select(TrackRow.job_id).where(TrackRow.recording_id == recording.id)
    return session.scalar(select(or_(own.exists(), track.exists()))) or False
