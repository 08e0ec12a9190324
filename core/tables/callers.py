"""Who asks: tenants, their keys, the keys by which nothing is done twice, and what each tenant used."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, Integer, func, text
from sqlalchemy.orm import Mapped, mapped_column

from core.tables.base import Base


class Tenant(Base):
    """Whom keys, recordings and jobs belong to. `weight` is its share of the workers beside other tenants. The limits:
    None is the setting's, 0 none (`core.tenants`). `event_position`: the last that one of its events was given."""

    __tablename__ = "tenants"
    __table_args__ = (
        CheckConstraint("weight > 0", name="tenant_weight_positive"),
        # `least` passes over NULL. A negative limit would refuse everything without a word.
        CheckConstraint(
            "least(monthly_minutes, concurrent_jobs, requests_per_minute) >= 0", name="tenant_limits_not_negative"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    weight: Mapped[float] = mapped_column(server_default="1")
    monthly_minutes: Mapped[int | None] = mapped_column(Integer)
    concurrent_jobs: Mapped[int | None] = mapped_column(Integer)
    requests_per_minute: Mapped[int | None] = mapped_column(Integer)
    event_position: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKey(Base):
    """Only the SHA-256 of a key is kept: a key has 256 random bits, so a slow hash would add nothing. `scopes`:
    `core.scopes.Scope`. `last_used_at` is up to a minute late."""

    __tablename__ = "api_keys"
    # A key that may do nothing is a mistake of whoever made it.
    __table_args__ = (CheckConstraint("cardinality(scopes) > 0", name="api_key_has_scopes"),)

    sha256: Mapped[str] = mapped_column(primary_key=True)
    # What people and ledgers call it; a secret cannot be.
    id: Mapped[UUID] = mapped_column(unique=True, server_default=func.gen_random_uuid())
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    name: Mapped[str] = mapped_column(server_default="")
    scopes: Mapped[list[str]] = mapped_column(server_default=text("'{admin}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SigningKey(Base):
    """What our access tokens are signed with, one after another. `sealed`: the private key (`core.vault`)."""

    __tablename__ = "signing_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    algorithm: Mapped[str]
    public: Mapped[dict[str, Any]]
    sealed: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    retired_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """What a caller's key was first used for. Its primary key makes one job of two uploads at once."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("idempotency_keys_oldest", "created_at"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    # Deferred: the key is taken before its job is made.
    job_id: Mapped[UUID] = mapped_column(
        ForeignKey("jobs.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED")
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UsageRow(Base):
    """What one completed run of a job used, on a day in UTC: written with the run's end, and never changed (a trigger
    refuses it). It outlives the job, so nothing refers to it and it holds nothing of what was said. `subject`: as a
    job's `submitted_by`. `audio_seconds` are what is billed."""

    __tablename__ = "usage"
    __table_args__ = (
        # A mistake is not put right by a negative row, which would hide it.
        CheckConstraint("least(audio_seconds, compute_seconds, cached_seconds) >= 0", name="usage_is_never_given_back"),
        CheckConstraint("cached_seconds <= audio_seconds", name="cached_is_part_of_billed"),
        Index("usage_of_tenant", "tenant_id", "day"),
    )

    # A run is entered once.
    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    run: Mapped[int] = mapped_column(Integer, primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    day: Mapped[date] = mapped_column(Date)
    subject: Mapped[str | None]
    tag: Mapped[str | None]
    model: Mapped[str]
    audio_seconds: Mapped[float]
    compute_seconds: Mapped[float]
    cached_seconds: Mapped[float]
