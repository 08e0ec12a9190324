"""Who is there to work: the workers that were heard of within two leases."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from core.database import from_now
from core.states import Kind
from core.tables import Worker


def _alive(lease: float) -> ColumnElement[bool]:
    heard: ColumnElement[bool] = Worker.seen_at > from_now(-2 * lease)
    return heard


def alive(session: Session, lease: float) -> Sequence[Worker]:
    return session.scalars(select(Worker).where(_alive(lease)).order_by(Worker.name)).all()


def able(session: Session, lease: float, kind: Kind, model: str = "") -> int:
    """How many do this kind, with this model where it needs one."""
    serving = [Worker.kinds.contains([kind.value]), *([Worker.models.contains([model])] if model else [])]
    return session.scalar(select(func.count()).select_from(Worker).where(_alive(lease), *serving)) or 0
