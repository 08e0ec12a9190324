"""What a worker reads of a job to do its step."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Float, Row, func, select
from sqlalchemy.orm import Session

from core import plan
from core.context import Context
from core.database import transaction
from core.jobs import heard, tracks
from core.jobs.onward import duration
from core.jobs.speakers import speakers_of
from core.jobs.tracks import Track
from core.states import Kind, StepStatus
from core.tables import Job, ParticipantsRow, Step
from core.transcript import Gap, Segment


@dataclass(frozen=True)
class HeardChunk:
    """A chunk that was transcribed. Seconds from the start of the recording; `trail`: of what it heard beyond its end,
    with the next one, where it was cut inside speech."""

    index: int
    start: float
    end: float
    trail: float
    speech_seconds: float
    language: str
    language_probability: float | None
    calibrated: bool
    segments: tuple[Segment, ...]
    gaps: tuple[Gap, ...]
    levels: tuple[int, ...] = ()
    """Of a track: dBFS of each `worker.steps.transcribe.LEVEL` seconds that were heard, from `start - lead` on."""
    lead: float = 0.0


@dataclass(frozen=True)
class AssemblyFacts:
    """All that the transcript is made of. `failed`: chunks that could not be transcribed. `speakers`: as
    `worker.steps.cluster` found them, None where nobody did; of a job with `tracks`, by track. `participants`: who the
    meeting system heard when. `language`: asked for, None for `auto`."""

    duration: float
    speech_seconds: float
    chunks: tuple[HeardChunk, ...]
    failed: tuple[Gap, ...]
    speakers: dict[str, Any] | None
    model: dict[str, Any]
    language: str | None
    word_timestamps: bool
    tracks: tuple[Track, ...] = ()
    participants: tuple[dict[str, Any], ...] = ()


def current_segments(context: Context, job_id: UUID) -> tuple[Segment, ...]:
    with transaction(context.sessions) as session:
        return tuple(segment for chunk in heard.by_chunk(session, job_id).values() for segment in chunk)


def segments_of(context: Context, job_id: UUID, chunk: int) -> tuple[Segment, ...]:
    with transaction(context.sessions) as session:
        return heard.by_chunk(session, job_id, chunk).get(chunk, ())


def assembly_facts(context: Context, job_id: UUID) -> AssemblyFacts:
    with transaction(context.sessions) as session:
        job = session.get_one(Job, job_id)
        language = job.options.get("language", "auto")
        return AssemblyFacts(
            duration=duration(session, job),
            speech_seconds=_speech_seconds(session, job_id),
            chunks=_chunks(session, job_id),
            failed=_failed(session, job_id),
            speakers=_speakers(session, job),
            model=_model(session, job),
            language=None if language == "auto" else language,
            word_timestamps=job.options.get("word_timestamps", True),
            tracks=tuple(tracks.of(session, job)),
            participants=_participants(session, job_id),
        )


def _participants(session: Session, job_id: UUID) -> tuple[dict[str, Any], ...]:
    told = session.get(ParticipantsRow, job_id)
    return tuple(told.body) if told else ()


def _speech_seconds(session: Session, job_id: UUID) -> float:
    spoken = Step.result["speech_seconds"].astext.cast(Float)
    of_ingest = (Step.job_id == job_id, Step.kind == Kind.INGEST, Step.status == StepStatus.DONE)
    return session.scalar(select(func.coalesce(func.sum(spoken), 0.0)).where(*of_ingest)) or 0.0


def _chunks(session: Session, job_id: UUID) -> tuple[HeardChunk, ...]:
    """Each as its last accepted decode gave it."""
    segments = heard.by_chunk(session, job_id)
    decodes = _decodes(session, job_id, Kind.TRANSCRIBE)
    decodes |= _decodes(session, job_id, Kind.REDECODE, Step.result["kept"].as_boolean().is_(True))
    return tuple(
        HeardChunk(
            index=index,
            start=one.start,
            end=one.end,
            trail=one.trail or 0.0,
            speech_seconds=one.speech_seconds or 0.0,
            language=one.language or "",
            language_probability=one.probability,
            calibrated=bool(one.calibrated),
            segments=segments.get(index, ()),
            gaps=_gaps(one.suppressed),
            levels=tuple(one.levels or ()),
            lead=one.lead or 0.0,
        )
        for index, one in decodes.items()
    )


def _decodes(session: Session, job_id: UUID, kind: Kind, *which: Any) -> dict[int, Row[Any]]:
    """Of the steps that are done, in the order of the recording."""
    params, result = Step.params, Step.result
    rows = session.execute(
        select(
            Step.index.label("chunk"),
            params["start"].astext.cast(Float).label("start"),
            params["end"].astext.cast(Float).label("end"),
            params["trail"].astext.cast(Float).label("trail"),
            params["speech_seconds"].astext.cast(Float).label("speech_seconds"),
            result["language"].astext.label("language"),
            result["language_probability"].astext.cast(Float).label("probability"),
            result["calibrated"].as_boolean().label("calibrated"),
            result["suppressed"].label("suppressed"),
            params["lead"].astext.cast(Float).label("lead"),
            result["levels"].label("levels"),
        )
        .where(Step.job_id == job_id, Step.kind == kind, Step.status == StepStatus.DONE, *which)
        .order_by(Step.index)
    )
    return {row.chunk: row for row in rows}


def _speakers(session: Session, job: Job) -> dict[str, Any] | None:
    """Not those of an earlier run that were given up in this one. What people say of the speakers of tracks holds even
    where nobody looked for any."""
    found = speakers_of(session, job.id)
    if job.diarizer is None or plan.read(job.tallies)[Kind.DIARIZE].given_up:
        said: dict[str, Any] = {name: body for name, body in (found or {}).items() if name in ("names", "merged")}
        return said if tracks.several(job.options) else None
    return found


def _gaps(suppressed: list[dict[str, Any]] | None) -> tuple[Gap, ...]:
    return tuple(Gap(**{**one, "reasons": tuple(one["reasons"])}) for one in suppressed or ())


def _failed(session: Session, job_id: UUID) -> tuple[Gap, ...]:
    failed = (Step.job_id == job_id, Step.kind == Kind.TRANSCRIBE, Step.status == StepStatus.FAILED)
    params = session.scalars(select(Step.params).where(*failed).order_by(Step.index))
    return tuple(Gap(one["start"], one["end"], ("chunk_failed",)) for one in params)


def _model(session: Session, job: Job) -> dict[str, Any]:
    done = (Step.job_id == job.id, Step.kind == Kind.TRANSCRIBE, Step.status == StepStatus.DONE)
    said: dict[str, Any] | None = session.scalar(
        select(Step.result["model"]).where(*done).order_by(Step.index).limit(1)
    )
    return said or {"name": job.model, "revision": None}
