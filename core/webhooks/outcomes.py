"""What became of an attempt: delivered, to be tried again, or given up; and of the endpoint that it was for.

Locked in the order endpoint, receiver, delivery: see `core.webhooks.endpoints`.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.context import Context
from core.database import from_now, transaction
from core.states import DeliveryStatus
from core.tables import AttemptRow, Delivery, Endpoint, Receiver
from core.webhooks import events
from core.webhooks.breaker import Health
from core.webhooks.endpoints import disable, shown_json
from core.webhooks.schedule import delay
from core.webhooks.sending import Parcel, held, lease
from core.webhooks.types import EventType

LONGEST_REST_ASKED = 3600.0
"""Seconds: for so long a receiver may ask to be left alone altogether."""
GONE, ONLY_FAILURES = "gone", "only_failures"
"""Why an endpoint is disabled, where its owner did not do it."""
_GONE = 410
_LOST = {"code": "worker_lost", "message": "the worker that sent it was lost; it may have arrived"}


@dataclass(frozen=True)
class Outcome:
    """`status`: what the receiver answered, None where it did not. `error`: `{"code", "message"}`, None for success.
    `seconds` that it took; `retry_after`: those that it asked for; `answer`: the first of what it said."""

    status: int | None
    seconds: float
    error: dict[str, str] | None = None
    retry_after: float | None = None
    address: str | None = None
    answer: str | None = None

    @property
    def success(self) -> bool:
        return self.error is None


def record(context: Context, parcel: Parcel, outcome: Outcome) -> bool:
    """False where the delivery is no longer ours: also for a second call, after a commit whose answer was lost."""
    told = False
    with transaction(context.sessions) as session:
        endpoint, receiver = _locked(session, parcel.endpoint)
        delivery = session.scalar(select(Delivery).where(*held(parcel.id, parcel.attempt)).with_for_update())
        if delivery is None:
            return False
        _note(session, delivery, outcome)
        was = Health(receiver.failures, receiver.proven, receiver.slow)
        _learn(session, receiver, was, outcome)
        if outcome.success:
            end(delivery, DeliveryStatus.DELIVERED)
            if was.open:
                _back(session, receiver.id)
        else:
            told = _failed(session, context, endpoint, receiver, delivery, outcome)
    if told:
        context.bell.ring_deliveries()
    return True


def _locked(session: Session, endpoint_id: UUID) -> tuple[Endpoint, Receiver]:
    endpoint = session.scalars(select(Endpoint).where(Endpoint.id == endpoint_id).with_for_update(key_share=True)).one()
    row = select(Receiver).where(Receiver.id == endpoint.receiver_id).with_for_update(key_share=True)
    return endpoint, session.scalars(row).one()


def _note(session: Session, delivery: Delivery, outcome: Outcome) -> None:
    session.add(
        AttemptRow(
            delivery_id=delivery.id,
            attempt=delivery.attempt,
            started_at=delivery.started_at,
            seconds=round(outcome.seconds, 3),
            status_code=outcome.status,
            address=outcome.address,
            error=outcome.error,
            answer=None if delivery.thinned else outcome.answer,
        )
    )


def _learn(session: Session, receiver: Receiver, was: Health, outcome: Outcome) -> None:
    now = was.after(success=outcome.success, seconds=outcome.seconds)
    receiver.failures, receiver.proven, receiver.slow = now.failures, now.proven, now.slow
    if outcome.success:
        receiver.failing_since = receiver.rest_until = None
        return
    if receiver.failing_since is None:
        receiver.failing_since = func.clock_timestamp()
    rest = max(now.rest, min(outcome.retry_after or 0.0, LONGEST_REST_ASKED))
    receiver.rest_until = from_now(rest) if rest else None


def _failed(
    session: Session, context: Context, endpoint: Endpoint, receiver: Receiver, delivery: Delivery, outcome: Outcome
) -> bool:
    """Whether others are to be told that the endpoint was disabled."""
    settings = context.settings
    delivery.tries += 1
    session.flush()
    reason = _reason(session, endpoint, receiver, outcome, settings.endpoint_failing_days)
    if reason is not None or endpoint.disabled_at is not None or delivery.tries >= len(settings.delivery_delays):
        end(delivery, DeliveryStatus.FAILED)
    else:
        wait(delivery, delay(settings.delivery_delays, delivery.tries, outcome.retry_after))
    session.flush()
    return reason is not None and _off(session, endpoint, reason)


def _reason(session: Session, endpoint: Endpoint, receiver: Receiver, outcome: Outcome, days: float) -> str | None:
    """Why the endpoint is to be disabled, if it is."""
    if endpoint.disabled_at is not None or endpoint.deleted_at is not None:
        return None
    if outcome.status == _GONE:
        return GONE
    if endpoint.job_id is not None:
        return None
    long = select(Receiver.failing_since < from_now(-86_400 * days)).where(Receiver.id == receiver.id)
    return ONLY_FAILURES if session.scalar(long) else None


def _off(session: Session, endpoint: Endpoint, reason: str) -> bool:
    """A job's own goes without a word: its owner sees it in the delivery."""
    disable(session, endpoint, reason)
    session.flush()
    session.refresh(endpoint)
    if endpoint.job_id is not None:
        return False
    told = {"endpoint": shown_json(session, endpoint)}
    return events.write(session, endpoint.tenant_id, EventType.ENDPOINT_DISABLED, told, but=endpoint.id)


