"""What is put right, and what has had its day."""

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from core.context import Context
from core.database import from_now, transaction
from core.states import DeliveryStatus
from core.tables import Delivery, Endpoint, EventRow, Job, Receiver
from core.webhooks import events
from core.webhooks.endpoints import end
from core.webhooks.outcomes import free

AT_ONCE = 500


def sweep(context: Context, *, reap: bool = True) -> int:
    """What lost workers held goes back, what is for nobody ends, and what is due is rung for. How many were freed.
    `reap`: not just after an outage, in which nobody could write down what became of what it sent."""
    freed = free(context, AT_ONCE) if reap else 0
    with transaction(context.sessions) as session:
        _end_unwanted(session)
    if waits(context):
        context.bell.ring_deliveries()
    return freed


def waits(context: Context) -> bool:
    """Whether anything is due at a receiver that is not resting."""
    now = func.clock_timestamp()
    with transaction(context.sessions) as session:
        due = select(Delivery.id).join(Receiver, Receiver.id == Delivery.receiver_id)
        due = due.join(Endpoint, Endpoint.id == Delivery.endpoint_id).where(
            Delivery.status == DeliveryStatus.PENDING, Delivery.due_at <= now, *events.active()
        )
        awake = Receiver.rest_until.is_(None) | (Receiver.rest_until <= now)
        return session.scalar(due.where(awake).limit(1)) is not None


def _end_unwanted(session: Session) -> None:
    """Of endpoints that were disabled or deleted in the moment in which an event was written."""
    off = (Endpoint.disabled_at.is_not(None), Endpoint.deleted_at.is_not(None))
    those = select(Endpoint.id, Endpoint.deleted_at).where(off[0] | off[1])
    waiting = select(Delivery.id).where(Delivery.endpoint_id == Endpoint.id, Delivery.status == DeliveryStatus.PENDING)
    for endpoint_id, deleted_at in session.execute(those.where(waiting.exists()).limit(AT_ONCE)).all():
        status = DeliveryStatus.FAILED if deleted_at is None else DeliveryStatus.CANCELLED
        end(session, [endpoint_id], status, (DeliveryStatus.PENDING,))


def expire(context: Context) -> int:
    """Events that had their time go, with their deliveries; then endpoints and receivers that nothing names any more.
    How many events."""
    total = 0
    while count := _expire(context):
        total += count
    with transaction(context.sessions) as session:
        _forget(session)
    return total


def _expire(context: Context) -> int:
    """What is under way at this moment is let be: it will have ended at the next look."""
    busy = select(Delivery.id).where(Delivery.event_id == EventRow.id, Delivery.status == DeliveryStatus.DELIVERING)
    old = EventRow.created_at < from_now(-86_400 * context.settings.events_days)
    with transaction(context.sessions) as session:
        found = select(EventRow.id).where(old, ~busy.exists()).order_by(EventRow.created_at).limit(AT_ONCE)
        ids = session.scalars(found.with_for_update(skip_locked=True)).all()
        session.execute(delete(EventRow).where(EventRow.id.in_(ids)))
        return len(ids)


def _forget(session: Session) -> None:
    """Of a deleted job, or deleted itself, and no delivery names it. Locked first, and looked at again then: nobody can
    name what is locked."""
    deleted = select(Job.id).where(Job.id == Endpoint.job_id, Job.deleted_at.is_not(None))
    named = select(Delivery.id).where(Delivery.endpoint_id == Endpoint.id)
    _remove(session, Endpoint, Endpoint.deleted_at.is_not(None) | deleted.exists(), ~named.exists())
    used = select(Endpoint.id).where(Endpoint.receiver_id == Receiver.id)
    _remove(session, Receiver, ~used.exists())


def _remove(session: Session, table: type[Endpoint] | type[Receiver], *unused: ColumnElement[bool]) -> None:
    those = select(table.id).where(*unused).limit(AT_ONCE).with_for_update(skip_locked=True)
    ids = session.scalars(those).all()
    session.execute(delete(table).where(table.id.in_(ids), *unused), execution_options={"synchronize_session": False})
