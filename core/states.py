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
    """`held`: nobody may claim it, since its job is held back (`core.jobs.slots`)."""

    HELD = "held"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (StepStatus.HELD, StepStatus.QUEUED, StepStatus.RUNNING)
"""A step that has not ended."""


class DeliveryStatus(StrEnum):
    """Of an event on its way to an endpoint. Failed: the tries are spent, or the endpoint was disabled. Cancelled: the
    endpoint was deleted."""

    PENDING = "pending"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Kind(StrEnum):
    FETCH = "fetch"
    INGEST = "ingest"
    TRANSCRIBE = "transcribe"
    REDECODE = "redecode"
    DIARIZE = "diarize"
    CLUSTER = "cluster"
    ASSEMBLE = "assemble"


RECOGNIZED = (Kind.TRANSCRIBE, Kind.REDECODE)
"""Kinds that a recognizer does: claimed by model."""

DIARIZED = (Kind.DIARIZE, Kind.CLUSTER)
"""Kinds that a diarizer does: blocks of a recording, then one clustering over all of them. Claimed by its name. They
are an add-on: a job that fails at them has its transcript all the same, without speakers."""

HEARING = frozenset(Kind) - {Kind.CLUSTER, Kind.ASSEMBLE}
"""Kinds that read the recording itself; the others go by what these found."""


def lane(kind: Kind) -> Kind:
    """Kinds that the same workers do share one virtual time, or a second pass would pass everybody's first."""
    return next((kinds[0] for kinds in (RECOGNIZED, DIARIZED) if kind in kinds), kind)
