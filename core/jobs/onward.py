"""After a step ended: what is next of its job, or the end of it. The caller holds the job's lock."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Float, select
from sqlalchemy.orm import Session

from core import plan, second_pass
from core.jobs.rows import NewStep, Rings, add_steps, close
from core.states import Kind, Status, StepStatus
from core.tables import Job, Recording, Step


def go_on(session: Session, job: Job, rings: Rings, error: dict[str, Any] | None = None) -> None:
    while kinds := plan.next_steps(plan.read(job.tallies)):
        for kind in kinds:
            _add(session, job, kind, rings)
    verdict = plan.verdict(plan.read(job.tallies))
    if verdict is not None and not Status(job.status).ended:
        close(session, job, verdict, error)


def _add(session: Session, job: Job, kind: Kind, rings: Rings) -> None:
    if kind is Kind.REDECODE:
        add_steps(session, job, kind, _to_hear_again(session, job), rings)
        tallies = plan.read(job.tallies)
        tallies[kind] = replace(tallies[kind], chosen=True)
        job.tallies = plan.written(tallies)
    else:
        params = {"bytes": _size(session, job)} if kind is Kind.INGEST else {}
        add_steps(session, job, kind, [NewStep(kind, params=params)], rings)


def _size(session: Session, job: Job) -> int:
    return session.get_one(Recording, job.recording_id).bytes


def _to_hear_again(session: Session, job: Job) -> list[NewStep]:
    """All chunks are read here, once a job, and only what the choice needs of them."""
    if job.options.get("context", "auto") == "off":
        return []
    asked = job.options.get("language", "auto") != "auto"
    chosen = {one.index: one for one in second_pass.choose(_first_pass(session, job), language_asked=asked)}
    steps = session.execute(select(Step.index, Step.params).where(*_heard(job), Step.index.in_(chosen)))
    return [
        NewStep(Kind.REDECODE, index, params["end"] - params["start"], {**params, **chosen[index].to_json()})
        for index, params in steps
    ]


def _heard(job: Job) -> tuple[Any, ...]:
    return Step.job_id == job.id, Step.kind == Kind.TRANSCRIBE, Step.status == StepStatus.DONE


def _first_pass(session: Session, job: Job) -> list[second_pass.FirstPass]:
    params, result = Step.params, Step.result
    rows = session.execute(
        select(
            Step.index,
            params["start"].astext.cast(Float),
            params["end"].astext.cast(Float),
            params["forced_cut"].as_boolean(),
            params["speech_seconds"].astext.cast(Float),
            result["language"].astext,
            result["language_probability"].astext.cast(Float),
            result["doubtful"].as_boolean(),
            result["tail"].astext,
        )
        .where(*_heard(job))
        .order_by(Step.index)
    )
    return [
        second_pass.FirstPass(
            index, start, end, forced, spoken, language or "", sure or 0.0, bool(doubtful), tail or ""
        )
        for index, start, end, forced, spoken, language, sure, doubtful, tail in rows
    ]
