"""A recording's row and its bytes, as uploads, jobs and owners share them.

Locks: a job's row before its recordings', and of several recordings the lower id first. Whoever makes a job of a
recording, or starts one again, shares the recording's lock; whoever erases it holds it alone.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from uuid6 import uuid7

from core.blobs import Arrived
from core.context import Context
from core.errors import Conflict, Gone, InputError, NotFound, ScriptoriumError, Unavailable
from core.keys import Tenant
from core.tables import Fingerprint, Recording
from core.times import time_json

LONGEST_NAME = 255


@dataclass(frozen=True)
class Source:
    """A recording that came in: its bytes, and what its sender calls it."""

    incoming: Arrived
    filename: str


def recording_json(found: Recording) -> dict[str, Any]:
    """A recording as the API shows it, by itself and in its jobs. What nobody has looked for yet is null."""
    shown = ("filename", "duration", "channels", "codec", "container", "bytes", "sha256")
    times = {"created_at": time_json(found.created_at), "deleted_at": time_json(found.deleted_at)}
    return {"id": str(found.id), **{name: getattr(found, name) for name in shown}, **times}


def refuse_empty(source: Source, *, named: bool = False) -> None:
    """Raises InputError. `named`: one of several."""
    if not source.incoming.size:
        which = f"the file {source.filename!r}" if named else "the file"
        raise InputError(f"{which} is empty: it holds no bytes; send the recording itself", code="empty_file")


def placed(tenant: Tenant, source: Source) -> Recording:
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


@contextmanager
def discarded_if_refused(context: Context, recordings: Sequence[Recording]) -> Iterator[None]:
    """Around the transaction that writes their rows: without them their bytes go too."""
    try:
        yield
    except Unavailable:
        raise  # the commit may have been applied before the answer was lost: the bytes stay
    except ScriptoriumError:
        discard(context, recordings)
        raise


def discard(context: Context, recordings: Sequence[Recording]) -> None:
    erase(context, [one.prefix for one in recordings])


def erase(context: Context, prefixes: Sequence[str]) -> None:
    for prefix in prefixes:
        context.blobs.delete_prefix(prefix)


def found(session: Session, tenant: Tenant, recording_id: UUID) -> Recording:
    """Also one that was deleted, of which the row stays. Raises NotFound."""
    recording = session.get(Recording, recording_id)
    if recording is None or recording.tenant_id != tenant.id:
        raise NotFound(f"there is no recording {recording_id}")
    return recording


def own(session: Session, tenant: Tenant, recording_id: UUID) -> Recording:
    """Raises NotFound, Gone."""
    return there(found(session, tenant, recording_id))


def own_here(session: Session, tenant: Tenant, recording_id: UUID) -> Recording:
    """As `own`, of one whose bytes are here. Raises Conflict before."""
    recording = own(session, tenant, recording_id)
    hash_of(recording)
    return recording


def shared(session: Session, recording_ids: Collection[UUID]) -> list[Recording]:
    """Held so that nobody erases them before this transaction ends. Raises Gone."""
    wanted = select(Recording).where(Recording.id.in_(recording_ids)).order_by(Recording.id)
    held = session.scalars(wanted.with_for_update(read=True).execution_options(populate_existing=True))
    return [there(one) for one in held.all()]


def alone(session: Session, recording_ids: Collection[UUID]) -> Sequence[Recording]:
    """Held alone: nobody makes a job of them, or erases them, before this transaction ends."""
    wanted = select(Recording).where(Recording.id.in_(recording_ids)).order_by(Recording.id)
    return session.scalars(wanted.with_for_update().execution_options(populate_existing=True)).all()


def tombstone(session: Session, recording: Recording) -> str:
    """The prefix to erase after the commit; the caller holds the lock alone. The sweep erases it once more, when no
    step can be writing any longer. What was heard in it, and kept for the same sound to come, goes at once."""
    recording.deleted_at, recording.filename = func.clock_timestamp(), ""
    session.execute(delete(Fingerprint).where(Fingerprint.recording_id == recording.id))
    return recording.prefix


def hash_of(recording: Recording) -> str:
    """Raises Conflict where it comes by URL and is not here yet."""
    if recording.sha256 is None:
        message = f"recording {recording.id} is not fetched yet; wait for its job, or submit its URL again"
        raise Conflict(message, code="recording_not_ready")
    return recording.sha256


def there(recording: Recording) -> Recording:
    """Raises Gone."""
    if recording.deleted_at is not None:
        raise Gone(f"recording {recording.id} was deleted at {time_json(recording.deleted_at)}")
    return recording
