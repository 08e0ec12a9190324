"""Sent twice, done once: the keys under which an upload that comes again finds the job that it made before."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.context import Context
from core.database import from_now
from core.errors import IdempotencyMismatch
from core.keys import Tenant
from core.options import Options
from core.states import Status
from core.tables import IdempotencyKey, Job

IN_FLIGHT = 600.0
"""Seconds after its end in which the same recording and options, sent by a client that repeats, are still that job."""


@dataclass(frozen=True)
class Keyed:
    """A caller's idempotency key, and what it stands for."""

    key: str
    fingerprint: str
    in_flight: bool = False


def keyed(key: str | None, made_of: str, *, repeated: bool) -> Keyed | None:
    """A key of ours holds a blank, which no caller's may."""
    if key:
        return Keyed(key, made_of)
    return Keyed(f"in flight {made_of}", made_of, in_flight=True) if repeated else None


def fingerprint(hashes: Sequence[str], options: Options) -> str:
    """Of what differs from the defaults, so that a version with more options knows the key too."""
    said = json.dumps([*hashes, options.model_dump(mode="json", exclude_defaults=True)], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def taken(session: Session, context: Context, tenant: Tenant, keyed: Keyed, job_id: UUID) -> UUID:
    """The job of the key: ours if we are the first with it. A second upload waits here until the first is committed.
    Raises IdempotencyMismatch."""
    ours = insert(IdempotencyKey).values(
        tenant_id=tenant.id, key=keyed.key, fingerprint=keyed.fingerprint, job_id=job_id
    )
    session.execute(
        ours.on_conflict_do_update(
            index_elements=["tenant_id", "key"],
            set_={"fingerprint": keyed.fingerprint, "job_id": job_id, "created_at": func.now()},
            where=_landed() if keyed.in_flight else _expired(context),
        )
    )
    found = session.execute(
        select(IdempotencyKey.job_id, IdempotencyKey.fingerprint).where(
            IdempotencyKey.tenant_id == tenant.id, IdempotencyKey.key == keyed.key
        )
    ).one()
    if found.fingerprint != keyed.fingerprint:
        raise IdempotencyMismatch(
            "this Idempotency-Key was used for another recording or other options; send a new key with each new job"
        )
    first: UUID = found.job_id
    return first


def _expired(context: Context) -> ColumnElement[bool]:
    old: ColumnElement[bool] = IdempotencyKey.created_at < from_now(-3600 * context.settings.idempotency_hours)
    return old


def _landed() -> ColumnElement[bool]:
    """Its job is over: long enough for whoever sends again to have been answered, gone, or failed in a way that another
    try may not."""
    over = or_(
        Job.finished_at < from_now(-IN_FLIGHT),
        Job.deleted_at.is_not(None),
        and_(Job.status == Status.FAILED, Job.error["retryable"].as_boolean()),
        Job.status == Status.CANCELLED,
    )
    # By its name: as a column, SQLAlchemy would look it up in all rows of the table, not in the one that is met.
    its_job: ColumnElement[UUID] = literal_column("idempotency_keys.job_id")
    return select(Job.id).where(Job.id == its_job, over).exists()
