"""A job's speakers: an add-on, which no transcript waits for without end and none fails with.

Blocks of ten minutes are heard beside the transcription, each a step of its own; one clustering over all of them gives
a speaker one label from the first minute to the last. Once the words are there, the job waits for what is missing no
longer than SCRIPTORIUM_SPEAKERS_GRACE says; then it is assembled without speakers, and a warning says why.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import plan
from core.context import Context
from core.database import transaction
from core.jobs.crew import MISSED, able
from core.jobs.ends import Effect, unwarn, warn
from core.jobs.onward import go_on
from core.jobs.rows import Rings, give_up_speakers, locked
from core.states import UNDER_WAY, Kind
from core.tables import BlockRow, DiarizationRow, Job
from core.tracks import indices

MOST_AT_ONCE = 200


def record_block(index: int, body: bytes) -> Effect:
    """What was heard in one block."""

    def effect(session: Session, job: Job) -> None:
        made = insert(BlockRow).values(job_id=job.id, index=index, body=body)
        keys = ["job_id", "index"]
        session.execute(made.on_conflict_do_update(index_elements=keys, set_={"body": made.excluded.body}))

    return effect


def blocks_of(context: Context, job_id: UUID, track: int = 0) -> list[bytes]:
    """In their order."""
    with transaction(context.sessions) as session:
        return list(session.scalars(select(BlockRow.body).where(*_of_track(job_id, track)).order_by(BlockRow.index)))


def _of_track(job_id: UUID, track: int) -> tuple[Any, ...]:
    its = indices(track)
    return BlockRow.job_id == job_id, BlockRow.index >= its.start, BlockRow.index < its.stop


def record_speakers(found: dict[str, Any], track: int | None = None) -> Effect:
    """As `worker.steps.cluster` makes it; of a job with tracks, of this one. The blocks have done their duty."""

    def effect(session: Session, job: Job) -> None:
        unwarn(job, "diarizer_not_served")
        body = found if track is None else _beside_others(session, job, track, found)
        made = insert(DiarizationRow).values(job_id=job.id, run=job.run, body=body)
        taken = {"run": job.run, "body": made.excluded.body, "created_at": func.now()}
        session.execute(made.on_conflict_do_update(index_elements=["job_id"], set_=taken))
        session.execute(delete(BlockRow).where(*_of_track(job.id, track or 0)))

    return effect


def _beside_others(session: Session, job: Job, track: int, found: dict[str, Any]) -> dict[str, Any]:
    """What this run found on other tracks stays; the job's lock keeps two clusterings apart."""
    before = session.get(DiarizationRow, job.id)
    others = before.body.get("tracks", {}) if before is not None and before.run == job.run else {}
    return {"tracks": {**others, str(track): found}}


def speakers_of(session: Session, job_id: UUID) -> dict[str, Any] | None:
    """None where nobody looked for them, or they were given up."""
    found: dict[str, Any] | None = session.scalar(select(DiarizationRow.body).where(DiarizationRow.job_id == job_id))
    return found


def give_up_late(context: Context) -> int:
    """Jobs whose words are there and which have waited long enough, or for nobody. How many were let go."""
    with transaction(context.sessions) as session:
        waiting = session.execute(
            select(Job.id, Job.diarizer, Job.speakers_until < func.clock_timestamp())
            .where(Job.status.in_(UNDER_WAY), Job.speakers_until.is_not(None))
            .order_by(Job.speakers_until)
            .limit(MOST_AT_ONCE)
        ).all()
        lease = context.settings.lease
        served = {name: able(session, lease, Kind.DIARIZE, name or "", within=MISSED) for _, name, _ in waiting}
    return sum(_give_up(context, job_id, late) for job_id, name, late in waiting if late or not served[name])


def _give_up(context: Context, job_id: UUID, late: bool) -> bool:
    """Unless the speakers came meanwhile, or somebody else was here."""
    rings = Rings(context)
    with transaction(context.sessions) as session:
        job = locked(session, job_id)
        if job is None or job.speakers_until is None or not plan.waits_for_speakers(plan.read(job.tallies)):
            return False
        if late:
            said = "the speakers were not found in time; retry the stage diarize to look for them again"
            warn(job, "diarization_late", said, Kind.DIARIZE)
        else:
            said = f"no worker serves the diarizer {job.diarizer!r}; start one and retry the stage diarize"
            unwarn(job, "diarizer_not_served")
            warn(job, "diarizer_not_served", said, Kind.DIARIZE)
        give_up_speakers(session, job)
        go_on(session, job, rings)
    rings.ring()
    return True
