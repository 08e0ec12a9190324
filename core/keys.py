"""API keys: shown once, stored as SHA-256; each is of one tenant, carries scopes, and may expire."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid6 import uuid7

from core.audit.entries import command, record
from core.context import Context
from core.database import from_now, transaction
from core.errors import Forbidden, NotFound, Unauthorized, fault
from core.scopes import Scope
from core.tables import ApiKey
from core.tables import Tenant as TenantRow
from core.times import time_json

USED_EVERY = 60.0
"""Seconds between two notes of a key's last use: a write a request would be as dear as the request."""
LONGEST_NAME = 200


@dataclass(frozen=True)
class Tenant:
    """`subject`: who asks for the tenant, as the ledgers name it: a key's id, or whom an outside issuer speaks of.
    `requests_per_minute`: of each subject; None is the setting's, 0 no limit."""

    id: UUID
    name: str
    subject: str | None = None
    requests_per_minute: int | None = None


@dataclass(frozen=True)
class Caller:
    """Who asks, and what they may."""

    tenant: Tenant
    scopes: frozenset[Scope]

    def needs(self, scope: Scope) -> None:
        """Raises Forbidden."""
        if scope not in self.scopes:
            raise Forbidden(
                f"this key lacks the scope {scope.value}; ask for one that has it",
                code="insufficient_scope",
                scope=scope.value,
            )


def mint() -> str:
    return f"sk_{secrets.token_urlsafe(32)}"


def scopes_of(names: Iterable[str]) -> frozenset[Scope]:
    """`admin` holds all others. What is no scope of ours is left out: an outside issuer has words of its own."""
    known = frozenset(Scope(name) for name in names if name in set(Scope))
    return frozenset(Scope) if Scope.ADMIN in known else known


def authenticate(context: Context, token: str) -> Caller:
    """Raises Unauthorized."""
    with transaction(context.sessions) as session:
        return _caller(session, ApiKey.sha256 == _hashed(token))


def client(context: Context, key_id: str, token: str | None = None) -> Caller:
    """The key of this id: with `token`, where it is that very key; without, as it stands now, for who showed it
    before. Raises Unauthorized."""
    try:
        matched = [ApiKey.id == UUID(key_id)]
    except ValueError as error:
        raise Unauthorized("there is no key of this id; see `scriptorium keys list`") from error
    if token is not None:
        matched.append(ApiKey.sha256 == _hashed(token))
    with transaction(context.sessions) as session:
        return _caller(session, *matched)


def _caller(session: Session, *matched: Any) -> Caller:
    stale = ApiKey.last_used_at.is_(None) | (ApiKey.last_used_at < from_now(-USED_EVERY))
    expired = ApiKey.expires_at.is_not(None) & (ApiKey.expires_at <= func.clock_timestamp())
    of_tenant = (TenantRow.id, TenantRow.name, TenantRow.requests_per_minute)
    columns = (ApiKey.id, ApiKey.scopes, ApiKey.expires_at, *of_tenant)
    found = session.execute(
        select(*columns, stale.label("stale"), func.coalesce(expired, False).label("expired"))
        .join(TenantRow, ApiKey.tenant_id == TenantRow.id)
        .where(*matched, ApiKey.revoked_at.is_(None))
    ).one_or_none()
    if found is None:
        raise Unauthorized("this API key is not known here; send Authorization: Bearer <key>")
    key_id, scopes, expires_at, tenant_id, name, rate, is_stale, is_expired = found
    if is_expired:
        raise Unauthorized(f"this API key expired at {time_json(expires_at)}; ask for a new one", code="key_expired")
    if is_stale:
        # Of many requests at once one notes it; the others need not wait for its commit.
        free = select(ApiKey.id).where(ApiKey.id == key_id).with_for_update(skip_locked=True)
        session.execute(
            update(ApiKey).where(ApiKey.id.in_(free)).values(last_used_at=func.clock_timestamp()),
            execution_options={"synchronize_session": False},
        )
    return Caller(Tenant(tenant_id, name, str(key_id), rate), scopes_of(scopes))


