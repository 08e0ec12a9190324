"""Segments -> the transcript document. Pure."""

from typing import Any
from uuid import UUID

from core.jobs import AssemblyFacts
from core.transcript import Transcript


def document(job_id: UUID, facts: AssemblyFacts) -> dict[str, Any]:
    made = Transcript(
        duration=facts.duration,
        language=facts.language,
        segments=facts.segments,
        speech_seconds=facts.speech_seconds,
        gaps=facts.gaps,
        model=facts.model,
        language_probability=facts.language_probability,
    )
    return made.to_json(str(job_id))
