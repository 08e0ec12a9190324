"""What happened, who is told, and how that went."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.states import DeliveryStatus
from core.tables.base import Base, among


class Receiver(Base):
    """How whoever receives fares (`core.webhooks.breaker.Health`): an endpoint, under its id, or all that one tenant's
    jobs name at one host, so that a thousand jobs' own webhooks at a dead host are one dead receiver."""

    __tablename__ = "receivers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    failing_since: Mapped[datetime | None]
    proven: Mapped[bool] = mapped_column(server_default=text("false"))
    slow: Mapped[bool] = mapped_column(server_default=text("false"))
    rest_until: Mapped[datetime | None]


class Endpoint(Base):
    """Where a tenant wants to be told, or, with `job_id`, where one job is. `events`: the types, empty for all.
    `sealed` holds its secrets (`core.webhooks.signing`), `sealed_before` those that sign too until `before_until`. A
    deleted endpoint keeps neither its secrets nor its URL."""

    __tablename__ = "endpoints"
    __table_args__ = (
        # Who is off says since when and why; and what is deleted opens nothing any more.
        CheckConstraint("(disabled_at IS NULL) = (disabled_reason IS NULL)", name="disabled_endpoint_says_why"),
        CheckConstraint("(sealed_before IS NULL) = (before_until IS NULL)", name="old_secret_has_end"),
        CheckConstraint("deleted_at IS NULL OR (sealed = '' AND sealed_before IS NULL)", name="deleted_has_no_secret"),
        Index("endpoints_of_tenant", "tenant_id", "id", postgresql_where=text("job_id IS NULL AND deleted_at IS NULL")),
        Index("endpoints_of_job", "job_id", unique=True, postgresql_where=text("job_id IS NOT NULL")),
        Index("endpoints_off", "id", postgresql_where=text("disabled_at IS NOT NULL OR deleted_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    receiver_id: Mapped[UUID] = mapped_column(ForeignKey("receivers.id"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    url: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    events: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    include: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    sealed: Mapped[str]
    sealed_before: Mapped[str | None]
    before_until: Mapped[datetime | None]
    public_key: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]


class EventRow(Base):
    """Something that happened, written in the transaction in which it did. `sequence` counts a job's, under the lock on
    its row; `position` a tenant's, given to what is committed by whoever reads (`core.webhooks.feed`). `payload` is the
    thin body, byte for byte as it is sent."""

    __tablename__ = "events"
    __table_args__ = (
        # Each happens once a run, whoever else thinks to see it.
        UniqueConstraint("job_id", "run", "type", name="event_once"),
        UniqueConstraint("job_id", "sequence", name="event_sequence_once"),
        Index("events_position", "tenant_id", "position", unique=True, postgresql_where=text("position IS NOT NULL")),
        Index("events_unplaced", "tenant_id", "id", postgresql_where=text("position IS NULL")),
        Index("events_oldest", "created_at"),
        Index("events_of_tenant", "tenant_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    run: Mapped[int | None] = mapped_column(Integer)
    sequence: Mapped[int | None] = mapped_column(BigInteger)
    type: Mapped[str]
    position: Mapped[int | None] = mapped_column(BigInteger)
    payload: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Delivery(Base):
    """One event on its way to one endpoint. `attempt` never resets and stands in every write; `tries` is how many of
    the budget are used. `body`: what is sent, where it is not the event's thin payload, fixed at the first attempt.
    `thinned`: the job was deleted, so nothing that a receiver says of it is kept."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id", name="delivery_once"),
        CheckConstraint(among("status", DeliveryStatus), name="delivery_status_known"),
        CheckConstraint(
            "(status = 'delivering') = (lease_until IS NOT NULL AND worker IS NOT NULL)", name="delivering_has_lease"
        ),
        CheckConstraint("(status = 'pending') = (due_at IS NOT NULL)", name="pending_is_due"),
        Index("deliveries_to_send", "receiver_id", "due_at", "event_id", postgresql_where=text("status = 'pending'")),
        Index("deliveries_under_way", "lease_until", postgresql_where=text("status = 'delivering'")),
        Index("deliveries_of_endpoint", "endpoint_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("endpoints.id"))
    receiver_id: Mapped[UUID] = mapped_column(ForeignKey("receivers.id"))
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    status: Mapped[str] = mapped_column(server_default="pending")
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    tries: Mapped[int] = mapped_column(Integer, server_default="0")
    body: Mapped[str | None]
    thinned: Mapped[bool] = mapped_column(server_default=text("false"))
    due_at: Mapped[datetime | None] = mapped_column(server_default=func.clock_timestamp())
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None]
    started_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    finished_at: Mapped[datetime | None]


class AttemptRow(Base):
    """One request, or what became of it. `answer`: the first of what the receiver said."""

    __tablename__ = "delivery_attempts"

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True)
    started_at: Mapped[datetime]
    seconds: Mapped[float | None]
    status_code: Mapped[int | None] = mapped_column(Integer)
    address: Mapped[str | None]
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    answer: Mapped[str | None]
