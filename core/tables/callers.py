"""Who asks: tenants, their keys, and the keys by which nothing is done twice."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from core.tables.base import Base


class Tenant(Base):
    """Whom keys, recordings and jobs belong to. `weight` is its share of the workers beside other tenants.
    `event_position`: the last that one of its events was given."""

    __tablename__ = "tenants"
    __table_args__ = (CheckConstraint("weight > 0", name="tenant_weight_positive"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    weight: Mapped[float] = mapped_column(server_default="1")
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
