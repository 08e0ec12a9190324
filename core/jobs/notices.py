"""What happens to a job becomes an event, in the transaction in which it happens."""

from typing import Any

from sqlalchemy.orm import Session

from core.jobs.outlook import Outlook
from core.jobs.rows import Rings
from core.jobs.views import jobs_json
from core.states import Status
from core.tables import Job
from core.times import time_json
from core.webhooks import events
from core.webhooks.types import EventType

_ENDS = {
    Status.COMPLETED: EventType.JOB_COMPLETED,
    Status.FAILED: EventType.JOB_FAILED,
    Status.CANCELLED: EventType.JOB_CANCELLED,
}


def emit(session: Session, job: Job, kind: EventType, rings: Rings) -> None:
    """The caller holds the job's lock, and rings after its commit."""
    job.sequence += 1
    session.flush()
    session.refresh(job)
    # Its place in the queue, and when it will end, are of the moment: nobody reads them in an event.
    told = jobs_json(session, [job], Outlook())[0]
    _write(session, job, kind, told, rings)


def ended(session: Session, job: Job, rings: Rings) -> None:
    """By whichever of its ends it has."""
    emit(session, job, _ENDS[Status(job.status)], rings)


def deleted(session: Session, job: Job, rings: Rings) -> None:
    """What was told of it before is thinned, and so is this."""
    job.sequence += 1
    session.flush()
    session.refresh(job)
    told = _thin(job)
    events.thin(session, job.id, told)
    _write(session, job, EventType.JOB_DELETED, told, rings)


def _write(session: Session, job: Job, kind: EventType, told: dict[str, Any], rings: Rings) -> None:
    of = events.OfJob(job.id, job.run, job.sequence)
    rings.deliveries |= events.write(session, job.tenant_id, kind, {"job": told}, of=of)


def _thin(job: Job) -> dict[str, Any]:
    moments = {"created_at": job.created_at, "started_at": job.started_at, "finished_at": job.finished_at}
    times = {name: time_json(moment) for name, moment in {**moments, "deleted_at": job.deleted_at}.items()}
    return {"id": str(job.id), "status": job.status, "run": job.run, **times}
