"""Which steps are next, in fair order, and locked for whoever asks; the rows of others at work are passed over."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Select, func, select
from sqlalchemy.orm import Session

from core.context import Context
from core.database import from_now
from core.settings import Settings
from core.states import RECOGNIZED, Kind, StepStatus, lane
from core.tables import Step, Worker

LONG_INGESTS = 7_310_472
"""Of pg_advisory_xact_lock: who may begin with another long recording is decided by one at a time."""


def next_due(
    session: Session, context: Context, kinds: Sequence[Kind], models: Sequence[str], limit: int
) -> list[Step]:
    """At most `limit`, of one lane. One kind after the other, that with the lowest tag first: a lock on rows that are
    then not taken would hide them from a worker that asks at the same moment, and goes idle."""
    taken: list[Step] = []
    queues = [(kind, model) for kind in kinds for model in _models(kind, models)]
    for kind, model in _by_tag(session, queues):
        if len(taken) < limit and all(lane(Kind(one.kind)) is lane(kind) for one in taken):
            due = _ingests if kind is Kind.INGEST else _first
            taken += due(session, context.settings, kind, model, limit - len(taken))
    return taken


def _models(kind: Kind, models: Sequence[str]) -> Sequence[str]:
    return models if kind in RECOGNIZED else [""]


def _by_tag(session: Session, queues: list[tuple[Kind, str]]) -> list[tuple[Kind, str]]:
    """Each looked up by itself in the index, whose order is of one kind and model."""
    if len(queues) < 2:
        return queues
    heads = session.execute(select(*(_due(Step.fair_tag, *queue).limit(1).scalar_subquery() for queue in queues)))
    waiting = [(tag, queue) for queue, tag in zip(queues, heads.one(), strict=True) if tag is not None]
    return [queue for _, queue in sorted(waiting)]


def _due(what: Any, kind: Kind, model: str) -> Select[Any]:
    queued = (Step.status == StepStatus.QUEUED, Step.kind == kind, Step.model == model)
    return select(what).where(*queued, Step.due_at <= func.clock_timestamp()).order_by(Step.fair_tag, Step.id)


def _first(session: Session, settings: Settings, kind: Kind, model: str, limit: int, *which: Any) -> list[Step]:
    due = _due(Step, kind, model).where(*which).limit(limit)
    return list(session.scalars(due.with_for_update(skip_locked=True)))


def _ingests(session: Session, settings: Settings, kind: Kind, model: str, limit: int) -> list[Step]:
    """Long recordings never hold all who ingest: one of them is kept for short ones, where there are two."""
    found = _first(session, settings, kind, model, limit)
    size = Step.params["bytes"].astext.cast(BigInteger)
    if not any(_size(step) > settings.long_upload_bytes for step in found) or _room_for_long(session, settings, size):
        return found
    return _first(session, settings, kind, model, limit, func.coalesce(size, 0) <= settings.long_upload_bytes)


def _size(step: Step) -> int:
    return int(step.params.get("bytes", 0))


def _room_for_long(session: Session, settings: Settings, size: Any) -> bool:
    session.execute(select(func.pg_advisory_xact_lock(LONG_INGESTS)))
    under_way = (Step.status == StepStatus.RUNNING, Step.kind == Kind.INGEST, size > settings.long_upload_bytes)
    running = session.scalar(select(func.count()).select_from(Step).where(*under_way)) or 0
    able = (Worker.seen_at > from_now(-2 * settings.lease), Worker.kinds.contains([Kind.INGEST.value]))
    workers = session.scalar(select(func.count()).select_from(Worker).where(*able)) or 0
    return running < max(1, workers - 1)
