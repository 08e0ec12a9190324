"""What callers see of jobs. Reads only; another tenant's ids are not found here."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from core import plan, shown
from core.context import Context
from core.database import transaction
from core.errors import Conflict, Gone, NotFound
from core.jobs import tracks
from core.jobs.crew import alive
from core.keys import Tenant
from core.recordings.rows import recording_json
from core.states import DIARIZED, Kind, Status
from core.tables import Job, Recording, TranscriptRow
from core.times import time_json

POLL = 0.25
"""Seconds between looks while a caller waits; no connection is held in between."""


def job_json(session: Session, job: Job) -> dict[str, Any]:
    """A job as the API shows it."""
    tallies, status = plan.read(job.tallies), Status(job.status)
    done = plan.progress(tallies, status)
    return {
        "id": str(job.id),
        "status": job.status,
        "run": job.run,
        "progress": done,
        "eta_seconds": _eta(job, done),
        "queue_position": _queue_position(session, job) if status is Status.QUEUED else None,
        "stages": {kind.value: _stage(kind, tallies, status) for kind in _stages(job)},
        "options": job.options,
        "recording": _recording(session, job.recording_id),
        "tracks": [_track(session, one) for one in tracks.of(session, job)],
        "language": job.language,
        "language_probability": job.language_probability,
        "confidence": job.confidence,
        "model": job.model_info or {"name": job.model, "revision": None},
        "warnings": job.warnings,
        "error": job.error,
        "metadata": job.job_metadata,
        "tag": job.tag,
        "created_at": time_json(job.created_at),
        "started_at": time_json(job.started_at),
        "finished_at": time_json(job.finished_at),
    }


def _recording(session: Session, recording_id: UUID) -> dict[str, Any]:
    return recording_json(session.get_one(Recording, recording_id))


def _track(session: Session, track: tracks.Track) -> dict[str, Any]:
    told = {"index": track.index, "channel": track.channel, "offset_seconds": track.offset, "name": track.name}
    return {**told, "recording": _recording(session, track.recording_id)}


def _stages(job: Job) -> list[Kind]:
    return [kind for kind in Kind if job.diarizer is not None or kind not in DIARIZED]


def _stage(kind: Kind, tallies: Mapping[Kind, plan.Tally], status: Status) -> dict[str, Any]:
    tally = tallies[kind]
    if kind in DIARIZED and tallies[Kind.DIARIZE].given_up:
        state = "failed"
    elif tally.failed and not tally.done and not tally.open:
        state = "cancelled" if status is Status.CANCELLED else "failed"
    elif tally.ended and (kind is not Kind.TRANSCRIBE or tallies[Kind.INGEST].done):
        state = "completed"
    elif status is Status.COMPLETED or (tally.chosen and not tally.open):
        state = "completed"  # silence has no chunks, and a sure text no second pass
    else:
        state = "processing" if tally.total else "queued"
    share = plan.share(tally) if tally.seconds else float(state == "completed")
    cached = {"cached": tally.cached} if kind is Kind.TRANSCRIBE else {}
    return {"status": state, "progress": round(share, 4), "seconds": round(tally.busy, 3), **cached}


def _eta(job: Job, done: float) -> float | None:
    """Seconds left, from the speed since the start; None before there is a speed to measure."""
    if job.status != Status.PROCESSING or job.started_at is None or done < 0.1:
        return None
    elapsed = (datetime.now(UTC) - job.started_at).total_seconds()
    return round(max(0.0, elapsed / done * (1 - done)), 1)


def _queue_position(session: Session, job: Job) -> int:
    before = select(func.count()).select_from(Job).where(Job.status == Status.QUEUED, Job.id < job.id)
    return 1 + (session.scalar(before) or 0)


def own(session: Session, tenant: Tenant, job_id: UUID) -> Job:
    job = session.get(Job, job_id)
    if job is None or job.tenant_id != tenant.id:
        raise NotFound(f"there is no job {job_id}")
    if job.deleted_at is not None:
        raise Gone(f"job {job_id} was deleted at {time_json(job.deleted_at)}")
    return job


def show(context: Context, tenant: Tenant, job_id: UUID) -> dict[str, Any]:
    with transaction(context.sessions) as session:
        return job_json(session, own(session, tenant, job_id))


def wait(context: Context, tenant: Tenant, job_id: UUID, seconds: float) -> dict[str, Any]:
    """Answers when the job's status changes or it ends, at most `seconds` from now."""
    until = time.monotonic() + seconds
    first = shown = show(context, tenant, job_id)
    while not Status(shown["status"]).ended and shown["status"] == first["status"] and time.monotonic() < until:
        time.sleep(min(POLL, max(0.0, until - time.monotonic())))
        shown = show(context, tenant, job_id)
    return shown


