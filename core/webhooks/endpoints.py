"""A tenant's endpoints: made, shown, changed, deleted, with a new secret. A secret is shown once, where it is made.

Rows are locked in this order everywhere: job, endpoint, receiver, deliveries.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid6 import uuid7

from core import shown, vault
from core.context import Context
from core.database import from_now, transaction
from core.errors import Conflict, NotFound, SourceForbidden, fault
from core.keys import Tenant
from core.outgoing import Target
from core.states import DeliveryStatus
from core.tables import Delivery, Endpoint, Receiver
from core.tables import Tenant as TenantRow
from core.times import time_json
from core.webhooks import signing

MOST = 100
"""Endpoints of one tenant: each event makes a delivery to every one that wants it."""
BY_OWNER = "by_owner"
"""Why an endpoint is disabled, where its owner did it."""


def target_of(context: Context, url: str, field: str = "url") -> Target:
    """Raises InvalidRequest `webhook_forbidden` for a URL that can be seen to lead where this server may not send; what
    a name's addresses are is looked at with each delivery."""
    try:
        return context.settings.outgoing.read(url)
    except SourceForbidden as error:
        message = error.message.replace("may not fetch from there", "may not send anything there")
        raise fault(field, message, code="webhook_forbidden") from error


def create(
    context: Context,
    tenant: Tenant,
    url: str,
    *,
    events: Sequence[str] = (),
    include: Sequence[str] = (),
    description: str = "",
    secret: str | None = None,
    ed25519: bool = False,
) -> dict[str, Any]:
    """Raises InvalidRequest, Conflict for one too many, Unavailable without an installation key."""
    target = target_of(context, url)
    held = signing.mint(ed25519=ed25519, given=secret)
    sealed = vault.seal(context.settings, held.sealed_text())
    with transaction(context.sessions) as session:
        # One at a time, or two would both be the last that there is room for.
        session.execute(select(TenantRow.id).where(TenantRow.id == tenant.id).with_for_update(key_share=True))
        if (session.scalar(select(func.count()).select_from(Endpoint).where(*_owned(tenant))) or 0) >= MOST:
            raise Conflict(f"there are {MOST} webhooks, as many as there may be; delete one", code="too_many_webhooks")
        endpoint_id = uuid7()
        receiver(session, tenant.id, endpoint_id)
        made = Endpoint(
            id=endpoint_id,
            tenant_id=tenant.id,
            receiver_id=endpoint_id,
            url=target.url,
            description=description,
            events=list(events),
            include=list(include),
            sealed=sealed,
            public_key=signing.public_key(held),
        )
        session.add(made)
        session.flush()
        session.refresh(made)
        return {**shown_json(session, made), "secret": held.v1}


def receiver(session: Session, tenant_id: UUID, receiver_id: UUID) -> None:
    """Makes it where there is none, and keeps it from being forgotten meanwhile (`core.webhooks.upkeep`)."""
    there = select(Receiver.id).where(Receiver.id == receiver_id).with_for_update(read=True, key_share=True)
    while session.scalar(there) is None:
        session.execute(insert(Receiver).values(id=receiver_id, tenant_id=tenant_id).on_conflict_do_nothing())


def page(context: Context, tenant: Tenant, limit: int = 20, cursor: str | None = None) -> dict[str, Any]:
    """Newest first."""
    query = select(Endpoint).where(*_owned(tenant))
    if cursor is not None:
        query = query.where(Endpoint.id < shown.cursor(cursor))
    with transaction(context.sessions) as session:
        found = session.scalars(query.order_by(Endpoint.id.desc()).limit(limit + 1)).all()
        listed = [shown_json(session, one) for one in found[:limit]]
    return {"webhooks": listed, "next_cursor": listed[-1]["id"] if len(found) > limit else None}


def show(context: Context, tenant: Tenant, endpoint_id: UUID) -> dict[str, Any]:
    with transaction(context.sessions) as session:
        return shown_json(session, own(session, tenant, endpoint_id))


def change(
    context: Context,
    tenant: Tenant,
    endpoint_id: UUID,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    include: Sequence[str] | None = None,
    description: str | None = None,
    disabled: bool | None = None,
) -> dict[str, Any]:
    """What is None stays. What is under way goes on as it was begun; one that is enabled again begins as a new one,
    and is told nothing of the time between, unless it is asked for (`core.webhooks.again.recover`)."""
    with transaction(context.sessions) as session:
        one = own(session, tenant, endpoint_id, lock=True)
        if url is not None and (target := target_of(context, url)).url != one.url:
            one.url = target.url
            well_again(session, one)
        one.events = one.events if events is None else list(events)
        one.include = one.include if include is None else list(include)
        one.description = one.description if description is None else description
        if disabled and one.disabled_at is None:
            disable(session, one, BY_OWNER)
        elif disabled is False and one.disabled_at is not None:
            one.disabled_at = one.disabled_reason = None
            well_again(session, one)
        session.flush()
        session.refresh(one)
        return shown_json(session, one)


