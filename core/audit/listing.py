"""What an administrator sees of the trail: the tenant's own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from core.context import Context
from core.database import transaction
from core.tables import AuditBatch, AuditEntry
from core.times import time_json


def page(
    context: Context,
    tenant_id: UUID,
    *,
    after: int = 0,
    limit: int = 100,
    subject: str | None = None,
    begin: datetime | None = None,
    end: datetime | None = None,
) -> dict[str, Any]:
    """Chained entries in the order of the chain, from the one after `after`; at `begin` or later, and before `end`."""
    query = select(AuditEntry, AuditBatch).join(AuditBatch, AuditBatch.number == AuditEntry.batch)
    query = query.where(AuditEntry.tenant_id == tenant_id, AuditEntry.position > after)
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    if begin is not None:
        query = query.where(AuditEntry.at >= begin)
    if end is not None:
        query = query.where(AuditEntry.at < end)
    with transaction(context.sessions) as session:
        found = session.execute(query.order_by(AuditEntry.position).limit(limit + 1)).all()
    shown = [_shown(entry, batch) for entry, batch in found[:limit]]
    return {"entries": shown, "next_after": shown[-1]["position"] if len(found) > limit else None}


def _shown(entry: AuditEntry, batch: AuditBatch) -> dict[str, Any]:
    names = ("position", "request_id", "subject", "method", "route", "ids", "parameters", "status", "duration_ms")
    sealed = {"number": batch.number, "last": batch.last, "sha256": batch.sha256.hex()}
    return {
        **{name: getattr(entry, name) for name in names},
        "at": time_json(entry.at),
        "address": entry.address,
        "user_agent": entry.user_agent,
        "batch": {**sealed, "chained_at": time_json(batch.chained_at)},
    }