def end(delivery: Delivery, status: DeliveryStatus) -> None:
    delivery.status, delivery.finished_at = status, func.clock_timestamp()
    delivery.lease_until = delivery.worker = delivery.due_at = None


def wait(delivery: Delivery, seconds: float) -> None:
    delivery.status, delivery.due_at = DeliveryStatus.PENDING, from_now(seconds)
    delivery.lease_until = delivery.worker = None


def _back(session: Session, receiver_id: UUID) -> None:
    """It was away and is here again: what waits for its next try, perhaps for hours, goes now. Passes over rows that a
    deletion holds, which may wait for ours."""
    later = (Delivery.receiver_id == receiver_id, Delivery.status == DeliveryStatus.PENDING)
    ids = session.scalars(
        select(Delivery.id).where(*later, Delivery.due_at > func.clock_timestamp()).with_for_update(skip_locked=True)
    ).all()
    session.execute(update(Delivery).where(Delivery.id.in_(ids)).values(due_at=func.clock_timestamp()))


def free(context: Context, limit: int) -> int:
    """Of workers that were lost, what they held: due again at once, and counted as a try, so that what kills a worker
    does not do so for ever. The receiver is not at fault. How many."""
    with transaction(context.sessions) as session:
        ended = (Delivery.status == DeliveryStatus.DELIVERING, Delivery.lease_until < func.clock_timestamp())
        found = select(Delivery.id, Delivery.endpoint_id, Delivery.attempt).where(*ended)
        lost = session.execute(found.order_by(Delivery.lease_until).limit(limit)).all()
    return sum(_free(context, *one) for one in lost)


def _free(context: Context, delivery_id: UUID, endpoint_id: UUID, attempt: int) -> bool:
    with transaction(context.sessions) as session:
        endpoint, _ = _locked(session, endpoint_id)
        lost = select(Delivery).where(*held(delivery_id, attempt), Delivery.lease_until < func.clock_timestamp())
        delivery = session.scalar(lost.with_for_update())
        if delivery is None:
            return False
        _note(session, delivery, Outcome(None, lease(context.settings), _LOST))
        delivery.tries += 1
        if delivery.tries >= len(context.settings.delivery_delays) or endpoint.disabled_at is not None:
            end(delivery, DeliveryStatus.FAILED)
        else:
            wait(delivery, 0.0)
        return True
