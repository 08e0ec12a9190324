"""Who is there to work: the workers that were heard of within two leases."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from core.database import from_now
from core.states import Kind
from core.tables import Worker

GONE = 2.0
"""Leases after its last word from when on a worker counts as dead."""
MISSED = 5.0
"""Leases from when on nobody expects that it is only being started anew, as at a deploy."""


def _heard(lease: float, leases: float) -> ColumnElement[bool]:
    heard: ColumnElement[bool] = Worker.seen_at > from_now(-leases * lease)
    return heard


def alive(session: Session, lease: float) -> Sequence[Worker]:
    return session.scalars(select(Worker).where(_heard(lease, GONE)).order_by(Worker.name)).all()


def able(session: Session, lease: float, kind: Kind, model: str = "", *, within: float = GONE) -> int:
    """How many do this kind, with this model where it needs one: of those who were heard of `within` so many leases."""
    serving = [Worker.kinds.contains([kind.value]), *([Worker.models.contains([model])] if model else [])]
    return session.scalar(select(func.count()).select_from(Worker).where(_heard(lease, within), *serving)) or 0
