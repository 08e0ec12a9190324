"""Bytes that no row names: of an upload whose process died before its commit, or whose commit was lost; keys of
callers, and what chunks gave, that have had their day. Rows are the truth, so what they do not name goes, once it is
old enough."""

from collections.abc import Sequence
from itertools import islice
from uuid import UUID

from sqlalchemy import delete, select

from core.context import Context
from core.database import from_now, transaction
from core.jobs import library
from core.states import UNDER_WAY
from core.tables import IdempotencyKey, Job, Recording
from core.uploads.tidy import tidy

AT_ONCE = 500


def scavenge(context: Context) -> int:
    """How many recordings without a row, and uploads that broke off or expired, were removed."""
    old = context.settings.orphan_after
    removed = context.blobs.forget_unfinished(old)
    found = context.blobs.aged("recordings", old)
    while names := list(islice(found, AT_ONCE)):
        for orphan in _unnamed(context, names):
            context.blobs.delete_prefix(f"recordings/{orphan}")
            removed += 1
        removed += _never_fetched(context, names)
    with transaction(context.sessions) as session:
        expired = from_now(-3600 * context.settings.idempotency_hours)
        session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < expired))
    library.forget(context)
    return removed + tidy(context)


def _unnamed(context: Context, names: Sequence[UUID]) -> set[UUID]:
    """Of the folders, those without a row, or whose row says that all was erased."""
    with transaction(context.sessions) as session:
        living = select(Recording.id).where(Recording.id.in_(names), Recording.erased_at.is_(None))
        return set(names) - set(session.scalars(living))


def _never_fetched(context: Context, names: Sequence[UUID]) -> int:
    """Bytes of a fetch that was not recorded, of a job that has ended since. Its lock keeps an owner's retry out."""
    removed = 0
    with transaction(context.sessions) as session:
        ended = (Job.status.not_in(UNDER_WAY), Recording.id.in_(names), Recording.bytes.is_(None))
        those = select(Recording.id).join(Job, Job.recording_id == Recording.id).where(*ended).order_by(Job.id)
        for recording in session.scalars(those.with_for_update(of=Job, skip_locked=True)):
            context.blobs.delete_prefix(f"recordings/{recording}")
            removed += 1
    return removed
