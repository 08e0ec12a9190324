"""What comes in pieces."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.tables.base import Base


class Upload(Base):
    """A resumable upload. `offset`: so many bytes are flushed to storage; what lies there behind them counts as not
    arrived. Whoever receives bytes holds a lease and matches on `attempt`, as workers do with their steps. `filename`
    and `told` (tus's Upload-Metadata, word for word) are the caller's. Once finished, it became a recording or says
    with `error` why not; then it is only told of, until it expires."""

    __tablename__ = "uploads"
    __table_args__ = (
        # Bytes beyond the length would end up in the recording, and none are missing before the start.
        CheckConstraint('"offset" BETWEEN 0 AND bytes', name="upload_offset_within"),
        # A recording of half an upload would be taken for the whole.
        CheckConstraint('finished_at IS NULL OR "offset" = bytes', name="finished_upload_is_whole"),
        # Its sender must be able to learn what became of it: a recording, or an error, and not before it is finished.
        CheckConstraint(
            "num_nonnulls(recording_id, error) = (finished_at IS NOT NULL)::int", name="finished_upload_says_what"
        ),
        Index("uploads_open", "tenant_id", postgresql_where=text("finished_at IS NULL")),
        # The scavenger's: those that have had their day, and those that are whole and wait to be finished.
        Index("uploads_expiring", "expires_at"),
        Index("uploads_to_finish", "id", postgresql_where=text('finished_at IS NULL AND "offset" = bytes')),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    filename: Mapped[str]
    told: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    offset: Mapped[int] = mapped_column(BigInteger, server_default="0")
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    lease_until: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    recording_id: Mapped[UUID | None] = mapped_column(ForeignKey("recordings.id"))
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def key(self) -> str:
        """Where its bytes are, as long as it is not finished."""
        return f"uploads/{self.id}"
