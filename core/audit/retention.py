"""What is old is removed from the front, in a way that the rest still proves itself."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from core.audit.chainer import alone
from core.audit.entries import REMOVED, command, record
from core.context import Context
from core.database import transaction
from core.tables import AuditBatch, AuditEntry

SLACK = 1 / 365
"""Of the time that entries are kept: so much longer the oldest stays, so that a removal, which makes an entry itself,
comes once a day and not with every look."""
AT_ONCE = 20
"""Batches a transaction."""


def expire(context: Context) -> int:
    """Removes whole batches that were chained longer ago than `audit_days`; returns how many entries they held. The
    newest batch stays in any case: the next one goes on from it."""
    total = 0
    days = context.settings.audit_days
    with transaction(context.sessions) as session:
        now = session.execute(text("SELECT clock_timestamp()")).scalar_one()
        oldest = session.scalar(select(func.min(AuditBatch.chained_at)))
    if oldest is None or oldest >= now - timedelta(days=days * (1 + SLACK)):
        return 0
    while count := _remove_some(context, now - timedelta(days=days)):
        total += count
    return total


def _remove_some(context: Context, before: datetime) -> int:
    """The removal, its note, and where the rest begins, in one transaction."""
    with transaction(context.sessions) as session:
        last = _last_to_go(session, before) if alone(session) else None
        if last is None:
            return 0
        anchor = {"batch": str(last.number), "position": str(last.last), "sha256": last.sha256.hex()}
        record(session, command(REMOVED, None, {}, anchor))
        allowed = func.set_config("scriptorium.audit_removes_until", str(last.last), True)
        session.execute(select(allowed))
        session.expunge_all()
        removed = session.execute(delete(AuditEntry).where(AuditEntry.position <= last.last).returning(AuditEntry.id))
        session.execute(delete(AuditBatch).where(AuditBatch.last <= last.last))
        return len(removed.all())


def _last_to_go(session: Session, before: datetime) -> AuditBatch | None:
    """Of the batches at the front, the last that is old enough. One that is younger, though it comes earlier (the
    clock was set back), keeps what follows it."""
    front = session.scalars(select(AuditBatch).order_by(AuditBatch.number).limit(AT_ONCE + 1)).all()
    last = None
    for batch in front[:-1]:
        if batch.chained_at >= before:
            break
        last = batch
    return last
