"""A tenant's events in an order that never grows in the middle: the pull twin of webhooks.

Ids and times are of the moment in which an event was written, and transactions commit in another order: a reader that
went by them would pass over one whose commit came late. So an event gets its position when it is read for the first
time: under the lock on the tenant's row, all that is committed and has none, in the order of their ids.
"""

import json
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.context import Context
from core.database import transaction
from core.keys import Tenant
from core.tables import EventRow
from core.tables import Tenant as TenantRow

AT_ONCE = 1000
"""Positions given by one look."""


def page(context: Context, tenant: Tenant, after: int = 0, limit: int = 100) -> dict[str, Any]:
    """Oldest first. `next_after` is where to go on, also when there is nothing new."""
    with transaction(context.sessions) as session:
        _place(session, tenant)
        mine = (EventRow.tenant_id == tenant.id, EventRow.position > after)
        found = session.scalars(select(EventRow).where(*mine).order_by(EventRow.position).limit(limit)).all()
        listed = [event_json(one) for one in found]
    return {"events": listed, "next_after": listed[-1]["position"] if listed else after}


def event_json(event: EventRow) -> dict[str, Any]:
    return {"id": str(event.id), "position": event.position, **json.loads(event.payload)}


def _place(session: Session, tenant: Tenant) -> None:
    unplaced = select(EventRow.id).where(EventRow.tenant_id == tenant.id, EventRow.position.is_(None))
    if session.scalar(unplaced.limit(1)) is None:
        return
    # Foreign keys may still be checked against the row: whoever writes an event does not wait for who reads.
    own = select(TenantRow).where(TenantRow.id == tenant.id)
    row = session.scalars(own.with_for_update(key_share=True), execution_options={"populate_existing": True}).one()
    # Passes over what a deletion is thinning, which may wait for the tenant's row: that gets its place later.
    free = unplaced.order_by(EventRow.id).limit(AT_ONCE).with_for_update(skip_locked=True)
    ids = session.scalars(free).all()
    placed = [{"id": one, "position": row.event_position + number} for number, one in enumerate(ids, 1)]
    if placed:
        session.execute(update(EventRow), placed)
    row.event_position += len(placed)
    session.flush()
