"""What is to be done: recordings, their jobs, and a job's steps."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.states import Kind, Status, StepStatus
from core.tables.base import Base, among


class Recording(Base):
    """`kept`: its owner sent it on its own, so it stays when its jobs go. `upload_key`: the idempotency key that it was
    sent with then. `container`: FFmpeg's names of its format, None until somebody looked. `bytes`, `sha256`: None until
    it was fetched, where it comes by URL."""

    __tablename__ = "recordings"
    __table_args__ = (
        # The sweep looks for deleted recordings whose bytes are still to be erased a last time.
        Index(
            "recordings_to_erase", "deleted_at", postgresql_where=text("erased_at IS NULL AND deleted_at IS NOT NULL")
        ),
        CheckConstraint("erased_at IS NULL OR deleted_at IS NOT NULL", name="erased_only_when_deleted"),
        # It is here, and both are known, or it is still to be fetched.
        CheckConstraint("(bytes IS NULL) = (sha256 IS NULL)", name="here_or_to_fetch"),
        Index("recordings_newest", "tenant_id", "id", postgresql_where=text("deleted_at IS NULL")),
        # One recording of two uploads at once.
        Index(
            "recordings_upload_key",
            "tenant_id",
            "upload_key",
            unique=True,
            postgresql_where=text("upload_key IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    filename: Mapped[str]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    duration: Mapped[float | None]
    channels: Mapped[int | None]
    codec: Mapped[str | None]
    container: Mapped[str | None]
    kept: Mapped[bool] = mapped_column(server_default=text("false"))
    upload_key: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]

    @property
    def prefix(self) -> str:
        """Everything of this recording lies under this key."""
        return f"recordings/{self.id}"

    @property
    def source_key(self) -> str:
        return f"{self.prefix}/source"


class Job(Base):
    """`tallies` counts the steps of each kind, so that planning never reads them all. `revision` grows with every
    change of the segments, under the row's lock, so that it follows the order of the commits. `weight` is what its
    queued steps' tags were made with; the sweep makes them anew when the job's share has become another. `diarizer`:
    who finds its speakers, None where nobody shall. `speakers_until`: its words are there, and so long it waits for
    speakers. `submitted_by`: the subject of the tenant that asked for it (`core.keys.Tenant`); None for jobs of old.
    `source_url`: where its recording was fetched, without the query. `sequence`: how many events it had.
    `held_at`: since when it waits for another job of its tenant to end (`core.jobs.slots`)."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(among("status", Status), name="job_status_known"),
        # An ended job says when; one that goes on does not.
        CheckConstraint(
            "(status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)", name="job_end_has_time"
        ),
        CheckConstraint("(status = 'failed') = (error IS NOT NULL)", name="failed_job_says_why"),
        # What is held back has not begun, and what has ended waits for nothing.
        CheckConstraint("held_at IS NULL OR status = 'queued'", name="held_job_waits"),
        Index("jobs_newest", "tenant_id", "id"),
        Index("jobs_open", "tenant_id", postgresql_where=text("status IN ('queued', 'processing')")),
        Index("jobs_of_recording", "recording_id"),
        Index("jobs_held", "tenant_id", "held_at", postgresql_where=text("held_at IS NOT NULL")),
        Index("jobs_waiting_for_speakers", "speakers_until", postgresql_where=text("speakers_until IS NOT NULL")),
        # A caller finds its job by what it calls the meeting: on 100,000 jobs 0.02 ms, and 28 ms without.
        Index("jobs_metadata", "metadata", postgresql_using="gin", postgresql_ops={"metadata": "jsonb_path_ops"}),
        Index("jobs_to_delete", "delete_at", postgresql_where=text("delete_at IS NOT NULL AND deleted_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    recording_id: Mapped[UUID] = mapped_column(ForeignKey("recordings.id"))
    source_url: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="queued")
    run: Mapped[int] = mapped_column(Integer, server_default="1")
    options: Mapped[dict[str, Any]]
    model: Mapped[str]
    diarizer: Mapped[str | None]
    tag: Mapped[str | None]
    job_metadata: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=text("'{}'"))
    tallies: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    generation: Mapped[str | None]
    weight: Mapped[float | None]
    revision: Mapped[int] = mapped_column(BigInteger, server_default="0")
    sequence: Mapped[int] = mapped_column(BigInteger, server_default="0")
    late_results: Mapped[int] = mapped_column(Integer, server_default="0")
    submitted_by: Mapped[str | None]
    held_at: Mapped[datetime | None]
    warnings: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"))
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    language: Mapped[str | None]
    language_probability: Mapped[float | None]
    confidence: Mapped[float | None]
    model_info: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    speakers_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    delete_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class TrackRow(Base):
    """One of several sounds of a job (`core.tracks`); a job with one sound has none. `channel`: of the recording, from
    0; None where all are mixed. The track begins `offset_seconds` after the job's time does. `generation`: as a job's,
    of this track's chunks."""

    __tablename__ = "tracks"
    __table_args__ = (Index("tracks_of_recording", "recording_id"),)

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    index: Mapped[int] = mapped_column(Integer, primary_key=True)
    recording_id: Mapped[UUID] = mapped_column(ForeignKey("recordings.id"))
    channel: Mapped[int | None] = mapped_column(Integer)
    offset_seconds: Mapped[float] = mapped_column(server_default=text("0"))
    name: Mapped[str | None]
    generation: Mapped[str | None]


class Step(Base):
    """One unit of a job's work. `attempt` never resets and stands in every write: it fences a worker that lost its
    lease. `kills`, `errors`, `outages` and `suspect` are its `core.budget.Tries`; a hand-back counts as none.
    `alone`: the present attempt has no neighbours in its process."""

    __tablename__ = "steps"
    __table_args__ = (
        UniqueConstraint("job_id", "kind", "index", name="step_once"),
        CheckConstraint(among("status", StepStatus), name="step_status_known"),
        CheckConstraint(among("kind", Kind), name="step_kind_known"),
        # A running step has an owner and an end to its lease; no other step has.
        CheckConstraint(
            "(status = 'running') = (lease_until IS NOT NULL AND worker IS NOT NULL)", name="running_has_lease"
        ),
        CheckConstraint("status <> 'running' OR attempt > 0", name="running_was_claimed"),
        # The claim: due steps of a kind and model, in fair order.
        Index("steps_to_claim", "kind", "model", "fair_tag", "id", postgresql_where=text("status = 'queued'")),
        Index("steps_leased", "lease_until", postgresql_where=text("status = 'running'")),
        # How fast a kind and model was done lately.
        Index("steps_done", "kind", "model", "finished_at", postgresql_where=text("status = 'done'")),
        # Heartbeats then stay on their page and touch no index (HOT).
        {"postgresql_with": {"fillfactor": 70}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    kind: Mapped[str]
    index: Mapped[int] = mapped_column(Integer)
    model: Mapped[str] = mapped_column(server_default="")
    status: Mapped[str] = mapped_column(server_default="queued")
    params: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    kills: Mapped[int] = mapped_column(Integer, server_default="0")
    errors: Mapped[int] = mapped_column(Integer, server_default="0")
    outages: Mapped[int] = mapped_column(Integer, server_default="0")
    suspect: Mapped[bool] = mapped_column(server_default=text("false"))
    alone: Mapped[bool] = mapped_column(server_default=text("true"))
    last_error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    fair_tag: Mapped[float]
    due_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    lease_until: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None]
    worker: Mapped[str | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
