"""The tracks of a job that has several sounds: their rows, and what their steps are told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.jobs.rows import NewStep
from core.states import Kind, StepStatus
from core.tables import Job, Recording, Step, TrackRow


@dataclass(frozen=True)
class Track:
    """`duration`: seconds that were decoded of it, None until it was ingested. `bytes`: of its recording."""

    index: int
    recording_id: UUID
    channel: int | None
    offset: float
    name: str | None
    generation: str | None
    duration: float | None
    bytes: int = 0

    @property
    def ingested(self) -> bool:
        """Its sound is there."""
        return self.duration is not None

    @property
    def params(self) -> dict[str, Any]:
        """What each of its steps is told."""
        told = {"track": self.index, "recording": str(self.recording_id), "offset": self.offset}
        return told if self.channel is None else {**told, "channel": self.channel}


def several(options: Mapping[str, Any]) -> bool:
    """Whether a job with such options may have tracks; one whose recording has one channel has none all the same."""
    return bool(options.get("tracks")) or options.get("channels") == "separate"


def recordings_of(session: Session, job: Job) -> set[UUID]:
    """The job's own, and its tracks'."""
    return {job.recording_id, *session.scalars(select(TrackRow.recording_id).where(TrackRow.job_id == job.id))}


def of(session: Session, job: Job) -> list[Track]:
    """In their order; none where the job is one sound."""
    if not several(job.options):
        return []
    decoded = lengths(session, job)
    rows = session.execute(
        select(TrackRow, Recording)
        .join(Recording, Recording.id == TrackRow.recording_id)
        .where(TrackRow.job_id == job.id)
        .order_by(TrackRow.index)
    )
    return [
        Track(
            row.index, row.recording_id, row.channel, row.offset_seconds, row.name, row.generation,
            decoded.get(row.index), recording.bytes or 0,
        )
        for row, recording in rows
    ]  # fmt: skip


def lengths(session: Session, job: Job) -> dict[int, float]:
    """Seconds that each ingest of the job decoded, by its track, once it is done. The recording's own duration may be
    what its container claims, or longer than the clip that this job hears."""
    of_job = (Step.job_id == job.id, Step.kind == Kind.INGEST, Step.status == StepStatus.DONE)
    rows = session.execute(select(Step.index, Step.result["duration"].as_float()).where(*of_job))
    return {index: seconds for index, seconds in rows}  # noqa: C416 - a row is no tuple to the type checker


def shown(session: Session, jobs: Sequence[Job]) -> dict[UUID, list[tuple[TrackRow, Recording]]]:
    """Of those jobs that have tracks, in their order, with their recordings; one query, where it may find any."""
    those = [job.id for job in jobs if several(job.options)]
    found: dict[UUID, list[tuple[TrackRow, Recording]]] = {}
    if those:
        its = select(TrackRow, Recording).join(Recording, Recording.id == TrackRow.recording_id)
        for row, recording in session.execute(its.where(TrackRow.job_id.in_(those)).order_by(TrackRow.index)):
            found.setdefault(row.job_id, []).append((row, recording))
    return found


def ingest_steps(tracks: Sequence[Track]) -> list[NewStep]:
    return [NewStep(Kind.INGEST, one.index, params={"bytes": one.bytes, **one.params}) for one in tracks]
