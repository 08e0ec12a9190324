"""A recording comes in: its bytes first, then its rows, then the ring. A crash in between leaves at most bytes that
no row names; a caller who was answered has a job."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from uuid6 import uuid7

from core import models
from core.blobs import Incoming
from core.context import Context
from core.database import transaction
from core.errors import InputError, Unavailable
from core.jobs.claims import alive
from core.jobs.ends import warn
from core.jobs.rows import Rings, go_on
from core.jobs.views import job_json
from core.keys import Tenant
from core.options import Options
from core.tables import Job, Recording

LONGEST_NAME = 255


def check_room(context: Context, coming: int = 0) -> None:
    """Raises Unavailable before an upload of `coming` bytes is read, when the disk would be nearly full after it."""
    free, total = context.blobs.room()
    if free - coming < max(context.settings.min_free_bytes, context.settings.min_free_share * total):
        raise Unavailable("the server's storage is nearly full; try again later", code="storage_full")


def submit(context: Context, tenant: Tenant, incoming: Incoming, filename: str, options: Options) -> dict[str, Any]:
    """Keeps the recording and makes its job. Raises InputError for an empty file, UnknownModel for an unknown model;
    whoever opened the upload discards it then."""
    model = models.resolve(options.model or context.settings.model, context.settings).name
    if not incoming.size:
        raise InputError("the file is empty: it holds no bytes; send the recording itself", code="empty_file")
    recording = Recording(
        id=uuid7(),
        tenant_id=tenant.id,
        filename=filename[-LONGEST_NAME:],
        bytes=incoming.size,
        sha256=incoming.sha256,
    )
    incoming.commit(recording.source_key)
    rings = Rings()
    try:
        with transaction(context.sessions) as session:
            session.add(recording)
            session.flush()
            shown = job_json(session, _new_job(session, context, tenant.id, recording, options, model, rings))
    except Unavailable:
        raise  # the commit may have been applied before the answer was lost: the bytes stay
    except BaseException:
        context.blobs.delete_prefix(recording.prefix)
        raise
    rings.ring(context)
    return shown


def _new_job(
    session: Session,
    context: Context,
    tenant_id: UUID,
    recording: Recording,
    options: Options,
    model: str,
    rings: Rings,
) -> Job:
    job = Job(
        id=uuid7(),
        tenant_id=tenant_id,
        recording_id=recording.id,
        options=options.model_dump(mode="json"),
        model=model,
        tag=options.tag,
        job_metadata=options.metadata,
        tallies={},
        warnings=[],
        status="queued",
    )
    if options.diarization:
        warn(job, "diarization_unavailable", "this server does not find speakers yet; the transcript has none", None)
    if not any(model in worker.models for worker in alive(session, context.settings.lease)):
        warn(job, "model_not_served", f"no worker serves the model {model!r} now; the job waits until one does", None)
    session.add(job)
    session.flush()
    go_on(session, job, rings)
    session.flush()
    session.refresh(job)
    return job
