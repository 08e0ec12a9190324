"""An upload's row: who may write, and how far it has come. Each function is one short transaction."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, not_, or_, select, update
from sqlalchemy.orm import Session

from core.context import Context
from core.database import from_now, transaction
from core.errors import Gone, NotFound, OffsetMismatch, Unavailable, UploadBusy
from core.keys import Tenant
from core.tables import Upload

LEASE = 5.0
"""Seconds without a byte after which another request may go on with the upload. Clients of tus give up after about ten,
and a connection that is half open brings nothing ever."""


@dataclass(frozen=True)
class State:
    """An upload as it stands: `offset` of its `bytes` are safe. Finished, it has a `recording_id`, or an `error` with
    `code` and `message`. `told` is its sender's Upload-Metadata."""

    id: UUID
    offset: int
    bytes: int
    filename: str
    told: str
    expires_at: datetime
    finished: bool
    recording_id: UUID | None
    error: dict[str, Any] | None

    @property
    def whole(self) -> bool:
        return self.offset == self.bytes


@dataclass(frozen=True)
class Claim:
    """The right to write, for as long as the row has this `attempt`."""

    id: UUID
    tenant: Tenant
    key: str
    attempt: int
    offset: int
    bytes: int
    filename: str


def state(row: Upload) -> State:
    return State(
        row.id, row.offset, row.bytes, row.filename, row.told, row.expires_at, row.finished_at is not None,
        row.recording_id, row.error,
    )  # fmt: skip


def own(session: Session, tenant: Tenant, upload_id: UUID, *, lock: bool = False) -> Upload:
    """Raises NotFound, Gone."""
    wanted = select(Upload, expired()).where(Upload.id == upload_id)
    found = session.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    if found is None or found[0].tenant_id != tenant.id:
        raise NotFound(f"there is no upload {upload_id}")
    if found[1]:
        raise Gone(f"upload {upload_id} has expired; begin a new one", code="upload_expired")
    row: Upload = found[0]
    return row


def expired() -> ColumnElement[bool]:
    """Not what is whole and waits to be finished: its sender takes it for done, and does not come back."""
    waiting = and_(Upload.finished_at.is_(None), Upload.offset == Upload.bytes)
    return and_(Upload.expires_at <= func.clock_timestamp(), not_(waiting))


def unleased() -> ColumnElement[bool]:
    return or_(Upload.lease_until.is_(None), Upload.lease_until <= func.clock_timestamp())


def look(context: Context, tenant: Tenant, upload_id: UUID) -> State:
    """Raises NotFound, Gone."""
    with transaction(context.sessions) as session:
        return state(own(session, tenant, upload_id))


def leased(session: Session, row: Upload) -> bool:
    """Whether somebody is at it now; the caller holds the row's lock."""
    return not session.scalar(select(unleased()).where(Upload.id == row.id))


def claim(context: Context, tenant: Tenant, upload_id: UUID, offset: int) -> Claim | None:
    """None where it is finished already. Raises NotFound, Gone, UploadBusy, OffsetMismatch."""
    with transaction(context.sessions) as session:
        row = own(session, tenant, upload_id, lock=True)
        if row.finished_at is None and leased(session, row):
            raise UploadBusy("another request brings bytes of this upload; ask for its offset when that has ended")
        if row.offset != offset:
            raise OffsetMismatch(f"{row.offset} bytes of this upload are stored, not {offset}; go on from there")
        if row.finished_at is not None:
            return None
        row.attempt += 1
        row.lease_until = from_now(LEASE)
        return Claim(row.id, tenant, row.key, row.attempt, row.offset, row.bytes, row.filename)


@contextmanager
def held(context: Context, claimed: Claim) -> Iterator[None]:
    """Leaves the lease at the end, for whoever comes next."""
    try:
        yield
    finally:
        with suppress(Unavailable), transaction(context.sessions) as session:  # else it ends by itself
            session.execute(update(Upload).where(*_mine(claimed)).values(lease_until=None))


def check(context: Context, claimed: Claim) -> None:
    """Raises UploadBusy where the upload is no longer ours."""
    with transaction(context.sessions) as session:
        if session.scalar(select(Upload.id).where(*_mine(claimed))) is None:
            raise _overtaken()


def stored(context: Context, claimed: Claim, offset: int, lease: float = LEASE) -> None:
    """So many bytes are flushed. Renews the lease, and the time that the upload has left. Raises UploadBusy."""
    renewed = {"lease_until": from_now(lease), "expires_at": from_now(context.settings.upload_expires)}
    with transaction(context.sessions) as session:
        ours = update(Upload).where(*_mine(claimed)).values(offset=offset, **renewed).returning(Upload.id)
        if session.scalar(ours) is None:
            raise _overtaken()


def finished(
    context: Context, claimed: Claim, *, recording_id: UUID | None = None, error: dict[str, str] | None = None
) -> None:
    """What became of it, from whoever found that out first: two who finish one upload find the same."""
    now = {"finished_at": func.clock_timestamp(), "lease_until": None}
    with transaction(context.sessions) as session:
        session.execute(
            update(Upload)
            .where(Upload.id == claimed.id, Upload.finished_at.is_(None))
            .values(recording_id=recording_id, error=error, expires_at=from_now(context.settings.upload_expires), **now)
        )


def _mine(claimed: Claim) -> tuple[Any, ...]:
    return Upload.id == claimed.id, Upload.attempt == claimed.attempt, Upload.finished_at.is_(None)


def _overtaken() -> UploadBusy:
    return UploadBusy("another request goes on with this upload, or it was deleted; ask for its offset")
