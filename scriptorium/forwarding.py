"""Events that were fetched, handed on to an address here as the server would send them: signed, one after the other."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

_PREFIX = "whsec_"
_PATIENCE = 15.0
"""Seconds, as the server waits for a receiver."""


class NotASecret(ValueError):
    """It is not `whsec_` and base64."""


def mint() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True)
class Forwarder:
    """Raises NotASecret."""

    url: str
    secret: str

    def __post_init__(self) -> None:
        self._key()

    def send(self, event: Mapping[str, Any]) -> str:
        """What became of it, in a few words. Nothing is sent again: whoever tries something out sees that it failed."""
        body = json.dumps({name: event[name] for name in ("type", "timestamp", "data")}, ensure_ascii=False).encode()
        try:
            with httpx2.Client(timeout=_PATIENCE, follow_redirects=False, trust_env=False) as client:
                return f"{client.post(self.url, content=body, headers=self._headers(event['id'], body)).status_code}"
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            return f"{type(error).__name__} {error}".strip()

    def _headers(self, event: str, body: bytes) -> dict[str, str]:
        """Standard Webhooks' three."""
        sent = str(int(time.time()))
        signature = hmac.digest(self._key(), f"{event}.{sent}.".encode() + body, hashlib.sha256)
        return {
            "Content-Type": "application/json",
            "webhook-id": event,
            "webhook-timestamp": sent,
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        }

    def _key(self) -> bytes:
        try:
            return base64.b64decode(self.secret.removeprefix(_PREFIX), validate=True)
        except ValueError as error:
            raise NotASecret(f"a secret is {_PREFIX} and base64") from error
