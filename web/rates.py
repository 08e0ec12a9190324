"""How often a caller may ask: counted in Redis over all web processes, by Flask-Limiter. No other file knows it.

Without Redis nobody is refused for that, and nobody waits: a Redis that does not answer at once is left alone for some
seconds, and each process counts by itself meanwhile.
"""

import math
import time
from ipaddress import IPv6Address, ip_address
from typing import Any

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter, RateLimitExceeded
from limits.errors import StorageError
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.errors import RateLimited
from core.keys import Tenant
from core.settings import Settings

ANSWER = 0.2
"""Seconds that Redis has to answer, or to take a connection."""
WINDOW = 60
"""Seconds. It begins with the first request, and the next one with the first after its end."""
NETWORK = 64
"""Leading bits of an IPv6 address that one caller has; the others are free for them to choose (RFC 6177)."""
_EXTENSION = "scriptorium.rates"


def install(app: Flask, settings: Settings) -> None:
    """Opens no connection."""
    options: Any = {"socket_timeout": ANSWER, "socket_connect_timeout": ANSWER, "retry": Retry(NoBackoff(), 0)}
    limiter = Limiter(
        _who,
        app=app,
        storage_uri=settings.redis_url,
        storage_options={**options, "wrap_exceptions": True},
        strategy="fixed-window",
        key_prefix="scriptorium",
        in_memory_fallback_enabled=True,
        swallow_errors=True,
    )
    limiter.request_filter(_unknown)
    app.extensions[_EXTENSION] = limiter, limiter.shared_limit(_rate, scope="requests")(_counted)
    app.after_request(_told)


def count(tenant: Tenant, settings: Settings) -> None:
    """One request of this caller. Raises RateLimited."""
    own = tenant.requests_per_minute
    _count(f"{tenant.id} {tenant.subject}", settings.rate_limit if own is None else own, "this key")


def count_refused(settings: Settings) -> None:
    """One request without a key that is known here, of this address: guessing is slow, and callers who have a key are
    not disturbed by those who share an address with them. Raises RateLimited."""
    address = ip_address(request.remote_addr or "0.0.0.0")  # noqa: S104 - nobody listens there
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        address = IPv6Address(int(address) >> (128 - NETWORK) << (128 - NETWORK))
    _count(f"address {address}", settings.failed_logins, "this address, without a key that is known here")


def _count(who: str, most: int, named: str) -> None:
    if not most:
        return
    g.rate = (who, most)
    limiter, counted = current_app.extensions[_EXTENSION]
    try:
        refused = not counted()
    except RateLimitExceeded:
        refused = True
    remaining, reset = _left(limiter, most)
    g.rate_told = {"Limit": most, "Remaining": 0 if refused else remaining, "Reset": reset}
    if refused:
        raise RateLimited(
            f"{named} may send {most} requests a minute; send the next one in {reset} s", retry_after=reset
        )


def _left(limiter: Limiter, most: int) -> tuple[int, int]:
    """Requests, and seconds until all are free again. Right after the count: the answer may be long in coming."""
    counted = limiter.current_limit
    try:
        if counted is not None:
            reset, remaining = counted.window
            return remaining, max(1, math.ceil(reset - time.time()))
    except StorageError:
        pass  # Redis went away at this very moment; the next count notes it
    return most - 1, WINDOW


def _counted() -> bool:
    """What the limiter stands before."""
    return True


def _unknown() -> bool:
    """The limiter looks at each request before it is known who asks, and at those that are not limited."""
    return "rate" not in g


def _who() -> str:
    return str(g.rate[0])


def _rate() -> str:
    return f"{g.rate[1]} per {WINDOW} seconds"


def _told(response: Response) -> Response:
    """The header fields of the IETF's draft-ietf-httpapi-ratelimit-headers-03; `Reset` in seconds from now."""
    for name, value in g.get("rate_told", {}).items():
        response.headers[f"RateLimit-{name}"] = str(value)
    return response
