"""After a step ended: what is next of its job, or the end of it. The caller holds the job's lock."""

import math
from dataclasses import replace
from typing import Any

from sqlalchemy import Float, select
from sqlalchemy.orm import Session

from core import plan, second_pass
from core.database import from_now
from core.jobs import ledger, notices, slots, tracks
from core.jobs.rows import NewStep, Rings, add_steps, close
from core.settings import Settings
from core.states import Kind, Status, StepStatus
from core.tables import Job, Recording, Step
from core.tracks import indices

BLOCK = 600.0
"""Seconds of a recording that one diarize step hears."""


def go_on(session: Session, job: Job, rings: Rings, error: dict[str, Any] | None = None) -> None:
    while kinds := plan.next_steps(plan.read(job.tallies), speakers=job.diarizer is not None):
        for kind in kinds:
            _add(session, job, kind, rings)
    _wait_for_speakers(session, job, rings.context.settings)
    verdict = plan.verdict(plan.read(job.tallies))
    if verdict is not None and not Status(job.status).ended:
        if verdict is Status.COMPLETED:
            ledger.enter(session, job, duration(session, job))
        close(session, job, verdict, error)
        notices.ended(session, job, rings)
        slots.release(session, job.tenant_id, rings)


def _add(session: Session, job: Job, kind: Kind, rings: Rings) -> None:
    if kind is Kind.REDECODE:
        add_steps(session, job, kind, _to_hear_again(session, job), rings)
        tallies = plan.read(job.tallies)
        tallies[kind] = replace(tallies[kind], chosen=True)
        job.tallies = plan.written(tallies)
    else:
        add_steps(session, job, kind, _NEW.get(kind, _one)(session, job, kind), rings)


def _wait_for_speakers(session: Session, job: Job, settings: Settings) -> None:
    """From the moment on when the words are there."""
    if job.diarizer is None or not plan.waits_for_speakers(plan.read(job.tallies)):
        job.speakers_until = None
    elif job.speakers_until is None:
        job.speakers_until = from_now(max(settings.speakers_grace, duration(session, job) / 2))


def _one(_session: Session, _job: Job, kind: Kind) -> list[NewStep]:
    return [NewStep(kind)]


def _ingests(session: Session, job: Job, kind: Kind) -> list[NewStep]:
    found = tracks.of(session, job)
    return tracks.ingest_steps(found) if found else [NewStep(kind, params={"bytes": _size(session, job)})]


def _blocks(session: Session, job: Job, kind: Kind) -> list[NewStep]:
    """Ten minutes each, of what lies between `first` and `last`, of every track. How far a diarizer reads beyond is its
    own affair."""
    found = [one for one in tracks.of(session, job) if one.ingested]
    clip = float(job.options.get("clip_start", 0.0))
    if not found:
        return _of_sound(job.generation, clip, _length(session, job), 0, {})
    return [
        step
        for one in found
        for step in _of_sound(one.generation, clip, one.duration or 0.0, indices(one.index).start, one.params)
    ]


def _of_sound(generation: str | None, first: float, last: float, number: int, told: dict[str, Any]) -> list[NewStep]:
    """`number`: of its first block; `told`: which track it is."""
    starts = [first + BLOCK * index for index in range(max(1, math.ceil((last - first) / BLOCK)))]
    whole = {**told, "generation": generation, "first": first, "last": last, "blocks": len(starts)}
    return [
        NewStep(
            Kind.DIARIZE,
            number + index,
            min(BLOCK, last - start),
            {**whole, "block": index, "start": start, "end": min(start + BLOCK, last)},
        )
        for index, start in enumerate(starts)
    ]


def _clusterings(session: Session, job: Job, kind: Kind) -> list[NewStep]:
    """One over all blocks of a track: who speaks on one is not looked for on another."""
    found = [NewStep(kind, one.index, params=one.params) for one in tracks.of(session, job) if one.ingested]
    return found or [NewStep(kind)]


_NEW = {Kind.INGEST: _ingests, Kind.DIARIZE: _blocks, Kind.CLUSTER: _clusterings}


def duration(session: Session, job: Job) -> float:
    """Of all that is heard, in seconds of the job's time."""
    found = [one.offset + (one.duration or 0.0) for one in tracks.of(session, job) if one.ingested]
    return max(found) if found else _length(session, job)


def _length(session: Session, job: Job) -> float:
    return tracks.lengths(session, job).get(0, 0.0)


def _size(session: Session, job: Job) -> int | None:
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