def rotate(
    context: Context, tenant: Tenant, endpoint_id: UUID, overlap: float, secret: str | None = None
) -> dict[str, Any]:
    """A new secret, and a new key where it has one; the old ones sign too for `overlap` more seconds. The one before
    them no longer does."""
    with transaction(context.sessions) as session:
        one = own(session, tenant, endpoint_id, lock=True)
        held = signing.mint(ed25519=one.public_key is not None, given=secret)
        before, until = (one.sealed, from_now(overlap)) if overlap else (None, None)
        one.sealed, one.sealed_before, one.before_until = (
            vault.seal(context.settings, held.sealed_text()),
            before,
            until,
        )
        one.public_key = signing.public_key(held)
        session.flush()
        session.refresh(one)
        return {**shown_json(session, one), "secret": held.v1}


def delete(context: Context, tenant: Tenant, endpoint_id: UUID) -> None:
    """At once: what is under way is ended, and what it says matches nothing. Again it changes nothing."""
    with transaction(context.sessions) as session:
        try:
            one = own(session, tenant, endpoint_id, lock=True)
        except NotFound:
            gone = select(Endpoint.id).where(Endpoint.id == endpoint_id, Endpoint.tenant_id == tenant.id)
            if session.scalar(gone.where(Endpoint.job_id.is_(None))) is None:
                raise
            return
        erase(session, one)
        end(session, [one.id], DeliveryStatus.CANCELLED, (DeliveryStatus.PENDING, DeliveryStatus.DELIVERING))


def erase(session: Session, one: Endpoint) -> None:
    """The caller holds its lock."""
    one.deleted_at = func.clock_timestamp()
    one.url = one.description = one.sealed = ""
    one.sealed_before = one.before_until = one.public_key = None


def own(session: Session, tenant: Tenant, endpoint_id: UUID, *, lock: bool = False) -> Endpoint:
    """Raises NotFound, also for a job's own: that goes with its job."""
    query = select(Endpoint).where(Endpoint.id == endpoint_id, *_owned(tenant))
    # Not against the foreign keys of new deliveries, which every change of a job may make.
    found = session.scalar(query.with_for_update(key_share=True) if lock else query)
    if found is None:
        raise NotFound(f"there is no webhook {endpoint_id}")
    return found


def disable(session: Session, one: Endpoint, reason: str) -> None:
    """The caller holds its lock. What waits is given up; what is under way goes on to its end."""
    one.disabled_at, one.disabled_reason = func.clock_timestamp(), reason
    end(session, [one.id], DeliveryStatus.FAILED, (DeliveryStatus.PENDING,))


def end(session: Session, endpoint_ids: Sequence[UUID], status: DeliveryStatus, those: Sequence[DeliveryStatus]) -> int:
    """Of their deliveries, those that are in one of these states; a late word of them matches nothing. Passes over rows
    that somebody else holds, who may wait for ours; the sweep ends what is left (`core.webhooks.upkeep`)."""
    ended = {"lease_until": None, "worker": None, "due_at": None, "finished_at": func.clock_timestamp()}
    found = select(Delivery.id).where(Delivery.endpoint_id.in_(endpoint_ids), Delivery.status.in_(those))
    ids = session.scalars(found.with_for_update(skip_locked=True)).all()
    changed = update(Delivery).where(Delivery.id.in_(ids))
    session.execute(changed.values(status=status, attempt=Delivery.attempt + 1, **ended))
    return len(ids)


def well_again(session: Session, one: Endpoint) -> None:
    fresh = {"failures": 0, "failing_since": None, "proven": False, "slow": False, "rest_until": None}
    session.execute(update(Receiver).where(Receiver.id == one.receiver_id).values(**fresh))


def _owned(tenant: Tenant) -> tuple[Any, ...]:
    return Endpoint.tenant_id == tenant.id, Endpoint.job_id.is_(None), Endpoint.deleted_at.is_(None)


def shown_json(session: Session, one: Endpoint) -> dict[str, Any]:
    """As the API shows it, without its secret."""
    fares = session.get_one(Receiver, one.receiver_id, populate_existing=True)
    return {
        "id": str(one.id),
        "url": one.url,
        "description": one.description,
        "events": one.events,
        "include": one.include,
        "public_key": one.public_key,
        "rotating_until": time_json(one.before_until),
        "disabled": one.disabled_at is not None,
        "disabled_at": time_json(one.disabled_at),
        "disabled_reason": one.disabled_reason,
        "failures": fares.failures,
        "failing_since": time_json(fares.failing_since),
        "created_at": time_json(one.created_at),
    }
