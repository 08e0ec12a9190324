"""What a job's estimate and its place in the queue are made of, read once for as many jobs as are shown together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import ColumnElement, Float, Select, case, func, or_, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from core import estimate, fairness, plan
from core.database import from_now
from core.estimate import Flow, Pace, Ran
from core.states import RECOGNIZED, UNDER_WAY, Kind, Status, StepStatus
from core.tables import Job, Step, Tenant

LATELY = 3600.0
"""Seconds; how fast older work was done says little of today's."""
MOST = 64
"""Steps of a kind that a speed is measured over: enough for a mean, few enough to follow a change within minutes."""
NEWEST = 200
"""Jobs."""

_MEASURED = (Kind.TRANSCRIBE, Kind.REDECODE, Kind.DIARIZE, Kind.CLUSTER, Kind.ASSEMBLE)


@dataclass(frozen=True)
class Wanted:
    """What a job under way still wants, as its tallies say: seconds of audio, of both passes and for a diarizer."""

    model: str
    diarizer: str | None
    weight: float
    first: float
    second: float
    speakers: float


@dataclass(frozen=True)
class Outlook:
    """`paces` by (model, diarizer); `wanted` of all jobs of all tenants."""

    places: Mapping[UUID, int] = field(default_factory=dict)
    paces: Mapping[tuple[str, str | None], Pace] = field(default_factory=dict)
    wanted: Mapping[UUID, Wanted] = field(default_factory=dict)

    def position(self, job: Job) -> int | None:
        """From 1, in fair order: how many jobs' recordings are taken up before this one's, and itself. It may grow
        where others come whose share is larger. None once it was taken up."""
        return self.places.get(job.id)

    def eta(self, job: Job, tallies: plan.Tallies, duration: float | None) -> float | None:
        """Seconds until it ends; None where its length or the speed is not known yet, or it has ended."""
        at = self.paces.get((job.model, job.diarizer))
        if at is None or Status(job.status).ended:
            return None
        words, speakers = self._words(job, tallies, at, duration), self._speakers(job, tallies, at, duration)
        if words is None or speakers is None:
            return None
        return round(max(words, speakers) + at.assembling, 1)

    def _words(self, job: Job, tallies: plan.Tallies, at: Pace, duration: float | None) -> float | None:
        left = estimate.to_hear(tallies, at, duration, twice=job.options.get("context", "auto") != "off")
        others = [(one, at.hearing(one.first, one.second)) for one in self._others(job) if one.model == job.model]
        return self._until_done(job, None if left is None else at.hearing(*left), others)

    def _speakers(self, job: Job, tallies: plan.Tallies, at: Pace, duration: float | None) -> float | None:
        if job.diarizer is None or plan.speakers_settled(tallies):
            return 0.0
        left = estimate.to_diarize(tallies, duration)
        others = [(one, at.finding(one.speakers)) for one in self._others(job) if one.diarizer == job.diarizer]
        found = self._until_done(job, None if left is None else at.finding(left), others)
        return None if found is None else found + at.joining

    def _until_done(self, job: Job, left: float | None, others: list[tuple[Wanted, float | None]]) -> float | None:
        """The job may have ended since the others were read."""
        if left is None:
            return None
        own = self.wanted.get(job.id)
        flows = [Flow(one.weight, work or 0.0) for one, work in others]
        return estimate.until_done(Flow(own.weight if own else 1.0, left), flows)

    def _others(self, job: Job) -> list[Wanted]:
        return [one for job_id, one in self.wanted.items() if job_id != job.id]


def outlook(session: Session, jobs: Sequence[Job]) -> Outlook:
    """As many queries for a hundred jobs as for one; none for such as have ended."""
    queued = [job.id for job in jobs if job.status == Status.QUEUED]
    under_way = [job.id for job in jobs if not Status(job.status).ended]
    engines = {(job.model, job.diarizer) for job in jobs if not Status(job.status).ended}
    if not engines:
        return Outlook()
    return Outlook(
        places=_places(session, queued) if queued else {},
        paces=_paces(session, engines),
        wanted=_wanted(session, under_way),
    )


def _places(session: Session, queued: Sequence[UUID]) -> dict[UUID, int]:
    """A job that is queued waits for its fetch, or its first ingest step, so their order is that of the jobs. The two
    have workers of their own, and tags that do not compare."""
    waiting = (Step.status == StepStatus.QUEUED, Step.kind.in_([Kind.FETCH, Kind.INGEST]), Step.model == "")
    first = (
        select(Step.job_id, Step.kind, Step.fair_tag, Step.id)
        .where(*waiting)
        .ext(distinct_on(Step.job_id))
        .order_by(Step.job_id, Step.fair_tag, Step.id)
        .subquery()
    )
    place = func.row_number().over(partition_by=first.c.kind, order_by=(first.c.fair_tag, first.c.id)).label("place")
    ordered = select(first.c.job_id, place).subquery()
    found = select(ordered.c.job_id, ordered.c.place).where(ordered.c.job_id.in_(queued))
    return dict(session.execute(found).all())


