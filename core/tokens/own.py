"""Our own tokens. They speak for a key, and no longer than it lives: revoking the key ends them at once."""

import json
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, func, not_, or_, select, update
from sqlalchemy.orm import Session

from core import keys, vault
from core.audit.entries import command, record
from core.context import Context
from core.database import from_now, transaction
from core.errors import InvalidRequest
from core.keys import Caller
from core.scopes import Scope
from core.settings import Settings
from core.tables import SigningKey
from core.tokens import jose

LONGEST = 3600.0
"""Seconds that a token may live, whatever the settings say."""
SIGNS_FOR = 90 * 86400.0
"""Seconds after which another key signs."""
_ONE_AT_A_TIME = 0x5C21_7001
"""Of an advisory lock: two that need a first key make one."""


@dataclass(frozen=True)
class Issued:
    caller: Caller
    token: str
    seconds: int
    scopes: tuple[str, ...]


def issue(context: Context, key_id: str, secret: str, wanted: str | None = None) -> Issued:
    """A token for the key of this id. `wanted`: scopes, apart by spaces; all of the key's where None. Raises
    Unauthorized where the secret is not the key's, InvalidRequest for a scope that the key does not have."""
    caller = keys.client(context, key_id, secret)
    scopes = _narrowed(caller, wanted)
    seconds = int(min(context.settings.access_seconds, LONGEST))
    named = tuple(sorted(scopes))
    now = int(time.time())
    claims = {
        "iss": context.settings.access_issuer,
        "aud": context.settings.access_issuer,
        "sub": key_id,
        "client_id": key_id,
        "iat": now,
        "exp": now + seconds,
        "jti": uuid4().hex,
        "scope": " ".join(named),
        "tenant": caller.tenant.name,
    }
    return Issued(caller, jose.signed(claims, _signing_key(context)), seconds, named)


def _narrowed(caller: Caller, wanted: str | None) -> frozenset[Scope]:
    if wanted is None:
        return caller.scopes
    names = set(wanted.split())
    if not names or not names <= set(Scope) or not keys.scopes_of(names) <= caller.scopes:
        raise InvalidRequest(f"scope: must be some of {' '.join(sorted(caller.scopes))}", code="invalid_scope")
    return keys.scopes_of(names)


def authenticate(context: Context, token: str) -> Caller:
    """Whom one of our own tokens speaks for. Raises Unauthorized."""
    issuer = context.settings.access_issuer
    with transaction(context.sessions) as session:
        known = select(SigningKey.public).where(SigningKey.id == jose.key_id(token), _still_trusted())
        public = session.scalars(known).all()
    claims = jose.verified(token, public, issuer, issuer, jose.SIGNED)
    caller = keys.client(context, str(claims["sub"]))
    return Caller(caller.tenant, caller.scopes & keys.scopes_of(str(claims.get("scope", "")).split()))


def jwks(context: Context) -> dict[str, Any]:
    """The public keys of tokens that may still be valid."""
    with transaction(context.sessions) as session:
        trusted = select(SigningKey.public).where(_still_trusted()).order_by(SigningKey.created_at.desc())
        return {"keys": list(session.scalars(trusted))}


def rotate(context: Context, *, distrust: bool = False) -> str:
    """Another key signs from now on; its id. Tokens signed before stay valid as long as they live, or, with `distrust`,
    end at once: for a key that others may have seen."""
    with transaction(context.sessions) as session:
        _lock(session)
        if distrust:
            session.execute(delete(SigningKey))
        key_id = str(_made(session, context.settings)["kid"])
        record(session, command("keys rotate", None, {"signing_key": key_id}, {"distrust": str(distrust).lower()}))
        return key_id


def _signing_key(context: Context) -> dict[str, Any]:
    """The newest, or a new one where it has signed for long, or was sealed with an installation key that is gone."""
    with transaction(context.sessions) as session:
        return _usable(session, context.settings) or _first(session, context.settings)


def _first(session: Session, settings: Settings) -> dict[str, Any]:
    _lock(session)
    return _usable(session, settings) or _made(session, settings)


def _usable(session: Session, settings: Settings) -> dict[str, Any] | None:
    current = (
        SigningKey.retired_at.is_(None),
        SigningKey.created_at > from_now(-SIGNS_FOR),
        SigningKey.algorithm == settings.access_algorithm,
    )
    sealed = session.scalar(select(SigningKey.sealed).where(*current).order_by(SigningKey.created_at.desc()).limit(1))
    if sealed is None:
        return None
    try:
        key: dict[str, Any] = json.loads(vault.unseal(settings, sealed))
    except vault.Unreadable:
        return None
    return key


def _made(session: Session, settings: Settings) -> dict[str, Any]:
    key = jose.new_key(settings.access_algorithm)
    session.execute(delete(SigningKey).where(not_(_still_trusted())))
    session.execute(update(SigningKey).where(SigningKey.retired_at.is_(None)).values(retired_at=func.clock_timestamp()))
    sealed = vault.seal(settings, json.dumps(key))
    row = SigningKey(id=key["kid"], algorithm=key["alg"], public=jose.public(key), sealed=sealed)
    session.add(row)
    session.flush()
    return key


def _still_trusted() -> Any:
    """A retired key's last token outlives it by as long as a token lives, and the clocks' difference."""
    return or_(SigningKey.retired_at.is_(None), SigningKey.retired_at > from_now(-LONGEST - jose.LEEWAY))


def _lock(session: Session) -> None:
    session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
