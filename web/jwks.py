"""The public keys of outside issuers, fetched from where the operator says, and kept for a while."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import httpx2

from core.errors import Unavailable
from core.settings import Issuer

log = logging.getLogger(__name__)

FRESH = 300.0
"""Seconds."""
AGAIN = 15.0
"""Seconds before the same address is asked once more, for a key that it did not name or after a failure: who sends
invented keys must not make us ask each time."""
TIMEOUT = 3.0
MOST_BYTES = 2**18

Keys = list[dict[str, Any]]


@dataclass
class _Known:
    keys: Keys = field(default_factory=list)
    fetched: float = float("-inf")
    asked: float = float("-inf")
    lock: Lock = field(default_factory=Lock)


class Jwks:
    """`clock` counts seconds. Of several requests at once one asks; the others wait for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._lock = Lock()

    def of(self, issuer: Issuer, key_id: str) -> Keys:
        """The issuer's keys; asked again where none is called `key_id`. What was fetched before is used for as long as
        the issuer does not answer. Raises Unavailable where there never was an answer."""
        with self._lock:
            known = self._known.setdefault(issuer.jwks_url, _Known())
        with known.lock:
            now = self._clock()
            named = any(key.get("kid") == key_id for key in known.keys)
            if (now - known.fetched > FRESH or not named) and now - known.asked > AGAIN:
                known.asked = now
                self._refresh(known, issuer)
            if known.fetched == float("-inf"):
                raise Unavailable("the keys of this access token's issuer cannot be had now; try again later")
            return known.keys

    def _refresh(self, known: _Known, issuer: Issuer) -> None:
        try:
            known.keys, known.fetched = _fetched(issuer.jwks_url), self._clock()
        except (httpx2.HTTPError, ValueError) as error:
            log.warning("the keys of the issuer %s cannot be had: %s", issuer.issuer, type(error).__name__)


def _fetched(url: str) -> Keys:
    """Raises httpx2.HTTPError, ValueError for what is no set of keys."""
    deadline = time.monotonic() + 2 * TIMEOUT
    body = b""
    with httpx2.Client(timeout=TIMEOUT, trust_env=False) as client, client.stream("GET", url) as response:
        response.raise_for_status()
        for part in response.iter_bytes():
            body += part
            if len(body) > MOST_BYTES or time.monotonic() > deadline:
                raise ValueError("the answer is too long")
    found = json.loads(body)
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ValueError("the answer is no JWK set")
    return keys
