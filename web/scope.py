"""What a request may use: the composed context, its tenant, its id."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import cast

from flask import current_app, g, request

from core import keys
from core.context import Context
from core.errors import Unauthorized
from core.keys import Tenant

_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")


@dataclass(frozen=True)
class Scope:
    """`seats` counts the requests that may wait for a job at one time."""

    context: Context
    seats: BoundedSemaphore


def compose(context: Context) -> Scope:
    """At most half of the server's threads wait, so that the other half always answers."""
    return Scope(context, BoundedSemaphore(max(1, context.settings.web_threads // 2)))


def context() -> Context:
    return _scope().context


@contextmanager
def seat() -> Iterator[bool]:
    """Whether this request may wait. Never waits itself."""
    seats = _scope().seats
    taken = seats.acquire(blocking=False)
    try:
        yield taken
    finally:
        if taken:
            seats.release()


def authenticate() -> None:
    """Before each request of /v1. Raises Unauthorized before a byte of the body is read."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("this needs an API key: send the header Authorization: Bearer <api key>")
    g.tenant = keys.authenticate(context(), token.strip())


def tenant() -> Tenant:
    return cast(Tenant, g.tenant)


def request_id() -> str:
    """The caller's own X-Request-Id where it is plain, else a new one."""
    if "request_id" not in g:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex
    return cast(str, g.request_id)


def _scope() -> Scope:
    return cast(Scope, current_app.extensions["scriptorium"])
