"""What an owner does to a job: cancel and delete."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.context import Context
from core.database import transaction
from core.errors import NotFound
from core.jobs.rows import close, locked
from core.jobs.views import job_json, own
from core.keys import Tenant
from core.states import Status
from core.tables import BlockRow, DiarizationRow, Fingerprint, Job, Recording, SegmentRow, Step, TranscriptRow


def cancel(context: Context, tenant: Tenant, job_id: UUID) -> dict[str, Any]:
    """Queued steps never start; a running one learns it at its next heartbeat, and its result is refused.
    A job that has ended stays as it is."""
    with transaction(context.sessions) as session:
        locked(session, job_id)
        job = own(session, tenant, job_id)
        if not Status(job.status).ended:
            close(session, job, Status.CANCELLED)
            session.flush()
            session.refresh(job)
        return job_json(session, job)


def delete(context: Context, tenant: Tenant, job_id: UUID) -> None:
    """Tombstones the job and erases its transcript at once; its audio goes with the last job of the recording.

    Bytes are erased after the commit, and once more by the sweep when no step can be writing any longer.
    """
    with transaction(context.sessions) as session:
        job = locked(session, job_id)
        if job is None or job.tenant_id != tenant.id:
            raise NotFound(f"there is no job {job_id}")
        prefix = _delete(session, job) if job.deleted_at is None else None
    if prefix is not None:
        context.blobs.delete_prefix(prefix)


def expire(context: Context, job_id: UUID) -> bool:
    """Deletes a job whose time (`delete_after_seconds`) has come; not one that its owner retried meanwhile."""
    with transaction(context.sessions) as session:
        job = locked(session, job_id)
        now = session.scalar(select(func.clock_timestamp()))
        if job is None or job.deleted_at is not None or job.delete_at is None or now is None or job.delete_at > now:
            return False
        prefix = _delete(session, job)
    if prefix is not None:
        context.blobs.delete_prefix(prefix)
    return True


def _delete(session: Session, job: Job) -> str | None:
    """The prefix to erase, where no other job needs the recording; the caller holds the job's lock."""
    # Before the job changes: a second change of one row in a transaction checks its foreign keys, with a shared
    # lock on the recording, and two deletes that both share it could then wait for each other.
    recording = _locked_recording(session, job)
    if not Status(job.status).ended:
        close(session, job, Status.CANCELLED)
    _erase_rows(session, job)
    return _orphaned(session, recording)


def _erase_rows(session: Session, job: Job) -> None:
    for table in (SegmentRow, TranscriptRow, DiarizationRow, BlockRow):
        session.execute(sql_delete(table).where(table.job_id == job.id))
    unsaid = Step.params.op("-")("prompt")  # what the second pass was told: a piece of the transcript
    session.execute(update(Step).where(Step.job_id == job.id).values(result=None, last_error=None, params=unsaid))
    job.deleted_at = func.clock_timestamp()
    job.job_metadata, job.tag, job.warnings = {}, None, []
    job.options = {key: value for key, value in job.options.items() if key == "priority"}


def _locked_recording(session: Session, job: Job) -> Recording:
    return session.execute(select(Recording).where(Recording.id == job.recording_id).with_for_update()).scalar_one()


def _orphaned(session: Session, recording: Recording) -> str | None:
    """The prefix of the recording, when this was its last job; the caller holds its lock. What was heard in it, and
    kept for the same sound to come, goes at once."""
    session.flush()
    others = select(func.count()).select_from(Job).where(Job.recording_id == recording.id, Job.deleted_at.is_(None))
    if session.scalar(others):
        return None
    recording.deleted_at, recording.filename = func.clock_timestamp(), ""
    session.execute(sql_delete(Fingerprint).where(Fingerprint.recording_id == recording.id))
    return recording.prefix
