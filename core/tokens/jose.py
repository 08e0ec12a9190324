"""JWTs and JWKs. The only file that knows joserfc."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeyParameters, KeySet, OKPKey, RSAKey, import_key
from joserfc.jws import JWSRegistry, extract_compact

from core.errors import Unauthorized

LEEWAY = 60
"""Seconds that clocks may differ."""
RSA_BITS = 2048
SIGNED = ("RS256", "EdDSA")
"""What our own tokens are signed with (RFC 7518, RFC 8037)."""
TRUSTED = (*SIGNED, "Ed25519", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Of outside issuers. None with a shared secret: who verifies such a token could have made it."""

# RFC 9864 gives EdDSA's curves names of their own; verifiers in use know the older name, and joserfc warns of it.
JWSRegistry.algorithms["EdDSA"].security_warning = None


class NotOurs(Exception):
    """It is no JWT at all."""


def new_key(algorithm: str) -> dict[str, Any]:
    """A private JWK with an id."""
    told: KeyParameters = {"kid": uuid4().hex, "use": "sig", "alg": algorithm}
    made: RSAKey | OKPKey = (
        OKPKey.generate_key("Ed25519", told) if algorithm == "EdDSA" else RSAKey.generate_key(RSA_BITS, told)
    )
    return dict(made.as_dict(private=True))


def public(key: Mapping[str, Any]) -> dict[str, Any]:
    return dict(import_key(dict(key)).as_dict(private=False))


def signed(claims: Mapping[str, Any], key: Mapping[str, Any]) -> str:
    """An access token (RFC 9068) of these claims."""
    header = {"alg": key["alg"], "kid": key["kid"], "typ": "at+jwt"}
    return jwt.encode(header, dict(claims), import_key(dict(key)), algorithms=[key["alg"]])


def unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, as anybody may have written them: they only say with whose keys to verify. Raises NotOurs."""
    if token.count(".") != 2:
        raise NotOurs
    try:
        found = extract_compact(token.encode())
        claims = json.loads(found.payload)
    except (JoseError, ValueError) as error:
        raise NotOurs from error
    if not isinstance(claims, dict):
        raise NotOurs
    return dict(found.headers()), claims


def unverified_issuer(token: str) -> str:
    """Raises NotOurs."""
    return str(unverified(token)[1].get("iss", ""))


def key_id(token: str) -> str:
    """Raises NotOurs."""
    return str(unverified(token)[0].get("kid", ""))


def verified(
    token: str, keys: Sequence[Mapping[str, Any]], issuer: str, audience: str, algorithms: Sequence[str] = TRUSTED
) -> dict[str, Any]:
    """The claims, once signature, issuer, audience and times are right. Raises Unauthorized."""
    usable = [dict(key) for key in keys if key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"]
    needed: dict[str, Any] = {
        "iss": {"essential": True, "value": issuer},
        "aud": {"essential": True, "value": audience},
        "sub": {"essential": True},
        "exp": {"essential": True},
    }
    registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
    try:
        found = jwt.decode(token, KeySet.import_key_set({"keys": usable}), registry=registry)
        jwt.JWTClaimsRegistry(leeway=LEEWAY, **needed).validate(found.claims)
    except ExpiredTokenError as error:
        raise Unauthorized("this access token has expired; get a new one", code="token_expired") from error
    except (JoseError, ValueError, TypeError) as error:
        raise Unauthorized("this access token is not valid here", code="invalid_token") from error
    return dict(found.claims)
