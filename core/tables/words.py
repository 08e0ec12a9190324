"""What was heard."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, func
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.tables.base import Base


class SegmentRow(Base):
    """`data` is a `core.transcript.Segment` as JSON. `revision` is the job's when the segment last changed."""

    __tablename__ = "segments"
    __table_args__ = (Index("segments_changed", "job_id", "revision"),)

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    chunk: Mapped[int] = mapped_column(Integer, primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[dict[str, Any]]


class TranscriptRow(Base):
    """`body` is the document as text, which `json` keeps as it is: `jsonb` makes a tree of it that is twenty times as
    large. `document` is where revisions before 0007 write it; where both stand, theirs is the later."""

    __tablename__ = "transcripts"
    __table_args__ = (CheckConstraint("body IS NOT NULL OR document IS NOT NULL", name="transcript_has_text"),)

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    run: Mapped[int] = mapped_column(Integer)
    document: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    body: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BlockRow(Base):
    """What a diarizer heard in one block of a recording (`worker.engines.blocks`). Its voices are nobody's yet; gone
    once they are joined, and with the job."""

    __tablename__ = "diarization_blocks"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    index: Mapped[int] = mapped_column(Integer, primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class DiarizationRow(Base):
    """Who spoke when, as `worker.steps.cluster` gave it the last time. Text, like a transcript's
    body: nobody asks it a question."""

    __tablename__ = "diarizations"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    run: Mapped[int] = mapped_column(Integer)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ParticipantsRow(Base):
    """Who the meeting system thought was speaking, as the caller told it (`core.options.Participant`). No part of the
    job's options, which every claim of a step reads."""

    __tablename__ = "participants"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    body: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class Fingerprint(Base):
    """What one chunk's sound gave with the options that decide it: `sha256` is over both, `result` a hypothesis as
    JSON, in the clip's time. Of one tenant alone, and erased with the recording that was heard. Rows are written once
    and never changed: a count of uses would make each hit a write."""

    __tablename__ = "fingerprints"
    __table_args__ = (
        Index("fingerprints_of_recording", "recording_id"),
        # The scavenger's: those that have had their day.
        Index("fingerprints_oldest", "created_at"),
    )

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    recording_id: Mapped[UUID] = mapped_column(ForeignKey("recordings.id", ondelete="CASCADE"))
    result: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
