"""What callers see of jobs. Reads only; another tenant's ids are not found here."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from core import plan
from core.context import Context
from core.database import transaction
from core.errors import Conflict, Gone, NotFound
from core.jobs import tracks
from core.jobs.crew import alive
from core.jobs.outlook import Outlook, outlook
from core.keys import Tenant
from core.recordings.rows import recording_json
from core.states import DIARIZED, Kind, Status
from core.tables import Job, Recording, TrackRow, TranscriptRow
from core.times import time_json

POLL = 0.25
"""Seconds between looks while a caller waits; no connection is held in between."""


def job_json(session: Session, job: Job) -> dict[str, Any]:
    """A job as the API shows it."""
    return jobs_json(session, [job])[0]


def jobs_json(session: Session, jobs: Sequence[Job], seen: Outlook | None = None) -> list[dict[str, Any]]:
    """As many queries for a page of jobs as for one. `seen`: instead of what lies ahead of them now."""
    recordings = _recordings(session, jobs)
    found, ahead = tracks.shown(session, jobs), outlook(session, jobs) if seen is None else seen
    return [_shown(job, recordings[job.recording_id], found.get(job.id, []), ahead) for job in jobs]


def _shown(
    job: Job, recording: Recording, found: Sequence[tuple[TrackRow, Recording]], ahead: Outlook
) -> dict[str, Any]:
    tallies, status = plan.read(job.tallies), Status(job.status)
    return {
        "id": str(job.id),
        "status": job.status,
        "run": job.run,
        "progress": plan.progress(tallies, status, speakers=job.diarizer is not None),
        "eta_seconds": ahead.eta(job, tallies, _duration(job, recording, found)),
        "queue_position": ahead.position(job),
        "stages": {kind.value: _stage(kind, tallies, status) for kind in _stages(job)},
        "options": job.options,
        "recording": recording_json(recording),
        "source_url": job.source_url,
        "tracks": [_track(row, its) for row, its in found],
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


def _recordings(session: Session, jobs: Sequence[Job]) -> dict[UUID, Recording]:
    those = select(Recording).where(Recording.id.in_({job.recording_id for job in jobs}))
    return {one.id: one for one in session.scalars(those)}


def _duration(job: Job, recording: Recording, found: Sequence[tuple[TrackRow, Recording]]) -> float | None:
    """Of all that is to be heard, where it is known: each track is heard by itself."""
    lengths = [its.duration for _, its in found] or [recording.duration]
    first, last = job.options.get("clip_start") or 0.0, job.options.get("clip_end") or math.inf
    known = [max(0.0, min(one, last) - first) for one in lengths if one is not None]
    return sum(known) if len(known) == len(lengths) else None


def _track(row: TrackRow, its: Recording) -> dict[str, Any]:
    told = {"index": row.index, "channel": row.channel, "offset_seconds": row.offset_seconds, "name": row.name}
    return {**told, "recording": recording_json(its)}


def _stages(job: Job) -> list[Kind]:
    left_out = {*(() if job.diarizer else DIARIZED), *(() if job.source_url else (Kind.FETCH,))}
    return [kind for kind in Kind if kind not in left_out]


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
    shown = show(context, tenant, job_id)
    while (status := Status(shown["status"])) and not status.ended and (left := until - time.monotonic()) > 0:
        time.sleep(min(POLL, left))
        if _status(context, job_id) != status:
            return show(context, tenant, job_id)
    return shown if not seconds or status.ended else show(context, tenant, job_id)


def _status(context: Context, job_id: UUID) -> str | None:
    """All that is asked while nothing changes; None once it was deleted, as `own` then says."""
    with transaction(context.sessions) as session:
        return session.scalar(select(Job.status).where(Job.id == job_id, Job.deleted_at.is_(None)))


def wait_for_end(context: Context, tenant: Tenant, job_id: UUID, seconds: float) -> dict[str, Any]:
    """As `wait`, but through every change until the job has ended."""
    until = time.monotonic() + seconds
    shown = show(context, tenant, job_id)
    while not Status(shown["status"]).ended and (left := until - time.monotonic()) > 0:
        shown = wait(context, tenant, job_id, left)
    return shown


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
