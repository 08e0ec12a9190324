"""A job as a stream of what changes. Nothing of it is kept: each look tells what a follower does not know yet, from the
job's row and the revisions of its segments. So any server can go on where another broke off."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self
from uuid import UUID

from sqlalchemy import and_, or_, select, tuple_
from sqlalchemy.orm import Session

from core.context import Context
from core.database import transaction
from core.errors import fault
from core.jobs.follow import segment_json
from core.jobs.views import job_json, own
from core.keys import Tenant
from core.states import Status
from core.tables import Job, SegmentRow

PROGRESS = ("progress", "eta_seconds", "queue_position", "stages")
"""Of a job, what a progress event says."""
AT_ONCE = 200
"""Segments a look: a long recording's would be megabytes."""
ESTIMATED_ANEW = 5.0
"""Seconds after which the progress is made anew though the job's row is the same: what is left to wait changes with
other jobs too."""


_NONE = "none"


@dataclass(frozen=True)
class Place:
    """What was told, and the id of an event as text: the status of which run, and the segments up to `(revision, chunk,
    position)`, in that order. A segment that changes gets a higher revision, so it lies ahead again."""

    run: int = 0
    status: str = _NONE
    revision: int = 0
    chunk: int = 0
    position: int = 0

    def __str__(self) -> str:
        return f"{self.run}-{self.status}-{self.revision}-{self.chunk}-{self.position}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises InvalidRequest."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise fault("Last-Event-ID", "is not the id of an event of this stream; leave it out to begin anew")
        run, status, *segment = found.groups()
        return cls(int(run), status, *map(int, segment))

    @property
    def of_segment(self) -> tuple[int, int, int]:
        return self.revision, self.chunk, self.position


_PLACE = re.compile(rf"(\d{{1,9}})-({'|'.join([_NONE, *Status])})-(\d{{1,15}})-(\d{{1,9}})-(\d{{1,9}})", re.ASCII)
START = Place()


@dataclass(frozen=True)
class Event:
    """`kind`: status, segment or progress. A progress has the id of what came before it: nobody misses one."""

    kind: str
    data: dict[str, Any]
    id: Place


@dataclass(frozen=True)
class Told:
    """What a follower knows. `seen`: of the job's row when it was last read wholly; `at`: then, on this clock."""

    place: Place
    progress: dict[str, Any] | None = None
    seen: tuple[Any, ...] | None = None
    at: float = 0.0


@dataclass(frozen=True)
class Look:
    """`more`: there is more to tell at once. `ended`: nothing will follow."""

    events: Sequence[Event]
    told: Told
    more: bool = False
    ended: bool = False


def look(context: Context, tenant: Tenant, job_id: UUID, told: Told) -> Look:
    """What is new since. One query by a primary key where nothing is; never more than `AT_ONCE` segments.

    Raises NotFound, Gone.
    """
    with transaction(context.sessions) as session:
        seen = tuple(session.execute(_row(job_id)).one_or_none() or ())
        if seen and seen == told.seen and time.monotonic() - told.at < ESTIMATED_ANEW:
            return Look((), told)
        job = own(session, tenant, job_id)
        return _look(session, job, replace(told, seen=seen, at=time.monotonic()))


def _row(job_id: UUID) -> Any:
    return select(Job.status, Job.run, Job.revision, Job.tallies, Job.deleted_at).where(Job.id == job_id)


def _look(session: Session, job: Job, told: Told) -> Look:
    """The status comes before the segments that follow from it; but the last one after all of them."""
    place = told.place if _is_behind(told.place, job) else START
    told_status = (place.run, place.status) == (job.run, job.status)
    ended = Status(job.status).ended
    if ended and told_status:
        return Look((), told, ended=True)
    shown, events = job_json(session, job), list[Event]()
    if not ended and not told_status:
        place = replace(place, run=job.run, status=job.status)
        events.append(Event("status", shown, place))
    rows = _segments(session, job, place)
    for row in rows[:AT_ONCE]:
        place = replace(place, revision=row.revision, chunk=row.chunk, position=row.position)
        events.append(Event("segment", segment_json(job, row), place))
    if len(rows) > AT_ONCE:
        return Look(events, replace(told, place=place, seen=None), more=True)
    progress = {name: shown[name] for name in PROGRESS}
    if progress != told.progress:
        events.append(Event("progress", progress, place))
    if ended:
        place = replace(place, run=job.run, status=job.status)
        events.append(Event("status", shown, place))
    return Look(events, replace(told, place=place, progress=progress), ended=ended)


def _is_behind(place: Place, job: Job) -> bool:
    """Else it is not of this job, or the job came back from a backup: its follower begins anew."""
    return place.run <= job.run and place.revision <= job.revision


def _segments(session: Session, job: Job, place: Place) -> Sequence[SegmentRow]:
    """Those behind the place, one more than are told at once."""
    revision, chunk, position = place.of_segment
    behind = or_(
        SegmentRow.revision > revision,
        and_(
            SegmentRow.revision == revision,
            tuple_(SegmentRow.chunk, SegmentRow.position) > tuple_(chunk, position),
        ),
    )
    those = (SegmentRow.job_id == job.id, SegmentRow.revision >= revision, SegmentRow.revision <= job.revision, behind)
    ordered = (SegmentRow.revision, SegmentRow.chunk, SegmentRow.position)
    return session.scalars(select(SegmentRow).where(*those).order_by(*ordered).limit(AT_ONCE + 1)).all()
