"""A recording comes in: its bytes first, then its rows, then the ring. A crash in between leaves at most bytes that
no row names, which the scavenger removes; a caller who was answered has a job."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from uuid6 import uuid7

from core import models, quota
from core.blobs import Arrived
from core.context import Context
from core.database import transaction
from core.errors import SourceForbidden, Unavailable, fault
from core.jobs import notices, slots
from core.jobs.asked import Asked, ask, with_secret
from core.jobs.crew import able
from core.jobs.ends import warn
from core.jobs.once import Keyed, fingerprint, keyed, taken
from core.jobs.onward import go_on
from core.jobs.rows import NewStep, Rings, add_steps
from core.jobs.views import job_json, own
from core.keys import Tenant
from core.options import Options
from core.outgoing import Target
from core.recordings import rows
from core.recordings.rows import Source
from core.states import UNDER_WAY, Kind
from core.storage import check_storage
from core.tables import Job, ParticipantsRow, Recording, TrackRow
from core.webhooks.own import attach
from core.webhooks.types import EventType

QUEUE_RETRY_AFTER = 60
"""Seconds; a queue of that length does not shrink sooner."""


@dataclass(frozen=True)
class Submitted:
    """`created` is False where the caller's idempotency key had made the job before."""

    job: dict[str, Any]
    created: bool


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
    incoming: Arrived,
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
    asked = ask(context, options)
    sources = [Source(incoming, filename), *others]
    for one in sources:
        rows.refuse_empty(one, named=bool(others))
    hashes = [one.incoming.sha256 for one in sources]
    once = keyed(idempotency_key, fingerprint(hashes, options), repeated=repeated)
    new = [rows.placed(tenant, one) for one in sources]

    def added(session: Session) -> Sequence[Recording]:
        session.add_all(new)
        session.flush()
        return new

    with rows.discarded_if_refused(context, new):
        made = _once(context, tenant, asked, once, added)
    if not made.created:
        rows.discard(context, new)
    return made


def submit_kept(
    context: Context,
    tenant: Tenant,
    recording_id: UUID,
    options: Options,
    idempotency_key: str | None = None,
    *,
    repeated: bool = False,
) -> Submitted:
    """As `submit`, of a recording that is here already, whichever way it came. The key stands for its bytes, so that
    the same upload finds the same job.

    Raises NotFound, Gone, UnknownModel, IdempotencyMismatch, InvalidRequest for tracks, Conflict before it was fetched.
    """
    if options.tracks:
        raise fault("tracks", "come as file parts of a multipart body, one each")
    asked = ask(context, options)
    with transaction(context.sessions) as session:
        sha256 = rows.hash_of(rows.found(session, tenant, recording_id))
    once = keyed(idempotency_key, fingerprint([sha256], options), repeated=repeated)
    return _once(context, tenant, asked, once, lambda session: rows.shared(session, [recording_id]))


def submit_url(
    context: Context, tenant: Tenant, url: str, options: Options, idempotency_key: str | None = None
) -> Submitted:
    """As `submit`, of a recording that a worker fetches. Raises InvalidRequest `source_forbidden` for a URL that can be
    seen to lead where this server may not go; what a name's addresses are, the worker finds out."""
    asked = ask(context, options)
    try:
        target = context.settings.outgoing.read(url)
    except SourceForbidden as error:
        raise fault("source_url", error.message, code=error.code) from error
    once = keyed(idempotency_key, fingerprint([target.url], options), repeated=False)

    def added(session: Session) -> Sequence[Recording]:
        coming = Recording(id=uuid7(), tenant_id=tenant.id, filename=target.filename[-rows.LONGEST_NAME :])
        session.add(coming)
        session.flush()
        return [coming]

    return _once(context, tenant, asked, once, added, target)


def _once(
    context: Context,
    tenant: Tenant,
    asked: Asked,
    once: Keyed | None,
    recordings: Callable[[Session], Sequence[Recording]],
    target: Target | None = None,
) -> Submitted:
    """The job that the key made before, else a new one. `recordings`: asked only for a new one, in its transaction."""
    rings, job_id = Rings(context), uuid7()
    with transaction(context.sessions) as session:
        first = job_id if once is None else taken(session, context, tenant, once, job_id)
        if first != job_id:
            return Submitted(job_json(session, own(session, tenant, first)), created=False)
        quota.check(session, context.settings, tenant.id)
        job = _new_job(session, context, tenant, job_id, recordings(session), asked, rings, target)
        shown = job_json(session, job)
    rings.ring()
    return Submitted(with_secret(shown, asked), created=True)


def _new_job(
    session: Session,
    context: Context,
    tenant: Tenant,
    job_id: UUID,
    recordings: Sequence[Recording],
    asked: Asked,
    rings: Rings,
    target: Target | None,
) -> Job:
    """`target`: where its recording is to be fetched."""
    options, model = asked.options, asked.model
    job = Job(
        id=job_id,
        tenant_id=tenant.id,
        submitted_by=tenant.subject,
        recording_id=recordings[0].id,
        options=asked.kept,
        source_url=target.shown if target else None,
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
    if asked.webhook is not None:
        attach(session, tenant, job.id, asked.webhook)
    slots.take(session, job, context.settings)
    if target is not None:
        fetch = NewStep(Kind.FETCH, params={"url": target.url, "host": target.host})
        add_steps(session, job, Kind.FETCH, [fetch], rings)
    go_on(session, job, rings)
    notices.emit(session, job, EventType.JOB_CREATED, rings)
    return job
