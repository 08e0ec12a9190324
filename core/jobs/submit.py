"""A recording comes in: its bytes first, then its rows, then the ring. A crash in between leaves at most bytes that
no row names, which the scavenger removes; a caller who was answered has a job."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from uuid6 import uuid7

from core import models, quota
from core.blobs import Incoming
from core.context import Context
from core.database import transaction
from core.errors import InputError, ScriptoriumError, Unavailable
from core.jobs import slots
from core.jobs.crew import able
from core.jobs.ends import warn
from core.jobs.once import Keyed, fingerprint, keyed, taken
from core.jobs.onward import go_on
from core.jobs.rows import Rings
from core.jobs.views import job_json, own
from core.keys import Tenant
from core.options import Options
from core.states import UNDER_WAY, Kind
from core.tables import Job, ParticipantsRow, Recording, TrackRow

LONGEST_NAME = 255
QUEUE_RETRY_AFTER = 60
"""Seconds; a queue of that length does not shrink sooner."""


@dataclass(frozen=True)
class Submitted:
    """`created` is False where the caller's idempotency key had made the job before."""

    job: dict[str, Any]
    created: bool


@dataclass(frozen=True)
class Source:
    """A recording that came in: its bytes, and what its sender calls it."""

    incoming: Incoming
    filename: str


def check_storage(context: Context, coming: int = 0) -> None:
    """Raises Unavailable when the disk is nearly full, or would be after `coming` bytes."""
    free, total = context.blobs.room()
    if free - coming < max(context.settings.min_free_bytes, context.settings.min_free_share * total):
        raise Unavailable("the server's storage is nearly full; try again later", code="storage_full")


def check_quota(context: Context, tenant: Tenant) -> None:
    """Raises QuotaExceeded, as `submit` would, before an upload is read. Not for one that may be a job already."""
    with transaction(context.sessions) as session:
        quota.check(session, context.settings, tenant.id)


def check_room(context: Context, coming: int = 0) -> None:
    """Raises Unavailable before an upload of `coming` bytes is read: for want of storage, or when so many jobs are
    under way that another would only wait."""
    check_storage(context, coming)
    most = context.settings.max_open_jobs
    with transaction(context.sessions) as session:
        open_jobs = select(Job.id).where(Job.status.in_(UNDER_WAY)).limit(most).subquery()
        if (session.scalar(select(func.count()).select_from(open_jobs)) or 0) >= most:
            raise Unavailable(
                f"{most} jobs are under way, as many as this server takes; try again later",
                code="queue_full",
                retry_after=QUEUE_RETRY_AFTER,
            )


def submit(
    context: Context,
    tenant: Tenant,
    incoming: Incoming,
    filename: str,
    options: Options,
    idempotency_key: str | None = None,
    others: Sequence[Source] = (),
    *,
    repeated: bool = False,
) -> Submitted:
    """Keeps the recording and makes its job, or finds the one that this key made in the last 24 hours. `others`: the
    second and further tracks, of a job that has them; `options.tracks` describes all. `repeated`: the caller knows no
    keys and may send all again: the same recording and options are one job while it goes on, and for a while after.

    Raises InputError for an empty file, UnknownModel, IdempotencyMismatch, QuotaExceeded; whoever opened the upload
    discards it then.
    """
    model = models.resolve(options.model or context.settings.model, context.settings).name
    sources = [Source(incoming, filename), *others]
    for one in sources:
        if not one.incoming.size:
            which = f"the file {one.filename!r}" if others else "the file"
            raise InputError(f"{which} is empty: it holds no bytes; send the recording itself", code="empty_file")
    hashes = [one.incoming.sha256 for one in sources]
    once = keyed(idempotency_key, fingerprint(hashes, options), repeated=repeated)
    recordings = [_kept(tenant, one) for one in sources]
    rings = Rings(context)
    try:
        with transaction(context.sessions) as session:
            made = _made(session, context, tenant, recordings, options, model, once, rings)
    except Unavailable:
        raise  # the commit may have been applied before the answer was lost: the bytes stay
    except ScriptoriumError:
        _discard(context, recordings)
        raise
    if not made.created:
        _discard(context, recordings)
    rings.ring()
    return made


def _kept(tenant: Tenant, source: Source) -> Recording:
    """Its bytes in their place, and the row that will name them."""
    recording = Recording(
        id=uuid7(),
        tenant_id=tenant.id,
        filename=source.filename[-LONGEST_NAME:],
        bytes=source.incoming.size,
        sha256=source.incoming.sha256,
    )
    source.incoming.commit(recording.source_key)
    return recording


def _discard(context: Context, recordings: Sequence[Recording]) -> None:
    for recording in recordings:
        context.blobs.delete_prefix(recording.prefix)


def _made(
    session: Session,
    context: Context,
    tenant: Tenant,
    recordings: Sequence[Recording],
    options: Options,
    model: str,
    once: Keyed | None,
    rings: Rings,
) -> Submitted:
    job_id = uuid7()
    if once is not None:
        first = taken(session, context, tenant, once, job_id)
        if first != job_id:
            return Submitted(job_json(session, own(session, tenant, first)), created=False)
    quota.check(session, context.settings, tenant.id)
    session.add_all(recordings)
    session.flush()
    return Submitted(
        job_json(session, _new_job(session, context, tenant, job_id, recordings, options, model, rings)), True
    )


def _new_job(
    session: Session,
    context: Context,
    tenant: Tenant,
    job_id: UUID,
    recordings: Sequence[Recording],
    options: Options,
    model: str,
    rings: Rings,
) -> Job:
    job = Job(
        id=job_id,
        tenant_id=tenant.id,
        submitted_by=tenant.subject,
        recording_id=recordings[0].id,
        options=options.model_dump(mode="json", exclude={"participants"}),
        model=model,
        diarizer=models.diarizer(context.settings).name if options.diarization else None,
        tag=options.tag,
        job_metadata=options.metadata,
        tallies={},
        warnings=[],
        status="queued",
    )
    if job.diarizer and not able(session, context.settings.lease, Kind.DIARIZE, job.diarizer):
        said = f"no worker serves the diarizer {job.diarizer!r} now; the transcript waits for none and has no speakers"
        warn(job, "diarizer_not_served", said, Kind.DIARIZE)
    if not able(session, context.settings.lease, Kind.TRANSCRIBE, model):
        warn(job, "model_not_served", f"no worker serves the model {model!r} now; the job waits until one does", None)
    session.add(job)
    session.flush()
    for index, (track, recording) in enumerate(zip(options.tracks, recordings, strict=bool(options.tracks))):
        told = {"offset_seconds": track.offset_seconds, "name": track.name}
        session.add(TrackRow(job_id=job.id, index=index, recording_id=recording.id, **told))
    if options.participants:
        told_of = [one.model_dump(mode="json") for one in options.participants]
        session.add(ParticipantsRow(job_id=job.id, body=told_of))
    session.flush()
    slots.take(session, job, context.settings)
    go_on(session, job, rings)
    session.flush()
    session.refresh(job)
    return job
