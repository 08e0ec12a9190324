"""What a request may use: the composed context, its tenant, its id."""

import inspect
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any, TypeVar, cast

from flask import current_app, g, request

from core import keys, tokens
from core.audit import Trail
from core.context import Context
from core.errors import Unauthorized
from core.keys import Caller, Tenant
from core.scopes import Scope
from web import rates
from web.jwks import Jwks

View = TypeVar("View", bound=Callable[..., Any])

_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")


@dataclass(frozen=True)
class Composition:
    """`seats` counts the requests that may wait for a job at one time. `jwks`: the public keys of outside issuers."""

    context: Context
    seats: BoundedSemaphore
    jwks: Jwks
    trail: Trail


def compose(context: Context) -> Composition:
    """At most half of the server's threads wait, so that the other half always answers."""
    seats = BoundedSemaphore(max(1, context.settings.web_threads // 2))
    return Composition(context, seats, Jwks(), Trail(context, context.settings.audit_flush))


def context() -> Context:
    return _composition().context


def trail() -> Trail:
    return _composition().trail


@contextmanager
def seat() -> Iterator[bool]:
    """Whether this request may wait. Never waits itself."""
    seats = _composition().seats
    taken = seats.acquire(blocking=False)
    try:
        yield taken
    finally:
        if taken:
            seats.release()


def authenticate() -> None:
    """Before each request of /v1. Raises Unauthorized, RateLimited, Forbidden, before a byte of the body is read."""
    _admit(_bearer)


def authenticate_bare() -> None:
    """The same before each request of /v2, where the key may stand alone: AssemblyAI's clients send it so."""
    _admit(_bearer_or_bare)


def _admit(token_of: Callable[[str], str]) -> None:
    settings = context().settings
    try:
        g.caller = _caller_of(token_of(request.headers.get("Authorization", "").strip()))
    except Unauthorized:
        rates.count_refused(settings)
        raise
    rates.count(tenant(), settings)
    view = current_app.view_functions.get(request.endpoint or "")
    if view is not None:  # an address or a method that is not there says so by itself
        caller().needs(needed(view, request.method))


def _bearer(given: str) -> str:
    scheme, _, token = given.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("this needs an API key: send the header Authorization: Bearer <api key or access token>")
    return token.strip()


def _bearer_or_bare(given: str) -> str:
    if given.partition(" ")[0].lower() == "bearer":
        return _bearer(given)
    if not given:
        raise Unauthorized("this needs an API key: send the header Authorization: <api key or access token>")
    return given


def _caller_of(token: str) -> Caller:
    """Of an API key, one of our own access tokens, or one of an issuer that the operator trusts."""
    here = context()
    try:
        named = tokens.unverified_issuer(token)
    except tokens.NotOurs:
        return keys.authenticate(here, token)
    if named == here.settings.access_issuer:
        return tokens.authenticate(here, token)
    issuer = next((one for one in here.settings.issuers if one.issuer == named), None)
    if issuer is None:
        raise Unauthorized("this access token is of an issuer that is not trusted here", code="invalid_token")
    return tokens.caller_of(here, token, issuer, _composition().jwks.of(issuer, tokens.key_id(token)))


def needs(scope: Scope) -> Callable[[View], View]:
    """On a view: the scope that it takes, where its method does not say so."""

    def marked(view: View) -> View:
        view.needs_scope = scope  # type: ignore[attr-defined]
        return view

    return marked


def needed(view: Callable[..., Any], method: str) -> Scope:
    """What a view takes: who only looks reads jobs, who does anything else writes them."""
    by_method = Scope.JOBS_READ if method in ("GET", "HEAD", "OPTIONS") else Scope.JOBS_WRITE
    return cast(Scope, getattr(inspect.unwrap(view), "needs_scope", by_method))


def caller() -> Caller:
    return cast(Caller, g.caller)


def tenant() -> Tenant:
    return caller().tenant


def request_id() -> str:
    """The caller's own X-Request-Id where it is plain, else a new one."""
    if "request_id" not in g:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex
    return cast(str, g.request_id)


def _composition() -> Composition:
    return cast(Composition, current_app.extensions["scriptorium"])
