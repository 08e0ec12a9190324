"""After a step ended: what is next of its job, or the end of it. The caller holds the job's lock."""

import math
from dataclasses import replace
from typing import Any

from sqlalchemy import Float, select
from sqlalchemy.orm import Session

from core import plan, second_pass
from core.database import from_now
from core.jobs.rows import NewStep, Rings, add_steps, close
from core.settings import Settings
from core.states import Kind, Status, StepStatus
from core.tables import Job, Recording, Step

BLOCK = 600.0
"""Seconds of a recording that one diarize step hears."""


def go_on(session: Session, job: Job, rings: Rings, error: dict[str, Any] | None = None) -> None:
    while kinds := plan.next_steps(plan.read(job.tallies), speakers=job.diarizer is not None):
        for kind in kinds:
            _add(session, job, kind, rings)
    _wait_for_speakers(session, job, rings.context.settings)
    verdict = plan.verdict(plan.read(job.tallies))
    if verdict is not None and not Status(job.status).ended:
        close(session, job, verdict, error)


def _add(session: Session, job: Job, kind: Kind, rings: Rings) -> None:
    if kind is Kind.REDECODE:
        add_steps(session, job, kind, _to_hear_again(session, job), rings)
        tallies = plan.read(job.tallies)
        tallies[kind] = replace(tallies[kind], chosen=True)
        job.tallies = plan.written(tallies)
    elif kind is Kind.DIARIZE:
        add_steps(session, job, kind, _blocks(session, job), rings)
    else:
        params = {"bytes": _size(session, job)} if kind is Kind.INGEST else {}
        add_steps(session, job, kind, [NewStep(kind, params=params)], rings)


def _wait_for_speakers(session: Session, job: Job, settings: Settings) -> None:
    """From the moment on when the words are there."""
    if job.diarizer is None or not plan.waits_for_speakers(plan.read(job.tallies)):
        job.speakers_until = None
    elif job.speakers_until is None:
        job.speakers_until = from_now(max(settings.speakers_grace, _duration(session, job) / 2))


def _blocks(session: Session, job: Job) -> list[NewStep]:
    """Ten minutes each, of what lies between `first` and `last`. How far a diarizer reads beyond is its own affair."""
    first, last = float(job.options.get("clip_start", 0.0)), _duration(session, job)
    starts = [first + BLOCK * index for index in range(max(1, math.ceil((last - first) / BLOCK)))]
    return [
        NewStep(
            Kind.DIARIZE,
            index,
            min(BLOCK, last - start),
            {
                "generation": job.generation,
                "start": start,
                "end": min(start + BLOCK, last),
                "first": first,
                "last": last,
                "blocks": len(starts),
            },
        )
        for index, start in enumerate(starts)
    ]


def _duration(session: Session, job: Job) -> float:
    return session.get_one(Recording, job.recording_id).duration or 0.0


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
