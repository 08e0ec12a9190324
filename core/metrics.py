"""How the whole server does, in numbers, over all tenants; for `/metrics`. Counts and times, nothing of what was said.

Everything is asked of Postgres, so any web process gives the same answer, and a restart forgets nothing. The queries
are few, and go by indexes: ids are UUIDv7, so the jobs of a day are a range of the primary key.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.context import Context
from core.database import transaction
from core.jobs.crew import alive
from core.states import RECOGNIZED, UNDER_WAY, Kind, StepStatus
from core.tables import Job, Step, Worker

LONGEST = "5s"
"""A query that takes longer is given up: whoever watches a server must not weigh on it."""


@dataclass(frozen=True)
class Queue:
    """Steps of one kind and model. `oldest`: seconds that the one waits which has been due for longest."""

    queued: int = 0
    running: int = 0
    oldest: float = 0.0


@dataclass(frozen=True)
class Chunks:
    """Of one kind: how many were heard, and how many of these the chunk cache knew."""

    heard: int = 0
    cached: int = 0


@dataclass(frozen=True)
class Day:
    """Of the jobs that were made in the last 24 hours, deleted ones too: how many of each status; seconds of audio in
    chunks that are done with; chunks by kind, since the second pass hears some again; results that came too late."""

    jobs: Mapping[str, int] = field(default_factory=dict)
    audio_seconds: float = 0.0
    chunks: Mapping[str, Chunks] = field(default_factory=dict)
    late_results: int = 0

    @property
    def hit_ratio(self) -> float | None:
        """Of all chunks, those that the cache knew; None where there were none."""
        heard = sum(one.heard for one in self.chunks.values())
        return sum(one.cached for one in self.chunks.values()) / heard if heard else None


@dataclass(frozen=True)
class Snapshot:
    """`open_jobs` by status; `queues` by kind and model, empty for a kind without; `workers` alive, by kind."""

    open_jobs: Mapping[str, int]
    day: Day
    queues: Mapping[tuple[str, str], Queue]
    workers: Mapping[str, int]


def snapshot(context: Context) -> Snapshot:
    """Raises Unavailable where the database does not answer, or is too busy."""
    with transaction(context.sessions) as session:
        session.execute(text(f"SET LOCAL statement_timeout = '{LONGEST}'"))
        living = alive(session, context.settings.lease)
        return Snapshot(_open_jobs(session), _day(session), _queues(session, living), _workers(living))


def first_id(moment: datetime) -> UUID:
    """No UUIDv7 made at this moment or later is smaller: it begins with the milliseconds (RFC 9562, 5.7)."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _open_jobs(session: Session) -> dict[str, int]:
    counted = select(Job.status, func.count().label("jobs")).where(Job.status.in_(UNDER_WAY)).group_by(Job.status)
    found = {row.status: row.jobs for row in session.execute(counted)}
    return {status.value: found.get(status.value, 0) for status in UNDER_WAY}


def _day(session: Session) -> Day:
    """From the tallies on the jobs' rows: never a read of all steps."""
    now = session.scalar(select(func.clock_timestamp()))
    assert now is not None
    of_the_day = Job.id >= first_id(now - timedelta(days=1))
    sums = [func.sum(column).label(name) for name, column in _summed().items()]
    counted = select(Job.status, func.count().label("jobs"), *sums).where(of_the_day).group_by(Job.status)
    found = session.execute(counted).mappings().all()
    total = {name: float(sum(row[name] or 0 for row in found)) for name in _summed()}
    chunks = {kind.value: Chunks(int(total[kind.value]), int(total[f"{kind} cached"])) for kind in RECOGNIZED}
    return Day({row["status"]: row["jobs"] for row in found}, total["seconds"], chunks, int(total["late"]))


def _summed() -> dict[str, Any]:
    """Of a job's row; a kind's own name stands for the chunks of it that are done."""
    seconds = Job.tallies[Kind.TRANSCRIBE.value]["done_seconds"].as_float()
    columns = {"late": Job.late_results, "seconds": seconds}
    for kind in RECOGNIZED:
        count = Job.tallies[kind.value]
        total, ahead, failed, cached = (count[name].as_float() for name in ("total", "open", "failed", "cached"))
        columns |= {kind.value: total - ahead - failed, f"{kind} cached": cached}
    return columns


def _queues(session: Session, living: Sequence[Worker]) -> dict[tuple[str, str], Queue]:
    """Each query fits an index of its own. What a living worker serves is there, with nothing in it, too."""
    found = dict.fromkeys(_served(living), Queue())
    waits = func.extract("epoch", func.clock_timestamp() - Step.due_at)
    queued = select(Step.kind, Step.model, func.count(), func.max(waits)).where(Step.status == StepStatus.QUEUED)
    for kind, model, count, oldest in session.execute(queued.group_by(Step.kind, Step.model)):
        found[kind, model] = Queue(queued=count, oldest=max(0.0, float(oldest)))
    running = select(Step.kind, Step.model, func.count()).where(Step.status == StepStatus.RUNNING)
    for kind, model, count in session.execute(running.group_by(Step.kind, Step.model)):
        found[kind, model] = replace(found.get((kind, model), Queue()), running=count)
    return found


def _served(living: Iterable[Worker]) -> list[tuple[str, str]]:
    return [
        (kind, model)
        for worker in living
        for kind in worker.kinds
        for model in (worker.models if kind in RECOGNIZED else [""])
    ]


def _workers(living: Iterable[Worker]) -> dict[str, int]:
    """A worker of several kinds counts for each."""
    counted = Counter(kind for worker in living for kind in worker.kinds)
    return {kind.value: 0 for kind in Kind} | counted