def _paces(session: Session, engines: set[tuple[str, str | None]]) -> dict[tuple[str, str | None], Pace]:
    names = {name for engine in engines for name in engine if name is not None}
    queues = [(kind, name) for kind in _MEASURED[:-1] for name in sorted(names)]
    again = _again(session)
    rows = session.execute(union_all(*(_latest(*queue) for queue in [*queues, (Kind.ASSEMBLE, "")]))).all()
    return {
        engine: estimate.pace(
            [
                Ran(Kind(row.kind), row.started, row.finished, row.seconds)
                for row in rows
                if row.model == _served(Kind(row.kind), *engine)
            ],
            again.get(engine[0], 0.0),
        )
        for engine in engines
    }


def _again(session: Session) -> dict[str, float]:
    """Of each second that a model heard, how much was heard a second time: in the newest jobs that had the choice."""
    newest = select(Job.model, Job.tallies, Job.options).order_by(Job.id.desc()).limit(NEWEST).subquery()
    first, second = (newest.c.tallies[kind.value] for kind in RECOGNIZED)
    share = func.sum(second["seconds"].as_float()) / func.nullif(func.sum(first["seconds"].as_float()), 0.0)
    had = (second["chosen"].as_boolean(), newest.c.options["context"].astext.is_distinct_from("off"))
    found = session.execute(select(newest.c.model, share).where(*had).group_by(newest.c.model))
    return {model: ratio for model, ratio in found if ratio is not None}


def _served(kind: Kind, model: str, diarizer: str | None) -> str | None:
    if kind is Kind.ASSEMBLE:
        return ""
    return model if kind in RECOGNIZED else diarizer


def _latest(kind: Kind, model: str) -> Select[tuple[str, str, float, float, float]]:
    """Of the steps that were worked on: a chunk that was known already took no time."""
    params = Step.params
    seconds = params["end"].astext.cast(Float) - params["start"].astext.cast(Float)
    done = (Step.status == StepStatus.DONE, Step.kind == kind, Step.model == model)
    fresh = (Step.finished_at > from_now(-LATELY), Step.result["cached"].as_boolean().is_not(True))
    latest = (
        select(
            Step.kind,
            Step.model,
            func.extract("epoch", Step.started_at).cast(Float).label("started"),
            func.extract("epoch", Step.finished_at).cast(Float).label("finished"),
            func.coalesce(seconds, 0.0).label("seconds"),
        )
        .where(*done, *fresh)
        .order_by(Step.finished_at.desc())
        .limit(MOST)
        .subquery()
    )
    return select(latest.c.kind, latest.c.model, latest.c.started, latest.c.finished, latest.c.seconds)


def _wanted(session: Session, ids: Sequence[UUID]) -> dict[UUID, Wanted]:
    """Of these jobs, and of all that have work for others to wait for. Their weights as they are now: tags are made
    anew by the sweep where a job's share has become another."""
    given_up = func.coalesce(Job.tallies["diarize"]["given_up"].as_boolean(), False)
    under_way = (
        select(
            Job.id,
            Job.model,
            Job.diarizer,
            Tenant.weight,
            Job.options["priority"].astext.label("priority"),
            func.count().over(partition_by=Job.tenant_id).label("active"),
            *(_left(kind).label(name) for kind, name in zip(RECOGNIZED, ("first", "second"), strict=True)),
            case((given_up, 0.0), else_=_left(Kind.DIARIZE)).label("speakers"),
        )
        .join(Tenant, Tenant.id == Job.tenant_id)
        .where(Job.status.in_(UNDER_WAY))
        .subquery()
    )
    one = under_way.c
    rows = session.execute(
        select(under_way).where(or_(one.first > 0, one.second > 0, one.speakers > 0, one.id.in_(ids)))
    )
    return {
        row.id: Wanted(
            row.model,
            row.diarizer,
            fairness.weight(row.weight, row.priority or "normal", row.active),
            row.first,
            row.second,
            row.speakers,
        )
        for row in rows
    }


def _left(kind: Kind) -> ColumnElement[float]:
    tally = Job.tallies[kind.value]
    seconds, done = (func.coalesce(tally[name].as_float(), 0.0) for name in ("seconds", "done_seconds"))
    left: ColumnElement[float] = func.greatest(seconds - done, 0.0)
    return left