def ensure(context: Context, token: str, tenant_name: str = "default") -> Tenant:
    """Makes the key, with every scope, and its tenant, where they are not there yet."""
    with transaction(context.sessions) as session:
        tenant = tenant_of(session, tenant_name)
        made = {"id": uuid7(), "sha256": _hashed(token), "tenant_id": tenant.id, "name": "default"}
        new = insert(ApiKey).values(**made, scopes=[Scope.ADMIN]).on_conflict_do_nothing(index_elements=["sha256"])
        if (new_id := session.scalar(new.returning(ApiKey.id))) is not None:
            told = {"scopes": Scope.ADMIN.value, "expires_at": None}
            record(session, command("keys create", tenant.id, {"key_id": str(new_id)}, told))
        key_id = session.execute(select(ApiKey.id).where(ApiKey.sha256 == _hashed(token))).scalar_one()
        return Tenant(tenant.id, tenant.name, str(key_id))


def tenant_of(session: Session, name: str) -> TenantRow:
    """The tenant of this name, made where there is none. Two at once make one."""
    named = select(TenantRow).where(TenantRow.name == name)
    if (found := session.scalar(named)) is not None:
        return found
    session.execute(insert(TenantRow).values(id=uuid7(), name=name).on_conflict_do_nothing(index_elements=["name"]))
    return session.scalars(named).one()


def create(
    context: Context, tenant_name: str, name: str, scopes: Iterable[str], lasts_seconds: float | None = None
) -> tuple[str, dict[str, Any]]:
    """A new key, which nobody can see again, and its row as JSON. Raises InvalidRequest."""
    wanted = list(dict.fromkeys(scopes))
    if not wanted or any(one not in set(Scope) for one in wanted):
        raise fault("scopes", f"must be some of {', '.join(Scope)}", allowed=list(Scope))
    if lasts_seconds is not None and lasts_seconds <= 0:
        raise fault("expires", "must lie ahead")
    for field, given in (("tenant", tenant_name), ("name", name)):
        if not 0 < len(given.strip()) <= LONGEST_NAME or not given.isprintable():
            raise fault(field, f"must be 1 to {LONGEST_NAME} printable characters")
    token = mint()
    with transaction(context.sessions) as session:
        tenant = tenant_of(session, tenant_name.strip())
        key = ApiKey(id=uuid7(), sha256=_hashed(token), tenant_id=tenant.id, name=name.strip(), scopes=wanted)
        if lasts_seconds is not None:
            key.expires_at = from_now(lasts_seconds)
        session.add(key)
        session.flush()
        session.refresh(key)
        # Not its name: that is what a person called it.
        told = {"scopes": " ".join(wanted), "expires_at": time_json(key.expires_at)}
        record(session, command("keys create", tenant.id, {"key_id": str(key.id)}, told))
        return token, _key_json(key, tenant.name)


def listed(context: Context) -> list[dict[str, Any]]:
    """Every key of every tenant, newest first, without its secret."""
    query = select(ApiKey, TenantRow.name).join(TenantRow, ApiKey.tenant_id == TenantRow.id)
    with transaction(context.sessions) as session:
        return [_key_json(key, name) for key, name in session.execute(query.order_by(ApiKey.id.desc()))]


def revoke(context: Context, key_id: UUID) -> dict[str, Any]:
    """From now on it opens nothing, nor do the access tokens that were got with it. Again it changes nothing. Raises
    NotFound."""
    with transaction(context.sessions) as session:
        key = session.scalar(select(ApiKey).where(ApiKey.id == key_id).with_for_update())
        if key is None:
            raise NotFound(f"there is no key {key_id}; see `scriptorium keys list`")
        if key.revoked_at is None:
            key.revoked_at = session.scalar(select(func.clock_timestamp()))
            record(session, command("keys revoke", key.tenant_id, {"key_id": str(key_id)}, {}))
        return _key_json(key, session.get_one(TenantRow, key.tenant_id).name)


def _key_json(key: ApiKey, tenant_name: str) -> dict[str, Any]:
    moments: tuple[tuple[str, datetime | None], ...] = (
        ("created_at", key.created_at),
        ("expires_at", key.expires_at),
        ("last_used_at", key.last_used_at),
        ("revoked_at", key.revoked_at),
    )
    told = {"id": str(key.id), "tenant": tenant_name, "name": key.name, "scopes": key.scopes}
    return {**told, **{name: time_json(moment) for name, moment in moments}}


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
