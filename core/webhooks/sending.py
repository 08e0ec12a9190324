"""Deliveries in the hands of those who send them: claimed with a lease, and what became of each.

A claim is decided by one process at a time, so that what a receiver has under way is counted right; it waits for no
other lock. What is recorded matches the attempt: who lost its lease changes nothing.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, select, true, update
from sqlalchemy.orm import Session

from core import vault
from core.context import Context
from core.database import from_now, transaction
from core.errors import Unavailable
from core.settings import Settings
from core.states import DeliveryStatus
from core.tables import Delivery, Endpoint, EventRow, Receiver
from core.webhooks import bodies, events, signing
from core.webhooks.breaker import Health, UnderWay, Waiting, choose, room
from core.webhooks.signing import Secrets

CLAIMS = 7_310_474
"""Of pg_advisory_xact_lock: who may be sent to next is decided by one at a time."""
GRACE = 15.0
"""Seconds that a lease is longer than a request may take: for finding the address, and for writing down the end."""


@dataclass(frozen=True)
class Parcel:
    """A delivery in a worker's hands. Every later write names `id` and `attempt`; `message` is the same each time."""

    id: UUID
    message: UUID
    endpoint: UUID
    attempt: int
    url: str
    body: bytes
    secrets: tuple[Secrets, ...]
    claimed_at: float
    _claimed: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> float:
        """Seconds since 1970 by the database's clock: a receiver refuses what was signed at another time, and this
        machine's clock may be off by hours."""
        return self.claimed_at + time.monotonic() - self._claimed

    def headers(self) -> dict[str, str]:
        """For one request: signed now, by every secret that counts."""
        at = int(self.now)
        signed = [one for held in self.secrets for one in signing.signatures(held, str(self.message), at, self.body)]
        return {
            "webhook-id": str(self.message),
            "webhook-timestamp": str(at),
            "webhook-signature": " ".join(signed),
            "Content-Type": "application/json",
        }


def lease(settings: Settings) -> float:
    """A request is bounded, so nobody renews it."""
    return settings.delivery_seconds + GRACE


def claim(context: Context, worker: str, free: int) -> list[Parcel]:
    """What is due, at most `free`: of receivers that have room, the oldest of each. Raises Unavailable, also where the
    installation key is missing, before anything is claimed."""
    settings = context.settings
    with transaction(context.sessions) as session:
        session.execute(select(func.pg_advisory_xact_lock(CLAIMS)))
        under_way = _under_way(session)
        waiting = _waiting(session, under_way)
        chosen = choose(waiting, [one for one, _ in under_way.values()], settings.deliveries, free)
        return [_parcel(session, settings, row) for row in _take(session, worker, settings, chosen)]


def _under_way(session: Session) -> dict[UUID, tuple[UnderWay, float]]:
    """By receiver: with the age of the oldest."""
    age = func.max(func.extract("epoch", func.clock_timestamp() - Delivery.started_at))
    found = session.execute(
        select(Receiver, func.count().label("count"), age.label("oldest"))
        .join(Delivery, Delivery.receiver_id == Receiver.id)
        .where(Delivery.status == DeliveryStatus.DELIVERING)
        .group_by(Receiver.id)
    )
    return {
        one.id: (UnderWay(one.tenant_id, _health(one).width > 1, count), float(oldest)) for one, count, oldest in found
    }


