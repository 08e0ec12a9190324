"""Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks): secrets, and what they make of a body.
Pure.

`v1` is HMAC-SHA256 with a secret that both sides know; `v1a` is Ed25519, whose public key may be anybody's.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.errors import fault

SECRET, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
LEAST, MOST = 24, 64
"""Bytes of a secret."""
_MINTED = 32


@dataclass(frozen=True)
class Secrets:
    """Of one endpoint, at one time. `v1a`: its private key, where it signs so too."""

    v1: str
    v1a: str | None = None

    def sealed_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> "Secrets":
        return cls(**json.loads(text))


def mint(*, ed25519: bool = False, given: str | None = None) -> Secrets:
    """`given`: the caller's own secret for `v1`. Raises InvalidRequest."""
    if given is not None:
        _bytes(given)
    v1 = given or SECRET + base64.b64encode(secrets.token_bytes(_MINTED)).decode()
    key = Ed25519PrivateKey.generate().private_bytes_raw() if ed25519 else None
    return Secrets(v1, None if key is None else PRIVATE + base64.b64encode(key).decode())


def public_key(held: Secrets) -> str | None:
    """What a receiver checks `v1a` with."""
    if held.v1a is None:
        return None
    return PUBLIC + base64.b64encode(_private(held.v1a).public_key().public_bytes_raw()).decode()


def signatures(held: Secrets, message_id: str, timestamp: int, body: bytes) -> list[str]:
    """`timestamp`: whole seconds since 1970."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    found = [_named("v1", hmac.digest(_bytes(held.v1), signed, hashlib.sha256))]
    if held.v1a is not None:
        found.append(_named("v1a", _private(held.v1a).sign(signed)))
    return found


def _named(version: str, signature: bytes) -> str:
    return f"{version},{base64.b64encode(signature).decode()}"


def _private(text: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text.removeprefix(PRIVATE)))


def _bytes(secret: str) -> bytes:
    """Raises InvalidRequest, which does not repeat it."""
    try:
        found = binascii.a2b_base64(secret.removeprefix(SECRET), strict_mode=True)
    except ValueError:
        found = b""
    if not secret.startswith(SECRET) or not LEAST <= len(found) <= MOST:
        raise fault("secret", f"must be {SECRET} and {LEAST} to {MOST} random bytes in base64")
    return found
