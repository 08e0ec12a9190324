"""A bell that looks, with each ring, whether what it rings for is there to be claimed."""

from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from core.states import Kind, StepStatus
from core.tables import Step


@dataclass
class Witness:
    """It looks through a connection of its own, as a worker would that hears the ring at once.

    `rung`: kind and model of each call; `in_vain`: those for which nothing was queued, committed and due.
    """

    sessions: sessionmaker[Session]
    rung: list[tuple[Kind, str]] = field(default_factory=list)
    in_vain: list[tuple[Kind, str]] = field(default_factory=list)

    def ring(self, kind: Kind, model: str = "", times: int = 1) -> bool:
        due = (Step.status == StepStatus.QUEUED, Step.due_at <= func.clock_timestamp())
        with self.sessions() as session:
            found = session.scalar(select(func.count()).where(Step.kind == kind, Step.model == model, *due)) or 0
        self.rung.append((kind, model))
        if found < times:
            self.in_vain.append((kind, model))
        return True
