"""What nobody comes back for: uploads that are whole but were not finished, that expired, or that no row names."""

import logging
from itertools import islice

from sqlalchemy import delete, select

from core.context import Context
from core.database import transaction
from core.errors import ScriptoriumError
from core.keys import Tenant
from core.tables import Tenant as TenantRow
from core.tables import Upload
from core.uploads import rows
from core.uploads.open import complete

log = logging.getLogger(__name__)

AT_ONCE = 500
FINISHED_AT_ONCE = 20


def tidy(context: Context) -> int:
    """How many uploads, or files of such, were removed."""
    _finish(context)
    return _expire(context) + _forget_unnamed(context, context.settings.orphan_after)


def _finish(context: Context) -> None:
    """Whoever wrote the last byte died before it was a recording, and its sender took the upload for done."""
    waiting = Upload.finished_at.is_(None), Upload.offset == Upload.bytes, rows.unleased()
    with transaction(context.sessions) as session:
        wanted = select(Upload, TenantRow.id, TenantRow.name).join(TenantRow, TenantRow.id == Upload.tenant_id)
        found = session.execute(wanted.where(*waiting).order_by(Upload.id).limit(FINISHED_AT_ONCE))
        whole = [(rows.state(row), Tenant(tenant_id, name)) for row, tenant_id, name in found]
    for one, tenant in whole:
        try:
            complete(context, tenant, one)
        except ScriptoriumError as error:
            log.warning("upload %s is whole and could not be finished: %s", one.id, error.message)


def _expire(context: Context) -> int:
    """None that somebody is at, however slowly."""
    over = select(Upload.id).where(rows.expired(), rows.unleased()).limit(AT_ONCE)
    with transaction(context.sessions) as session:
        ids = over.with_for_update(skip_locked=True)
        gone = session.scalars(delete(Upload).where(Upload.id.in_(ids)).returning(Upload.id)).all()
    for upload_id in gone:
        context.blobs.growing.delete(f"uploads/{upload_id}")
    return len(gone)


def _forget_unnamed(context: Context, seconds: float) -> int:
    """Files without a row, as a crash leaves them, or whose row says that a recording was made of them."""
    found, removed = context.blobs.aged("uploads", seconds), 0
    while names := list(islice(found, AT_ONCE)):
        with transaction(context.sessions) as session:
            named = select(Upload.id).where(Upload.id.in_(names), Upload.finished_at.is_(None))
            orphans = set(names) - set(session.scalars(named))
        for orphan in orphans:
            context.blobs.growing.delete(f"uploads/{orphan}")
        removed += len(orphans)
    return removed
