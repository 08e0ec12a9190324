"""Who works, in what order, and when it was last seen to."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Integer, func
from sqlalchemy.orm import Mapped, mapped_column

from core.tables.base import Base


class VirtualTime(Base):
    """Start-time fair queueing: the tag of the latest claimed step of a kind and model. Never goes back."""

    __tablename__ = "virtual_times"

    kind: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float]


class Worker(Base):
    """A worker process, as it last said of itself. A heartbeat older than two leases means that it is gone."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    kinds: Mapped[list[str]]
    models: Mapped[list[str]]
    info: Mapped[dict[str, Any]]
    holds: Mapped[int] = mapped_column(Integer, server_default="0")
    started_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class SweepState(Base):
    """One row. After a gap in sweeping, nothing is reaped before `reap_after`: live workers renew them first."""

    __tablename__ = "sweep_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_sweep_state"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    swept_at: Mapped[datetime]
    reap_after: Mapped[datetime]
