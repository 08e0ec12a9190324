"""Tokens of issuers that the operator trusts: a company's own login server."""

from collections.abc import Mapping, Sequence
from typing import Any

from core import keys
from core.context import Context
from core.database import transaction
from core.errors import Unauthorized
from core.keys import Caller, Tenant
from core.scopes import Scope
from core.settings import Issuer
from core.tokens import jose

LONGEST_NAME = 200


def caller_of(context: Context, token: str, issuer: Issuer, public: Sequence[Mapping[str, Any]]) -> Caller:
    """Whom a token speaks for, verified with the issuer's public keys. Its tenant is made at its first token. Raises
    Unauthorized."""
    claims = jose.verified(token, public, issuer.issuer, issuer.audience)
    name = issuer.tenant or str(claims.get(issuer.tenant_claim) or "")
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Unauthorized(
            f"this access token names no tenant in its claim {issuer.tenant_claim!r}", code="invalid_token"
        )
    with transaction(context.sessions) as session:
        tenant = keys.tenant_of(session, name)
        whose = Tenant(tenant.id, tenant.name, _subject(issuer, claims), tenant.requests_per_minute)
        return Caller(whose, _scopes(issuer, claims))


def _subject(issuer: Issuer, claims: Mapping[str, Any]) -> str:
    return f"{issuer.issuer}#{str(claims['sub'])[:LONGEST_NAME]}"


def _scopes(issuer: Issuer, claims: Mapping[str, Any]) -> frozenset[Scope]:
    """A string with spaces (RFC 8693) or a list, as some issuers write it."""
    found = claims.get(issuer.scope_claim) or ()
    names = found.split() if isinstance(found, str) else [str(one) for one in found] if isinstance(found, list) else []
    prefix = issuer.scope_prefix
    return keys.scopes_of(name.removeprefix(prefix) for name in names if name.startswith(prefix))
