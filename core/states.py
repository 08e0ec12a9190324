"""The states of jobs and steps, and the kinds of steps."""

from enum import StrEnum


class Status(StrEnum):
    """Of a job. The last three are its ends."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


UNDER_WAY = (Status.QUEUED, Status.PROCESSING)
"""A job that has not ended."""


class StepStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Kind(StrEnum):
    INGEST = "ingest"
    TRANSCRIBE = "transcribe"
    REDECODE = "redecode"
    ASSEMBLE = "assemble"


RECOGNIZED = (Kind.TRANSCRIBE, Kind.REDECODE)
"""Kinds that a recognizer does: claimed by model."""


def lane(kind: Kind) -> Kind:
    """Kinds that the same workers do share one virtual time, or a second pass would pass everybody's first."""
    return Kind.TRANSCRIBE if kind in RECOGNIZED else kind
