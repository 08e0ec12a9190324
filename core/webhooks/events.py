"""What happened, written in the transaction in which it does, with a delivery for each endpoint that wants to know."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid6 import uuid7

from core.tables import AttemptRow, Delivery, Endpoint, EventRow
from core.times import time_json
from core.webhooks.types import EventType, wants


@dataclass(frozen=True)
class OfJob:
    """Which of a job's events it is; the caller holds the job's lock."""

    id: UUID
    run: int
    sequence: int


def write(
    session: Session,
    tenant_id: UUID,
    kind: EventType,
    data: dict[str, Any],
    *,
    of: OfJob | None = None,
    but: UUID | None = None,
) -> bool:
    """True where somebody is to be told: ring for it after the commit. `but`: an endpoint that is not."""
    event = happened(session, tenant_id, kind, data, of)
    return tell(session, event, [one for one in _wanting(session, event) if one.id != but])


def happened(
    session: Session, tenant_id: UUID, kind: EventType, data: dict[str, Any], of: OfJob | None = None
) -> EventRow:
    """Written, and nobody told."""
    told = data if of is None else {**data, "sequence": of.sequence}
    now = session.scalars(select(func.clock_timestamp())).one()
    event = EventRow(
        id=uuid7(),
        tenant_id=tenant_id,
        job_id=of and of.id,
        run=of and of.run,
        sequence=of and of.sequence,
        type=kind,
        payload=written({"type": kind, "timestamp": time_json(now), "data": told}),
        created_at=now,
    )
    session.add(event)
    session.flush()
    return event


def written(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def tell(session: Session, event: EventRow, endpoints: Sequence[Endpoint]) -> bool:
    """A delivery each, due from the start of the transaction, so that several go in the order of their events. Those
    that have one keep it as it is."""
    if not endpoints:
        return False
    rows = [
        {
            "id": uuid7(),
            "event_id": event.id,
            "endpoint_id": one.id,
            "receiver_id": one.receiver_id,
            "tenant_id": event.tenant_id,
        }
        for one in endpoints
    ]
    session.execute(insert(Delivery).values(due_at=func.now()).on_conflict_do_nothing(), rows)
    return True


def _wanting(session: Session, event: EventRow) -> list[Endpoint]:
    """The tenant's, and the job's own."""
    those: ColumnElement[bool] = Endpoint.job_id.is_(None)
    if event.job_id is not None:
        those = or_(those, Endpoint.job_id == event.job_id)
    query = select(Endpoint).where(Endpoint.tenant_id == event.tenant_id, those, *active())
    found = session.scalars(query.order_by(Endpoint.id))
    return [one for one in found if wants(one.events, event.type)]


def active() -> tuple[Any, ...]:
    """Of endpoints, those that are told something."""
    return Endpoint.disabled_at.is_(None), Endpoint.deleted_at.is_(None)


def thin(session: Session, job_id: UUID, job: dict[str, Any]) -> None:
    """Of a job that is deleted, its events keep `job` and nothing else: no transcript, no name, no word of a receiver.
    What is still to be delivered is delivered so. The caller holds the job's lock."""
    told = select(EventRow).where(EventRow.job_id == job_id).order_by(EventRow.id)
    for event in session.scalars(told):
        before = json.loads(event.payload)
        event.payload = written({**before, "data": {"job": job, "sequence": event.sequence}})
    session.flush()
    theirs = select(Delivery.id).join(EventRow, EventRow.id == Delivery.event_id).where(EventRow.job_id == job_id)
    ids = session.scalars(theirs.order_by(Delivery.id).with_for_update(of=Delivery)).all()
    session.execute(update(Delivery).where(Delivery.id.in_(ids)).values(body=None, thinned=True))
    session.execute(update(AttemptRow).where(AttemptRow.delivery_id.in_(ids)).values(answer=None))
