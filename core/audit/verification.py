"""Reads the whole trail, and says whether it is what was written."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ScalarResult, Select, func, select, text
from sqlalchemy.orm import Session

from core.audit.chain import Broken, Head, followed
from core.audit.entries import REMOVED, removals
from core.context import Context
from core.database import transaction
from core.tables import AuditBatch, AuditEntry

AT_ONCE = 1000
"""Rows in memory."""


@dataclass(frozen=True)
class Verified:
    """`removed`: entries before the first that is kept. `waiting`: entries that no batch has yet: nothing speaks for
    those."""

    entries: int
    removed: int
    waiting: int
    head: Head


def verify(context: Context, expected: Mapping[int, bytes] | None = None) -> Verified:
    """Of one moment. `expected`: positions -> what `head.sha256` was there. Raises Broken."""
    wanted = dict(expected or {})
    with transaction(context.sessions) as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        start = _start(session)
        for position, sha256 in wanted.items():
            _check_early(session, start, position, sha256)
        sealed = select(AuditBatch).order_by(AuditBatch.number)
        chained = select(AuditEntry).where(AuditEntry.position.is_not(None)).order_by(AuditEntry.position)
        with _streamed(session, sealed) as batches, _streamed(session, chained) as entries:
            head = followed(start, batches, entries, wanted)
        waiting = session.scalar(select(func.count()).where(AuditEntry.position.is_(None)))
        return Verified(head.position - start.position, start.position, waiting or 0, head)


def _streamed(session: Session, query: Select[Any]) -> closing[ScalarResult[Any]]:
    return closing(session.scalars(query, execution_options={"yield_per": AT_ONCE}))


def _start(session: Session) -> Head:
    """Before the first entry that is kept: the beginning, or where a removal of old entries says. Raises Broken."""
    noted = removals(session.scalars(select(AuditEntry).where(AuditEntry.route == REMOVED)))
    first = session.scalar(select(AuditBatch).order_by(AuditBatch.number).limit(1))
    gone = first.number - 1 if first is not None else max(noted, default=0)
    if gone != max(noted, default=0):
        raise Broken(
            max((position for position, _ in noted.values()), default=0) + 1,
            "and more are gone, and no removal of old entries says so",
        )
    return Head(gone, *noted[gone]) if gone else Head()


def _check_early(session: Session, start: Head, position: int, sha256: bytes) -> None:
    """Before all is read: what can be known at once of a head that somebody kept. Raises Broken."""
    if position == start.position and sha256 == start.sha256:
        return
    if position <= start.position:
        raise Broken(position, "was removed with all that was old; expect a head of a later entry")
    if session.scalar(select(AuditBatch.number).where(AuditBatch.last == position)) is None:
        raise Broken(position, "ends no batch here: it was removed, or the chain was made anew")
