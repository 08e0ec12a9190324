"""What may happen, and what of it an endpoint may ask for."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal


class EventType(StrEnum):
    JOB_CREATED = "job.created"
    JOB_STARTED = "job.started"
    JOB_COMPLETED = "job.completed"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    JOB_DELETED = "job.deleted"
    ENDPOINT_DISABLED = "endpoint.disabled"
    TEST = "test"


JobEvent = Literal["job.created", "job.started", "job.completed", "job.failed", "job.cancelled", "job.deleted"]
"""What a job's own webhook may ask for."""
AnyEvent = Literal[JobEvent, "endpoint.disabled"]
"""What an endpoint may ask for; a test comes unasked."""
ENDS = (EventType.JOB_COMPLETED, EventType.JOB_FAILED, EventType.JOB_CANCELLED)
"""What a job's own webhook is told where it names nothing else."""

TRANSCRIPT = "transcript"
"""What an endpoint may include in `job.completed`."""


def wants(events: Sequence[str], kind: str) -> bool:
    """An endpoint that names no types wants all."""
    return not events or kind in events
