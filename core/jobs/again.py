"""An owner's retry: what is missing, or one stage and all that is made from it, runs again as a new run of the job.

The old transcript is served until the new one takes its place. Attempts go on counting, so that a worker of the run
before matches nothing.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Float, and_, delete, func, select
from sqlalchemy.orm import Session

from core import plan
from core.context import Context
from core.database import transaction
from core.errors import Conflict, Gone, fault
from core.jobs import heard, notices, slots, tracks
from core.jobs.onward import go_on
from core.jobs.rows import Rings, fair_tags, locked, model_of, seconds_of
from core.jobs.views import job_json, own
from core.keys import Tenant
from core.recordings.rows import shared
from core.states import HEARING, Kind, Status, StepStatus, lane
from core.tables import BlockRow, DiarizationRow, Job, Step
from core.webhooks.types import EventType

_MISSING = (StepStatus.FAILED, StepStatus.CANCELLED)


def run_again(context: Context, tenant: Tenant, job_id: UUID, stage: str | None = None) -> dict[str, Any]:
    """The job, under way again. One that has not ended is answered as it is.

    Raises Conflict: nothing_to_retry, recording_deleted; with a stage job_not_finished, stage_not_ready.
    InvalidRequest: no such stage.
    """
    kind = _stage(stage) if stage is not None else None
    rings = Rings(context)
    with transaction(context.sessions) as session:
        locked(session, job_id)
        job = own(session, tenant, job_id)
        if Status(job.status).ended:
            wanted = _wanted(session, job, kind)
            _refuse_without_sound(session, job, wanted)
            start_again(session, job, wanted, rings)
            session.flush()
            session.refresh(job)
        elif kind is not None:
            raise Conflict("the job has not finished; wait for it, or cancel it first", code="job_not_finished")
        shown = job_json(session, job)
    rings.ring()
    return shown


def _stage(name: str) -> Kind:
    if name not in list(Kind):
        raise fault("stage", "is not a stage of this job", allowed=[kind.value for kind in Kind])
    return Kind(name)


def _wanted(session: Session, job: Job, kind: Kind | None) -> plan.Again:
    """Raises Conflict. A transcript is assembled without what failed, and says so; not without what was cancelled,
    of which nobody knows whether it would have failed."""
    wanted = plan.again(plan.read(job.tallies), kind, speakers=job.diarizer is not None)
    if wanted is not None and not (kind is Kind.ASSEMBLE and _cancelled_chunks(session, job)):
        return wanted
    if kind is None:
        raise Conflict("nothing of this job is missing; name a stage to run it again", code="nothing_to_retry")
    if kind is Kind.FETCH:
        said = "there is nothing to fetch: the recording is here, and its URL is not kept; submit the URL again"
        raise Conflict(said, code="stage_not_ready")
    raise Conflict(f"what {kind.value} is made from is not there yet; retry without a stage", code="stage_not_ready")


def _refuse_without_sound(session: Session, job: Job, wanted: plan.Again) -> None:
    """Raises Conflict where a recording that is to be heard again was deleted; nobody can delete it from now on."""
    if not wanted.kinds & HEARING:
        return
    try:
        shared(session, tracks.recordings_of(session, job))
    except Gone as error:
        message = f"{error.message}, and what this job needs again is made from its sound; send it as a new job"
        raise Conflict(message, code="recording_deleted") from error


def _cancelled_chunks(session: Session, job: Job) -> bool:
    cancelled = (Step.job_id == job.id, Step.kind == Kind.TRANSCRIBE, Step.status == StepStatus.CANCELLED)
    return session.scalar(select(Step.id).where(*cancelled).limit(1)) is not None


def start_again(session: Session, job: Job, wanted: plan.Again, rings: Rings) -> None:
    """A new run of a job that has ended; the caller holds its lock."""
    for kind in reversed(Kind):  # a second pass puts back first texts, which must go with the first pass after it
        if kind in wanted.drop:
            _drop(session, job, kind)
    job.status, job.run, job.error = Status.PROCESSING, job.run + 1, None
    job.finished_at = job.delete_at = None
    job.warnings = [one for one in job.warnings if one["stage"] not in {kind.value for kind in wanted.kinds}]
    if tracks.several(job.options) and wanted.kinds != {Kind.ASSEMBLE}:
        _forget_people(session, job)
    slots.take(session, job, rings.context.settings)
    session.flush()
    for kind, finished_too in wanted.requeue.items():
        _requeue(session, job, kind, finished_too, rings)
    job.tallies = plan.written(_counted(session, job, wanted))
    if job.status == Status.PROCESSING:  # one that is held back starts when somebody takes it up
        notices.emit(session, job, EventType.JOB_STARTED, rings)
    go_on(session, job, rings)


def _forget_people(session: Session, job: Job) -> None:
    """Labels of a job with tracks follow who speaks first on any of them: after another run `S1` may be somebody else,
    and must not bear the name that a person gave."""
    kept = session.get(DiarizationRow, job.id)
    if kept is not None:
        kept.body = {name: body for name, body in kept.body.items() if name not in ("names", "merged")}


def _drop(session: Session, job: Job, kind: Kind) -> None:
    if kind is Kind.REDECODE:
        _put_back_first_texts(session, job)
    session.execute(delete(Step).where(Step.job_id == job.id, Step.kind == kind))
    if kind is Kind.DIARIZE:
        session.execute(delete(BlockRow).where(BlockRow.job_id == job.id))
    if kind is Kind.TRANSCRIBE:
        heard.withdraw(session, job)


def _put_back_first_texts(session: Session, job: Job) -> None:
    """A second pass begins where the first ended."""
    result = Step.result
    kept = (Step.job_id == job.id, Step.kind == Kind.REDECODE, result["kept"].as_boolean().is_(True))
    for chunk, first in session.execute(select(Step.index, result["first"]).where(*kept)).all():
        heard.replace(session, job, chunk, first)


def _requeue(session: Session, job: Job, kind: Kind, finished_too: bool, rings: Rings) -> None:
    """As new but for the attempt, with tags of the present: old ones would pass everybody who waits."""
    again = (*_MISSING, StepStatus.DONE) if finished_too else _MISSING
    steps = session.scalars(
        select(Step).where(Step.job_id == job.id, Step.kind == kind, Step.status.in_(again)).order_by(Step.index)
    ).all()
    if not steps:
        return
    if kind is Kind.TRANSCRIBE:
        heard.withdraw(session, job, [step.index for step in steps])
    tallies = plan.read(job.tallies)
    costs = [seconds_of(step.params) or 1.0 for step in steps]
    tags, tag = fair_tags(session, job, kind, tallies[lane(kind)].tag, costs)
    status = StepStatus.HELD if job.held_at is not None else StepStatus.QUEUED
    for step, at in zip(steps, tags, strict=True):
        step.status, step.fair_tag = status, at
        step.result = step.last_error = step.finished_at = None
        step.kills = step.errors = step.outages = 0
        step.suspect, step.due_at = False, func.clock_timestamp()
    tallies[lane(kind)] = replace(tallies[lane(kind)], tag=tag)
    job.tallies = plan.written(tallies)
    session.flush()
    if status is StepStatus.QUEUED:
        rings.add(session, kind, model_of(job, kind), len(steps))


def _counted(session: Session, job: Job, wanted: plan.Again) -> dict[Kind, plan.Tally]:
    """The tallies as the rows have them; tags and working time go on, and what was settled of kinds that stay."""
    length = func.coalesce(Step.params["end"].astext.cast(Float) - Step.params["start"].astext.cast(Float), 0.0)
    ended = Step.status.in_([StepStatus.DONE, *_MISSING])
    known = and_(Step.status == StepStatus.DONE, Step.result["cached"].as_boolean())
    rows = session.execute(
        select(
            Step.kind,
            func.count(),
            func.count().filter(~ended),
            func.count().filter(Step.status.in_(_MISSING)),
            func.sum(length),
            func.coalesce(func.sum(length).filter(ended), 0.0),
            func.count().filter(known),
            func.coalesce(func.sum(length).filter(known), 0.0),
        )
        .where(Step.job_id == job.id)
        .group_by(Step.kind)
    ).all()
    before = plan.read(job.tallies)
    found = {kind: plan.Tally(tag=before[kind].tag, busy=before[kind].busy) for kind in Kind}
    found[Kind.REDECODE] = replace(
        found[Kind.REDECODE], chosen=before[Kind.REDECODE].chosen and Kind.REDECODE not in wanted.drop
    )
    found[Kind.DIARIZE] = replace(
        found[Kind.DIARIZE], given_up=before[Kind.DIARIZE].given_up and Kind.DIARIZE not in wanted.kinds
    )
    for kind, total, opened, failed, seconds, done, cached, cached_seconds in rows:
        found[Kind(kind)] = replace(
            found[Kind(kind)],
            total=total,
            open=opened,
            failed=failed,
            seconds=seconds,
            done_seconds=done,
            cached=cached,
            cached_seconds=cached_seconds,
        )
    return found