def _waiting(session: Session, under_way: dict[UUID, tuple[UnderWay, float]]) -> list[Waiting]:
    """The oldest of each receiver that is not resting, as many as it has room for."""
    now = func.clock_timestamp()
    due = (
        select(Delivery.id, Delivery.due_at, Delivery.event_id)
        .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
        .where(Delivery.receiver_id == Receiver.id, Delivery.status == DeliveryStatus.PENDING, Delivery.due_at <= now)
        .where(*events.active())
        .order_by(Delivery.due_at, Delivery.event_id)
        .limit(Health(proven=True).width)
        .lateral("due")
    )
    awake = Receiver.rest_until.is_(None) | (Receiver.rest_until <= now)
    since = func.extract("epoch", now - due.c.due_at).label("since")
    rows = session.execute(
        select(Receiver, due.c.id, since).join(due, true()).where(awake).order_by(due.c.due_at, due.c.event_id)
    )
    found: list[Waiting] = []
    given: dict[UUID, int] = {}
    for one, delivery_id, waits in rows:
        mine, oldest = under_way.get(one.id, (None, 0.0))
        given[one.id] = given.get(one.id, 0) + 1
        if given[one.id] <= room(_health(one), mine.count if mine else 0, oldest):
            found.append(Waiting(delivery_id, one.id, one.tenant_id, _health(one).width > 1, float(waits)))
    return found


def _health(one: Receiver) -> Health:
    return Health(one.failures, one.proven, one.slow)


def _take(session: Session, worker: str, settings: Settings, chosen: Sequence[UUID]) -> Sequence[Any]:
    """Passes over what somebody else holds at this moment: a deletion, or a redelivery."""
    if not chosen:
        return []
    free = select(Delivery.id).where(Delivery.id.in_(chosen), Delivery.status == DeliveryStatus.PENDING)
    ids = session.scalars(free.order_by(Delivery.id).with_for_update(skip_locked=True)).all()
    taken = update(Delivery).where(Delivery.id.in_(ids))
    session.execute(
        taken.values(
            status=DeliveryStatus.DELIVERING,
            attempt=Delivery.attempt + 1,
            worker=worker,
            due_at=None,
            started_at=func.clock_timestamp(),
            lease_until=from_now(lease(settings)),
        )
    )
    rotating = func.coalesce(Endpoint.before_until > func.clock_timestamp(), literal(False)).label("rotating")
    both = select(Delivery, Endpoint, EventRow, rotating).join(Endpoint, Endpoint.id == Delivery.endpoint_id)
    query = both.join(EventRow, EventRow.id == Delivery.event_id).where(Delivery.id.in_(ids))
    # Of two with the same receiver, the earlier event first: they were chosen so, and leave in this order.
    return session.execute(query.order_by(EventRow.id), execution_options={"populate_existing": True}).all()


def _parcel(session: Session, settings: Settings, row: Any) -> Parcel:
    delivery, endpoint, event, rotating = row
    if delivery.body is None and not delivery.thinned:
        delivery.body = bodies.with_transcript(session, event, endpoint)
    sealed = [endpoint.sealed, *([endpoint.sealed_before] if rotating else [])]
    return Parcel(
        id=delivery.id,
        message=event.id,
        endpoint=endpoint.id,
        attempt=delivery.attempt,
        url=endpoint.url,
        body=(delivery.body or event.payload).encode(),
        claimed_at=delivery.started_at.timestamp(),
        secrets=tuple(Secrets.of(_opened(settings, one)) for one in sealed),
    )


def _opened(settings: Settings, sealed: str) -> str:
    try:
        return vault.unseal(settings, sealed)
    except vault.Unreadable as error:
        said = "a webhook's secret was sealed with another installation key; name that one beside the new one"
        raise Unavailable(said, code="secret_unreadable") from error


def hand_back(context: Context, parcel: Parcel) -> None:
    """At a shutdown, before it was sent: nothing is counted."""
    back = {"status": DeliveryStatus.PENDING, "lease_until": None, "worker": None, "due_at": func.clock_timestamp()}
    with transaction(context.sessions) as session:
        session.execute(update(Delivery).where(*held(parcel.id, parcel.attempt)).values(**back))


def held(delivery_id: UUID, attempt: int) -> tuple[Any, ...]:
    """Whether it is still in the hands of who claimed it."""
    return Delivery.id == delivery_id, Delivery.attempt == attempt, Delivery.status == DeliveryStatus.DELIVERING
