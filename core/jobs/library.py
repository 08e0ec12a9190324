"""The chunk cache: what a tenant's chunks gave before, by fingerprint. A caller whose meeting comes twice waits once.

An entry belongs to the recording that was heard, and is erased with it in one transaction; none outlives
SCRIPTORIUM_CACHE_DAYS. What a fingerprint is over, and what an entry holds, is the worker's affair.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.context import Context
from core.database import from_now, transaction
from core.jobs.ends import Effect
from core.options import Options
from core.settings import Settings
from core.tables import Fingerprint, Job

DAY = 86400
AT_ONCE = 1000
"""Entries a transaction: few enough that nobody who writes one waits for long."""


def in_use(settings: Settings, options: Options) -> bool:
    """Whether a job's chunks are looked up, and kept."""
    return settings.cache_days > 0 and options.cache


def known(context: Context, tenant_id: UUID, fingerprints: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of the fingerprints, those that this tenant's chunks had before, with what they gave. One query."""
    if not fingerprints:
        return {}
    found = select(Fingerprint.sha256, Fingerprint.result).where(
        Fingerprint.tenant_id == tenant_id,
        Fingerprint.sha256.in_(fingerprints),
        Fingerprint.created_at > _oldest(context),
    )
    with transaction(context.sessions) as session:
        return {row.sha256: row.result for row in session.execute(found)}


def remember(fingerprint: str, result: dict[str, Any], recording_id: UUID | None = None) -> Effect:
    """Keeps what a chunk gave, with the end of its step. Of two that heard the same at once, the first is kept.
    `recording_id`: the track's, where it is not the job's own.

    Whoever deletes the job holds its row's lock, as `finish` does, so nothing is kept of a recording that was erased.
    At most one entry a transaction: two that keep the same ones in another order would wait for each other.
    """

    def effect(session: Session, job: Job) -> None:
        if job.deleted_at is not None:
            return
        heard = {"sha256": fingerprint, "recording_id": recording_id or job.recording_id, "result": result}
        session.execute(insert(Fingerprint).values(tenant_id=job.tenant_id, **heard).on_conflict_do_nothing())

    return effect


def forget(context: Context) -> int:
    """Removes entries that have had their day, and returns how many they were."""
    removed = 0
    while count := _forget_some(context):
        removed += count
    return removed


def _forget_some(context: Context) -> int:
    """Passes over what somebody else is removing at this moment."""
    key = (Fingerprint.tenant_id, Fingerprint.sha256)
    old = select(*key).where(Fingerprint.created_at <= _oldest(context)).order_by(Fingerprint.created_at)
    batch = old.limit(AT_ONCE).with_for_update(skip_locked=True).cte()
    gone = delete(Fingerprint).where(tuple_(*key).in_(select(batch))).returning(Fingerprint.sha256)
    with transaction(context.sessions) as session:
        return len(session.scalars(gone).all())


def _oldest(context: Context) -> Any:
    return from_now(-DAY * context.settings.cache_days)
