"""What a worker reads of a job to do its step."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from core.context import Context
from core.database import transaction
from core.states import Kind, StepStatus
from core.tables import Job, Recording, SegmentRow, Step
from core.transcript import Gap, Segment, dominant_language


@dataclass(frozen=True)
class AssemblyFacts:
    """All that the transcript is made of."""

    duration: float
    speech_seconds: float
    segments: tuple[Segment, ...]
    gaps: tuple[Gap, ...]
    model: dict[str, Any]
    language: str | None
    language_probability: float | None


def current_segments(context: Context, job_id: UUID) -> tuple[Segment, ...]:
    with transaction(context.sessions) as session:
        rows = session.scalars(
            select(SegmentRow.data).where(SegmentRow.job_id == job_id).order_by(SegmentRow.chunk, SegmentRow.position)
        )
        return tuple(Segment.from_json(data) for data in rows)


def assembly_facts(context: Context, job_id: UUID) -> AssemblyFacts:
    segments = current_segments(context, job_id)
    with transaction(context.sessions) as session:
        job = session.get_one(Job, job_id)
        recording = session.get_one(Recording, job.recording_id)
        ingest = session.execute(
            select(Step.result).where(Step.job_id == job_id, Step.kind == Kind.INGEST)
        ).scalar_one()
        failed = session.scalars(
            select(Step.params)
            .where(Step.job_id == job_id, Step.kind == Kind.TRANSCRIBE, Step.status == StepStatus.FAILED)
            .order_by(Step.index)
        )
        heard = session.execute(
            select(
                Step.result["model"],
                Step.result["language"].astext,
                Step.result["language_probability"].as_float(),
                Step.result["suppressed"],
            )
            .where(Step.job_id == job_id, Step.kind == Kind.TRANSCRIBE, Step.status == StepStatus.DONE)
            .order_by(Step.index)
        ).all()
        gaps = [Gap(params["start"], params["end"], ("chunk_failed",)) for params in failed]
        gaps += [Gap(**{**one, "reasons": tuple(one["reasons"])}) for row in heard for one in row[3] or ()]
        language = dominant_language(segments) or _asked(job.options.get("language", "auto"))
        return AssemblyFacts(
            duration=recording.duration or 0.0,
            speech_seconds=(ingest or {}).get("speech_seconds", 0.0),
            segments=segments,
            gaps=tuple(sorted(gaps, key=lambda gap: gap.start)),
            model=heard[0][0] if heard else {"name": job.model, "revision": None},
            language=language,
            language_probability=_mean([p for _, code, p, _ in heard if code == language and p is not None]),
        )


def _asked(language: str) -> str | None:
    """The language of a recording without words is the one that was asked for."""
    return None if language == "auto" else language


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
