"""What became of deliveries, and sending again: one, or all that an endpoint missed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core import shown
from core.context import Context
from core.database import transaction
from core.errors import Conflict, NotFound
from core.keys import Tenant
from core.states import DeliveryStatus
from core.tables import AttemptRow, Delivery, Endpoint, EventRow
from core.times import time_json
from core.webhooks import events
from core.webhooks.endpoints import own
from core.webhooks.types import EventType, wants

AT_ONCE = 500
_OVER = (DeliveryStatus.FAILED, DeliveryStatus.CANCELLED)


def page(
    context: Context,
    tenant: Tenant,
    endpoint_id: UUID,
    status: Sequence[str] = (),
    limit: int = 20,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Newest first."""
    query = select(Delivery, EventRow).join(EventRow, EventRow.id == Delivery.event_id)
    query = query.where(Delivery.endpoint_id == endpoint_id)
    if status:
        query = query.where(Delivery.status.in_(status))
    if cursor is not None:
        query = query.where(Delivery.id < shown.cursor(cursor))
    with transaction(context.sessions) as session:
        own(session, tenant, endpoint_id)
        found = session.execute(query.order_by(Delivery.id.desc()).limit(limit + 1)).all()
        listed = [_json(delivery, event) for delivery, event in found[:limit]]
    return {"deliveries": listed, "next_cursor": listed[-1]["id"] if len(found) > limit else None}


def show(context: Context, tenant: Tenant, delivery_id: UUID) -> dict[str, Any]:
    """With its attempts, in their order; also of a job's own webhook."""
    with transaction(context.sessions) as session:
        return _with_attempts(session, *_found(session, tenant, delivery_id))


def redeliver(context: Context, tenant: Tenant, delivery_id: UUID) -> dict[str, Any]:
    """From the start of its schedule, under the same id, with the same body: also what was delivered. What is on its
    way stays so. Raises Conflict where the endpoint is disabled."""
    with transaction(context.sessions) as session:
        found, _ = _found(session, tenant, delivery_id)
        endpoint = session.get_one(Endpoint, found.endpoint_id, with_for_update={"key_share": True})
        refuse_off(endpoint)
        delivery = session.scalars(
            select(Delivery).where(Delivery.id == delivery_id).with_for_update(),
            execution_options={"populate_existing": True},
        ).one()
        if delivery.status != DeliveryStatus.DELIVERING:
            _again(session, [delivery.id])
            session.expire(delivery)
        shown_ = _with_attempts(session, delivery, session.get_one(EventRow, delivery.event_id))
    context.bell.ring_deliveries()
    return shown_


def recover(
    context: Context, tenant: Tenant, endpoint_id: UUID, since: datetime, until: datetime | None = None
) -> dict[str, Any]:
    """Every event of that span which the endpoint wants and did not get goes to it: what failed, and what there was no
    delivery of, because it was disabled or did not exist yet. All are queued when this returns, so that nothing is
    lost with the process. Raises Conflict where it is disabled."""
    queued = 0
    with transaction(context.sessions) as session:
        endpoint = own(session, tenant, endpoint_id, lock=True)
        refuse_off(endpoint)
        last = None
        while some := _span(session, endpoint, since, until, last):
            last = some[-1][0].id
            wanted = [(event, delivery) for event, delivery in some if wants(endpoint.events, event.type)]
            missed = [event for event, delivery in wanted if delivery is None]
            for event in missed:
                events.tell(session, event, [endpoint])
            failed = [delivery.id for _, delivery in wanted if delivery is not None and delivery.status in _OVER]
            _again(session, failed)
            queued += len(missed) + len(failed)
            session.expunge_all()
            endpoint = own(session, tenant, endpoint_id)
    if queued:
        context.bell.ring_deliveries()
    return {"queued": queued}


def test(context: Context, tenant: Tenant, endpoint_id: UUID) -> dict[str, Any]:
    """An event `test` to this endpoint alone, whatever it wants: its delivery. Raises Conflict where it is disabled."""
    with transaction(context.sessions) as session:
        endpoint = own(session, tenant, endpoint_id)
        refuse_off(endpoint)
        told = {"message": "This is a test.", "webhook_id": str(endpoint_id)}
        event = events.happened(session, tenant.id, EventType.TEST, told)
        events.tell(session, event, [endpoint])
        made = session.scalars(select(Delivery).where(Delivery.event_id == event.id)).one()
        found = _with_attempts(session, made, event)
    context.bell.ring_deliveries()
    return found


def refuse_off(endpoint: Endpoint) -> None:
    """Raises Conflict."""
    if endpoint.deleted_at is not None:
        raise Conflict("its webhook was deleted", code="webhook_deleted")
    if endpoint.disabled_at is not None:
        raise Conflict("the webhook is disabled; PATCH it with disabled=false first", code="webhook_disabled")


def _span(
    session: Session, endpoint: Endpoint, since: datetime, until: datetime | None, last: UUID | None
) -> list[tuple[EventRow, Delivery | None]]:
    """The next of its tenant's events, each with its delivery to the endpoint."""
    mine = (Delivery.event_id == EventRow.id) & (Delivery.endpoint_id == endpoint.id)
    query = select(EventRow, Delivery).outerjoin(Delivery, mine)
    query = query.where(
        EventRow.tenant_id == endpoint.tenant_id,
        EventRow.created_at >= since,
        EventRow.type != EventType.TEST,
    )
    if until is not None:
        query = query.where(EventRow.created_at < until)
    if last is not None:
        query = query.where(EventRow.id > last)
    return [(event, delivery) for event, delivery in session.execute(query.order_by(EventRow.id).limit(AT_ONCE))]


def _again(session: Session, ids: Sequence[UUID]) -> None:
    fresh = {"status": DeliveryStatus.PENDING, "tries": 0, "due_at": func.now(), "finished_at": None}
    session.execute(
        update(Delivery).where(Delivery.id.in_(ids), Delivery.status != DeliveryStatus.DELIVERING).values(**fresh),
        execution_options={"synchronize_session": False},
    )


def _found(session: Session, tenant: Tenant, delivery_id: UUID) -> tuple[Delivery, EventRow]:
    query = select(Delivery, EventRow).join(EventRow, EventRow.id == Delivery.event_id)
    found = session.execute(query.where(Delivery.id == delivery_id, Delivery.tenant_id == tenant.id)).one_or_none()
    if found is None:
        raise NotFound(f"there is no delivery {delivery_id}")
    return found[0], found[1]


def _with_attempts(session: Session, delivery: Delivery, event: EventRow) -> dict[str, Any]:
    of = select(AttemptRow).where(AttemptRow.delivery_id == delivery.id).order_by(AttemptRow.attempt)
    return {**_json(delivery, event), "attempts": [_attempt(one) for one in session.scalars(of)]}


def _attempt(row: AttemptRow) -> dict[str, Any]:
    return {
        "attempt": row.attempt,
        "started_at": time_json(row.started_at),
        "seconds": row.seconds,
        "status_code": row.status_code,
        "address": row.address,
        "error": row.error,
        "answer": row.answer,
    }


def _json(delivery: Delivery, event: EventRow) -> dict[str, Any]:
    return {
        "id": str(delivery.id),
        "webhook_id": str(delivery.endpoint_id),
        "event_id": str(event.id),
        "type": event.type,
        "job_id": str(event.job_id) if event.job_id else None,
        "sequence": event.sequence,
        "status": delivery.status,
        "tries": delivery.tries,
        "created_at": time_json(delivery.created_at),
        "next_try_at": time_json(delivery.due_at),
        "finished_at": time_json(delivery.finished_at),
    }
