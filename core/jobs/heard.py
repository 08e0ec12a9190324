"""The segments of a job's chunks: written, replaced, read. The caller of whatever writes holds the job's lock.

A segment keeps its id, (chunk, position), when its text changes, and is sent again under it; one that is no more stays
as an empty one, so that who followed the job learns it. Rows go with their job alone.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, cast, not_, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from core.tables import Job, SegmentRow
from core.transcript import Segment

WITHDRAWN = "withdrawn"

AT_ONCE = 200
"""Rows of a long recording that are read at a time."""

Stored = dict[str, Any]
"""A `core.transcript.Segment` as JSON."""


def add(session: Session, job: Job, chunk: int, segments: Sequence[Stored]) -> None:
    """Of a chunk that has none, or only such as were withdrawn."""
    job.revision += 1
    _put(session, _rows(job, chunk, dict(enumerate(segments))))


def replace(session: Session, job: Job, chunk: int, segments: Sequence[Stored]) -> None:
    """Takes the place of what the chunk had."""
    job.revision += 1
    those = select(SegmentRow.position, SegmentRow.data)
    found = session.execute(those.where(SegmentRow.job_id == job.id, SegmentRow.chunk == chunk))
    known: dict[int, Stored] = dict(found.all())
    gone = {position: _withdrawn(data) for position, data in known.items() if position >= len(segments)}
    now = {**dict(enumerate(segments)), **gone}
    _put(session, _rows(job, chunk, {position: data for position, data in now.items() if known.get(position) != data}))


def withdraw(session: Session, job: Job, chunks: Sequence[int] | range | None = None) -> None:
    """What these chunks had; all of the job where None."""
    those = [SegmentRow.job_id == job.id, not_(_is_withdrawn())]
    if isinstance(chunks, range):
        those += [SegmentRow.chunk >= chunks.start, SegmentRow.chunk < chunks.stop]
    elif chunks is not None:
        those.append(SegmentRow.chunk.in_(chunks))
    emptied = SegmentRow.data.op("||")(cast(_withdrawn({}), JSONB))
    gone = update(SegmentRow).where(*those).values(revision=job.revision + 1, data=emptied)
    if session.execute(gone.returning(SegmentRow.chunk), execution_options={"synchronize_session": False}).first():
        job.revision += 1


def _is_withdrawn() -> ColumnElement[bool]:
    found: ColumnElement[bool] = SegmentRow.data["flags"].contains([WITHDRAWN])
    return found


def _put(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        made = insert(SegmentRow)
        taken = {"revision": made.excluded.revision, "data": made.excluded.data}
        session.execute(made.on_conflict_do_update(index_elements=["job_id", "chunk", "position"], set_=taken), rows)


def _rows(job: Job, chunk: int, segments: dict[int, Stored]) -> list[dict[str, Any]]:
    return [
        {"job_id": job.id, "chunk": chunk, "position": position, "revision": job.revision, "data": data}
        for position, data in segments.items()
    ]


def _withdrawn(data: Stored) -> Stored:
    return {**data, "text": "", "words": [], "flags": [WITHDRAWN]}


def by_chunk(session: Session, job_id: UUID, chunk: int | None = None) -> Mapping[int, tuple[Segment, ...]]:
    """Those that have a text, in the order of the recording."""
    those = [SegmentRow.job_id == job_id, *([] if chunk is None else [SegmentRow.chunk == chunk])]
    rows = session.execute(
        select(SegmentRow.chunk, SegmentRow.data).where(*those).order_by(SegmentRow.chunk, SegmentRow.position),
        execution_options={"yield_per": AT_ONCE},
    )
    found: dict[int, list[Segment]] = defaultdict(list)
    for number, data in rows:
        if WITHDRAWN not in data["flags"]:
            found[number].append(Segment.from_json(data))
    return {number: tuple(segments) for number, segments in found.items()}
