"""Which steps are next, in fair order, and locked for whoever asks; the rows of others at work are passed over.

Statements that run once a chunk are made once a process: SQLAlchemy takes longer to make and to recognize one than
Postgres to answer it.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Integer, Row, Select, bindparam, func, select
from sqlalchemy.orm import Session

from core.budget import Tries
from core.context import Context
from core.jobs.crew import able
from core.settings import Settings
from core.states import DIARIZED, RECOGNIZED, Kind, StepStatus, lane
from core.tables import Step

LONG_INGESTS = 7_310_472
"""Of pg_advisory_xact_lock: who may begin with another long recording is decided by one at a time."""
FETCHES = 7_310_473
"""The same for who may begin with another fetch."""


Due = Row[Any]
"""Of a step that is due: `_COLUMNS`."""

_SIZE = Step.params["bytes"].astext.cast(BigInteger)
"""Of an ingest step's recording."""

_HOST = func.coalesce(Step.params["host"].astext, "")
"""That a fetch step asks."""

_COLUMNS = (
    Step.id, Step.kind, Step.model, Step.fair_tag, Step.kills, Step.errors, Step.outages, Step.suspect,
    _SIZE.label("bytes"),
)  # fmt: skip


def tries(step: Due) -> Tries:
    return Tries(step.kills, step.errors, step.outages, step.suspect)


def next_due(session: Session, context: Context, kinds: Sequence[Kind], models: Sequence[str], limit: int) -> list[Due]:
    """At most `limit`, of one lane. One kind after the other, that with the lowest tag first: a lock on rows that are
    then not taken would hide them from a worker that asks at the same moment, and goes idle."""
    taken: list[Due] = []
    queues = [(kind, model) for kind in kinds for model in _models(kind, models)]
    for kind, model in _by_tag(session, queues):
        if len(taken) < limit and all(lane(Kind(one.kind)) is lane(kind) for one in taken):
            due = _CHOSEN.get(kind, _first)
            taken += due(session, context.settings, kind, model, limit - len(taken))
    return taken


def _models(kind: Kind, models: Sequence[str]) -> Sequence[str]:
    return models if kind in (*RECOGNIZED, *DIARIZED) else [""]


def _by_tag(session: Session, queues: list[tuple[Kind, str]]) -> list[tuple[Kind, str]]:
    """Each looked up by itself in the index, whose order is of one kind and model."""
    if len(queues) < 2:
        return queues
    heads = session.execute(_heads(tuple(queues))).one()
    waiting = [(tag, queue) for queue, tag in zip(queues, heads, strict=True) if tag is not None]
    return [queue for _, queue in sorted(waiting)]


@cache
def _heads(queues: tuple[tuple[Kind, str], ...]) -> Select[Any]:
    return select(*(_due(*queue, Step.fair_tag).limit(1).scalar_subquery() for queue in queues))


def _due(kind: Kind, model: str, *what: Any) -> Select[Any]:
    queued = (Step.status == StepStatus.QUEUED, Step.kind == kind, Step.model == model)
    return select(*what).where(*queued, Step.due_at <= func.clock_timestamp()).order_by(Step.fair_tag, Step.id)


def _first(session: Session, settings: Settings, kind: Kind, model: str, limit: int) -> list[Due]:
    return list(session.execute(_waiting(kind, model), {"limit": limit}))


@cache
def _waiting(kind: Kind, model: str, most_bytes: int | None = None) -> Select[Any]:
    due = _due(kind, model, *_COLUMNS)
    if most_bytes is not None:
        due = due.where(func.coalesce(_SIZE, 0) <= most_bytes)
    return _taking(due)


def _taking(due: Select[Any]) -> Select[Any]:
    return due.limit(bindparam("limit", type_=Integer)).with_for_update(skip_locked=True)


def _ingests(session: Session, settings: Settings, kind: Kind, model: str, limit: int) -> list[Due]:
    """Long recordings never hold all who ingest: one of them is kept for short ones, where there are two."""
    found = _first(session, settings, kind, model, limit)
    if not any((step.bytes or 0) > settings.long_upload_bytes for step in found) or _room_for_long(session, settings):
        return found
    return list(session.execute(_waiting(kind, model, settings.long_upload_bytes), {"limit": limit}))


def _room_for_long(session: Session, settings: Settings) -> bool:
    session.execute(select(func.pg_advisory_xact_lock(LONG_INGESTS)))
    under_way = (Step.status == StepStatus.RUNNING, Step.kind == Kind.INGEST, settings.long_upload_bytes < _SIZE)
    running = session.scalar(select(func.count()).select_from(Step).where(*under_way)) or 0
    return running < max(1, able(session, settings.lease, Kind.INGEST) - 1)


def _fetches(session: Session, settings: Settings, kind: Kind, model: str, limit: int) -> list[Due]:
    """A host that is slow never holds all who fetch: half of them are kept from it."""
    session.execute(select(func.pg_advisory_xact_lock(FETCHES)))
    most = max(1, able(session, settings.lease, Kind.FETCH) * settings.fetches // 2)
    running = (Step.status == StepStatus.RUNNING, Step.kind == Kind.FETCH)
    busy = select(_HOST).where(*running).group_by(_HOST).having(func.count() >= most)
    due = _due(kind, model, *_COLUMNS).where(_HOST.not_in(busy))
    return list(session.execute(_taking(due), {"limit": limit}))


_CHOSEN = {Kind.INGEST: _ingests, Kind.FETCH: _fetches}
"""Kinds of which not every step may be taken."""
