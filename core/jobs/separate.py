"""Telling the channels of a recording apart: one job becomes several tracks, once ingest has looked."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from core.context import Context
from core.database import transaction
from core.jobs.claims import Claimed
from core.jobs.ends import held, warn
from core.jobs.rows import Rings, add_steps, locked
from core.jobs.tracks import ingest_steps, of
from core.states import Kind
from core.tables import Job, Step, TrackRow


def separate(
    context: Context, step: Claimed, channels: Sequence[int], warning: tuple[str, str] | None
) -> dict[str, Any] | None:
    """Makes a track of each of these channels of the job's recording, and an ingest step of each but the first, which
    `step` goes on with: its params say so from now on, and are returned. None when the step is no longer ours."""
    rings = Rings(context)
    with transaction(context.sessions) as session:
        job = locked(session, step.job_id)
        if job is None or not held(session, step):
            return None
        if warning is not None:
            warn(job, *warning, Kind.INGEST)
        params = _separate(session, job, step, channels, rings) if len(channels) > 1 else step.params
    rings.ring()
    return params


def _separate(session: Session, job: Job, step: Claimed, channels: Sequence[int], rings: Rings) -> dict[str, Any]:
    for index, channel in enumerate(channels):
        session.add(TrackRow(job_id=job.id, index=index, recording_id=job.recording_id, channel=channel))
    session.flush()
    first, *others = ingest_steps(of(session, job))
    session.get_one(Step, step.id).params = first.params
    add_steps(session, job, Kind.INGEST, others, rings)
    return first.params