def wait_for_end(context: Context, tenant: Tenant, job_id: UUID, seconds: float) -> dict[str, Any]:
    """As `wait`, but through every change until the job has ended."""
    until = time.monotonic() + seconds
    shown = show(context, tenant, job_id)
    while not Status(shown["status"]).ended and (left := until - time.monotonic()) > 0:
        shown = wait(context, tenant, job_id, left)
    return shown


def page(
    context: Context,
    tenant: Tenant,
    *,
    status: str | None = None,
    tag: str | None = None,
    limit: int = 20,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Newest first: ids are UUIDv7, so their order is that of creation."""
    query = select(Job).where(Job.tenant_id == tenant.id, Job.deleted_at.is_(None))
    if status is not None:
        query = query.where(Job.status == status)
    if tag is not None:
        query = query.where(Job.tag == tag)
    if cursor is not None:
        query = query.where(Job.id < shown.cursor(cursor))
    with transaction(context.sessions) as session:
        found = session.scalars(query.order_by(Job.id.desc()).limit(limit + 1)).all()
        listed = [job_json(session, job) for job in found[:limit]]
    return {"jobs": listed, "next_cursor": listed[-1]["id"] if len(found) > limit else None}


def transcript(context: Context, tenant: Tenant, job_id: UUID) -> dict[str, Any]:
    """The transcript document. Raises Conflict before there is one."""
    document: dict[str, Any] = json.loads(transcript_json(context, tenant, job_id))
    return document


def transcript_json(context: Context, tenant: Tenant, job_id: UUID) -> str:
    """The same as JSON, as the database has it: ten hours of words as Python objects would be 100 MB."""
    with transaction(context.sessions) as session:
        return _stored(session, own(session, tenant, job_id))


def stored_transcript(session: Session, job: Job) -> dict[str, Any]:
    """Raises Conflict before there is one."""
    document: dict[str, Any] = json.loads(_stored(session, job))
    return document


def _stored(session: Session, job: Job) -> str:
    text = func.coalesce(cast(TranscriptRow.document, Text), cast(TranscriptRow.body, Text))
    document: str | None = session.scalar(select(text).where(TranscriptRow.job_id == job.id))
    if document is not None:
        return document
    if job.status == Status.FAILED and job.error:
        raise Conflict(f"the job failed: {job.error['message']}", code="job_failed")
    if job.status == Status.CANCELLED:
        raise Conflict("the job was cancelled before its transcript was ready", code="job_cancelled")
    raise Conflict(
        "the job has not finished; ask again, or wait with GET /v1/jobs/{id}?wait=30", code="job_not_finished"
    )


def served_models(context: Context) -> list[dict[str, Any]]:
    """What live workers serve, one entry a model."""
    found: dict[str, dict[str, Any]] = {}
    with transaction(context.sessions) as session:
        for worker in alive(session, context.settings.lease):
            for model in worker.models if Kind.TRANSCRIBE in worker.kinds else ():
                entry = found.setdefault(
                    model, {**worker.info.get("model", {"name": model}), "name": model, "workers": 0}
                )
                entry["workers"] += 1
    return list(found.values())


def workers(context: Context) -> list[dict[str, Any]]:
    """Who is alive, what they serve and how many steps they hold."""
    with transaction(context.sessions) as session:
        return [
            {
                "name": worker.name,
                "kinds": worker.kinds,
                "models": worker.models,
                "holds": worker.holds,
                "started_at": time_json(worker.started_at),
                "seen_at": time_json(worker.seen_at),
            }
            for worker in alive(session, context.settings.lease)
        ]
