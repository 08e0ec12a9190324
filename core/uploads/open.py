"""An upload begins, is asked for, is given up."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from uuid6 import uuid7

from core.context import Context
from core.database import from_now, transaction
from core.errors import BlobMissing, Gone, ScriptoriumError, TooLarge, TooManyUploads, Unavailable, UploadBusy
from core.keys import Tenant
from core.storage import check_storage
from core.tables import Tenant as TenantRow
from core.tables import Upload
from core.uploads import rows
from core.uploads.finish import finish
from core.uploads.rows import State

LONGEST_NAME = 255


def create(context: Context, tenant: Tenant, length: int, filename: str, told: str) -> State:
    """A place for `length` bytes. One of none is whole at once. Raises TooLarge, TooManyUploads, Unavailable."""
    limit = context.settings.max_upload_bytes
    if length > limit:
        raise TooLarge(f"the upload is larger than this server's limit of {limit} bytes; send a smaller file")
    check_storage(context, length)
    row = Upload(
        id=uuid7(), tenant_id=tenant.id, filename=filename[-LONGEST_NAME:], told=told, bytes=length,
        expires_at=from_now(context.settings.upload_expires),
    )  # fmt: skip
    # Before the row: a file without one is scavenged, a row without a file would be a lost upload.
    context.blobs.growing.begin(row.key)
    try:
        with transaction(context.sessions) as session:
            _refuse_more(session, context, tenant)
            session.add(row)
            session.flush()
            session.refresh(row)
    except Unavailable:
        raise  # the commit may have been applied before the answer was lost: the file stays
    except ScriptoriumError:
        context.blobs.growing.delete(row.key)
        raise
    return show(context, tenant, row.id) if not length else rows.state(row)


def _refuse_more(session: Session, context: Context, tenant: Tenant) -> None:
    """One at a time a tenant, or two at once would both find room for one. Raises TooManyUploads."""
    session.execute(select(TenantRow.id).where(TenantRow.id == tenant.id).with_for_update(key_share=True))
    is_open = Upload.finished_at.is_(None), Upload.expires_at > func.clock_timestamp()
    most = context.settings.max_open_uploads
    if (session.scalar(select(func.count()).where(Upload.tenant_id == tenant.id, *is_open)) or 0) >= most:
        raise TooManyUploads(f"{most} uploads are not finished, as many as you may have; finish or delete one first")


def show(context: Context, tenant: Tenant, upload_id: UUID) -> State:
    """As it stands. Where its bytes are all here and nobody is making a recording of them, that is done first: whoever
    wrote the last of them may have died. Raises NotFound, Gone, Unavailable."""
    found = rows.look(context, tenant, upload_id)
    if found.finished:
        return found
    if found.whole:
        complete(context, tenant, found)
    else:
        _refuse_lost(context, found)
    return rows.look(context, tenant, upload_id)


def complete(context: Context, tenant: Tenant, found: State) -> None:
    try:
        claimed = rows.claim(context, tenant, found.id, found.bytes)
    except UploadBusy:
        return  # somebody is at it
    if claimed is not None:
        with rows.held(context, claimed):
            finish(context, claimed)


def _refuse_lost(context: Context, found: State) -> None:
    """Raises Gone, also for a file that is shorter than its row says: a backup may lack what came after it."""
    try:
        size = context.blobs.growing.size(f"uploads/{found.id}")
    except BlobMissing:
        size = -1
    if size < found.offset:
        with transaction(context.sessions) as session:
            row = session.get(Upload, found.id)
            if row is not None and row.finished_at is None:
                raise Gone(f"upload {found.id} is no longer in storage; begin a new one", code="upload_lost")


def terminate(context: Context, tenant: Tenant, upload_id: UUID) -> None:
    """Forgets the upload, and its bytes; a recording that it became stays, and is deleted by itself. Whoever brings
    bytes at this moment is refused with the next of them. Raises NotFound, Gone, UploadBusy."""
    with transaction(context.sessions) as session:
        row = rows.own(session, tenant, upload_id, lock=True)
        if row.finished_at is None and row.offset == row.bytes and rows.leased(session, row):
            raise UploadBusy("this upload becomes a recording at this moment; try again when it has")
        key = row.key
        session.delete(row)
    context.blobs.growing.delete(key)
