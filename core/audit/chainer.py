"""Gives entries their place. Any number of chainers may run; one at a time does something."""

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from core.audit.chain import Head, linked, sealed
from core.context import Context
from core.database import transaction
from core.tables import AuditBatch, AuditEntry

LOCK = 7_310_472
"""Of pg_try_advisory_xact_lock. Without it two chainers would go on from one head; the second would then fail on the
unique positions, and its work would be lost."""
AT_ONCE = 1000
"""Entries a batch: few enough that a transaction stays short."""
MOST = 50
"""Batches a call: a sweep has other things to do."""


def chain(context: Context) -> int:
    """Chains what is there, in the order of the ids; returns how many. Whole batches, or nothing of one: a chainer that
    dies leaves what was. An entry whose transaction commits late comes later in the chain; none is passed over, since
    what is looked for is what has no place yet."""
    total = 0
    for _ in range(MOST):
        with transaction(context.sessions) as session:
            count = _batch(session) if alone(session) else 0
        total += count
        if count < AT_ONCE:
            break
    return total


def alone(session: Session) -> bool:
    """Whether this transaction is the only one that chains or removes. Never waits."""
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(LOCK))))


def head(session: Session) -> Head:
    newest = session.scalar(select(AuditBatch).order_by(AuditBatch.number.desc()).limit(1))
    return Head(newest.number, newest.last, newest.sha256) if newest is not None else Head()


def _batch(session: Session) -> int:
    unchained = select(AuditEntry).where(AuditEntry.position.is_(None)).order_by(AuditEntry.id).limit(AT_ONCE)
    rows = session.scalars(unchained).all()
    if not rows:
        return 0
    before = head(session)
    now = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    number, first, last = before.batch + 1, before.position + 1, before.position + len(rows)
    digest, places = before.sha256, []
    for position, row in enumerate(rows, first):
        digest = linked(digest, row, position)
        places.append({"id": row.id, "position": position, "batch": number, "sha256": digest})
    session.expunge_all()
    session.execute(update(AuditEntry), places)
    seal = sealed(digest, number, first, last, now)
    session.add(AuditBatch(number=number, first=first, last=last, chained_at=now, sha256=seal))
    return len(rows)
