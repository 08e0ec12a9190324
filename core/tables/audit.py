"""Who did what: the audit trail, and the batches that chain it (`core.audit`)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, LargeBinary, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.tables.base import Base


class AuditEntry(Base):
    """One call. Written once; the chainer alone adds `position`, `batch` and `sha256` later, and triggers refuse every
    other change. No foreign keys: an entry outlives what it names. A column that is added must be nullable and stand in
    `core.audit.entries.SEALED`, or it may be changed unseen."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        # An entry is chained or it is not.
        CheckConstraint(
            "(position IS NULL) = (batch IS NULL) AND (position IS NULL) = (sha256 IS NULL)", name="audit_entry_chained"
        ),
        # Two chainers that met would give one place twice.
        Index("audit_entries_position", "position", unique=True),
        Index("audit_entries_unchained", "id", postgresql_where=text("position IS NULL")),
        Index("audit_entries_of_tenant", "tenant_id", "position"),
        Index("audit_entries_removals", "id", postgresql_where=text("route = 'audit retention'")),
    )

    # A UUIDv7 of the writer's: written again after a lost answer, it is the same entry.
    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    request_id: Mapped[str | None]
    tenant_id: Mapped[UUID | None]
    subject: Mapped[str | None]
    method: Mapped[str]
    route: Mapped[str]
    ids: Mapped[dict[str, Any]] = mapped_column(JSONB)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[int | None] = mapped_column(Integer)
    duration_ms: Mapped[int | None] = mapped_column(Integer)
    address: Mapped[str | None]
    user_agent: Mapped[str | None]
    position: Mapped[int | None] = mapped_column(BigInteger)
    batch: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)


class AuditBatch(Base):
    """The entries from `first` to `last`, chained at once. `sha256` seals them, this row, and all before it."""

    __tablename__ = "audit_batches"
    __table_args__ = (CheckConstraint("first <= last AND number > 0", name="audit_batch_has_entries"),)

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    first: Mapped[int] = mapped_column(BigInteger, unique=True)
    last: Mapped[int] = mapped_column(BigInteger, unique=True)
    chained_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
