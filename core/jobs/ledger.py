"""Entering what a run used, in the transaction that completes it: killed before its commit, neither is there."""

from datetime import date

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import plan
from core.states import Kind
from core.tables import Job, UsageRow

TODAY: ColumnElement[date] = literal_column("(clock_timestamp() AT TIME ZONE 'UTC')::date")


def enter(session: Session, job: Job, seconds: float) -> None:
    """The job's run is about to be completed; the caller holds its lock. `seconds`: how long what was heard is.

    A recording is billed once a job, with the first run that is completed: later ones mend or polish the same
    transcript. Working time is entered since the last entry, so that of runs that failed before comes with the one
    that went on from there.
    """
    entries, worked = session.execute(
        select(func.count(), func.coalesce(func.sum(UsageRow.compute_seconds), 0.0)).where(UsageRow.job_id == job.id)
    ).one()
    tallies = plan.read(job.tallies)
    billed = 0.0 if entries else round(seconds, 3)
    row = {
        "job_id": job.id,
        "run": job.run,
        "tenant_id": job.tenant_id,
        "day": TODAY,
        "subject": job.submitted_by,
        "tag": job.tag,
        "model": job.model,
        "audio_seconds": billed,
        "compute_seconds": max(0.0, round(sum(tally.busy for tally in tallies.values()) - worked, 3)),
        # Tracks are heard each for itself, and together longer than the meeting.
        "cached_seconds": min(billed, round(tallies[Kind.TRANSCRIBE].cached_seconds, 3)),
    }
    session.execute(insert(UsageRow).values(row).on_conflict_do_nothing())
