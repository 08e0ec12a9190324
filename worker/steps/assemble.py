"""Segments -> the transcript document. Pure."""

from typing import Any
from uuid import UUID

from core.jobs import AssemblyFacts
from core.transcript import Transcript, dominant_language


def document(job_id: UUID, facts: AssemblyFacts) -> dict[str, Any]:
    made = Transcript(
        duration=facts.duration,
        language=dominant_language(facts.segments) or facts.language,
        segments=facts.segments,
        speech_seconds=facts.speech_seconds,
        gaps=facts.gaps,
        model=facts.model,
    )
    return made.to_json(str(job_id))
