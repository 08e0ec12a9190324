"""A recording comes in without a job: its bytes first, then a look into it, then its row. A crash in between leaves at
most bytes that no row names, which the scavenger removes."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.blobs import Arrived
from core.context import Context
from core.database import from_now, transaction
from core.errors import IdempotencyMismatch, InputError, ScriptoriumError
from core.keys import Tenant
from core.probe import Probe, audible
from core.recordings import rows
from core.recordings.rows import Source, recording_json
from core.tables import Recording
from core.turns import turn

PROBE_TIMEOUT = 30.0
"""Seconds that the look into one file may take."""
PATIENCE = 30.0
"""Seconds that an upload waits while as many others are looked into as may be at once."""


@dataclass(frozen=True)
class Kept:
    """`created` is False where the caller's idempotency key had kept the recording before."""

    recording: dict[str, Any]
    created: bool


def keep(context: Context, tenant: Tenant, incoming: Arrived, filename: str) -> dict[str, Any]:
    """The recording, as `show` gives it, with what a probe found. It stays until `delete`, whatever becomes of its
    jobs; a job of it is made by `jobs.submit_kept`. `filename` is for people to read, never a key: any text will do.

    Raises InputError (empty_file, invalid_media, truncated_media, no_audio_stream, media_too_long, decode_timeout) and
    Unavailable; nothing is kept then, and whoever opened the upload discards it.
    """
    return keep_once(context, tenant, incoming, filename).recording


def store(context: Context, tenant: Tenant, incoming: Arrived, filename: str) -> dict[str, Any]:
    """As `keep`, but unseen: what it is, and whether it is a recording at all, its job finds out. It goes with its last
    job; without one it stays until `delete`.

    Raises InputError for an empty file; whoever opened the upload discards it then.
    """
    source = Source(incoming, filename)
    rows.refuse_empty(source)
    recording = rows.placed(tenant, source)
    with rows.discarded_if_refused(context, [recording]), transaction(context.sessions) as session:
        session.add(recording)
        session.flush()
        session.refresh(recording)
        return recording_json(recording)


def keep_once(
    context: Context, tenant: Tenant, incoming: Arrived, filename: str, idempotency_key: str | None = None
) -> Kept:
    """As `keep`, or the recording that this key kept in the last `idempotency_hours`. Raises IdempotencyMismatch where
    that was another, Gone where it was deleted."""
    source = Source(incoming, filename)
    rows.refuse_empty(source)
    with turn(context.probes, PATIENCE, "looking into recordings"):
        recording = rows.placed(tenant, source)
        try:
            looked = _looked_into(context, recording)
        except ScriptoriumError:
            rows.discard(context, [recording])
            raise
    recording.kept, recording.upload_key = True, idempotency_key
    recording.duration, recording.channels = looked.duration, looked.channels
    recording.codec, recording.container = looked.codec, looked.format
    with rows.discarded_if_refused(context, [recording]), transaction(context.sessions) as session:
        kept = _stored(session, context, recording)
    if not kept.created:
        rows.discard(context, [recording])
    return kept


def _looked_into(context: Context, recording: Recording) -> Probe:
    with context.blobs.path(recording.source_key) as path:
        looked = audible(path, PROBE_TIMEOUT)
    limit = context.settings.max_duration
    if looked.duration is not None and looked.duration > limit and not looked.estimated:
        raise InputError(f"the recording is longer than {limit:.0f} s, this server's limit", code="media_too_long")
    return looked


def _stored(session: Session, context: Context, recording: Recording) -> Kept:
    """Two uploads of one key meet at its index: the second waits there until the first is committed."""
    key = (Recording.tenant_id == recording.tenant_id, Recording.upload_key == recording.upload_key)
    expired = Recording.created_at < from_now(-3600 * context.settings.idempotency_hours)
    session.execute(update(Recording).where(*key, expired).values(upload_key=None))
    try:
        with session.begin_nested():
            session.add(recording)
    except IntegrityError:
        first = session.scalars(select(Recording).where(*key)).one()
        return Kept(recording_json(_the_same(first, recording)), created=False)
    session.refresh(recording)
    return Kept(recording_json(recording), created=True)


def _the_same(first: Recording, again: Recording) -> Recording:
    """Raises IdempotencyMismatch, Gone."""
    if first.sha256 != again.sha256:
        raise IdempotencyMismatch(
            "this Idempotency-Key was used for another recording; send a new key with each new one"
        )
    return rows.there(first)
