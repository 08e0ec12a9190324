"""Every call of the API leaves an entry in the audit trail.

What changes something and was let in is written before it is answered; what only looks, or was refused at the door, may
wait a second for others: a flood of calls without a key must not cost a transaction each.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Response, g, request

from core.audit import Entry
from core.keys import Caller
from web import scope, shown

AUDITED = ("/v1/", "/v2/", "/oauth/")
"""By the first part of the address, whichever blueprint. The rest (health, metrics, documentation) tells nothing of
anybody and is asked for every few seconds."""
NOWHERE = "(none)"
"""The route of an address that no view has. The address itself may hold anything."""
OTHER = "OTHER"
_METHODS = frozenset("GET HEAD OPTIONS POST PUT PATCH DELETE".split())
_LOOKING = frozenset(("GET", "HEAD", "OPTIONS"))
LONGEST_AGENT = 200
"""Characters."""


def begin() -> None:
    """Before all else of a request."""
    g.arrived = (datetime.now(UTC), time.monotonic())


def note(ids: Mapping[str, Any] | None = None, parameters: Mapping[str, Any] | None = None) -> None:
    """What neither address nor query say: of a body's options, or the id of what was made."""
    g.setdefault("noted_ids", {}).update(ids or {})
    g.setdefault("noted_parameters", {}).update(parameters or {})


def acts(caller: Caller) -> None:
    """Who was let in, where it was not `web.scope.authenticate` that did."""
    g.caller = caller


def leave(response: Response) -> Response:
    """After the view, before the answer. Of an answer that is made while it is sent, the entry says how it began."""
    route = request.url_rule.rule if request.url_rule is not None else NOWHERE
    if (route if request.url_rule is not None else request.path).startswith(AUDITED):
        known = g.get("caller")
        entry = _entry(route, known, response.status_code)
        scope.trail().note(entry, at_once=known is not None and request.method not in _LOOKING)
    return response


def _entry(route: str, caller: Caller | None, status: int) -> Entry:
    """`address` is the peer's: behind a proxy the proxy's, since what a request says of itself proves nothing."""
    at, began = g.arrived
    agent = request.headers.get("User-Agent", "")[:LONGEST_AGENT]
    return Entry(
        method=request.method if request.method in _METHODS else OTHER,
        route=route,
        ids=shown.ids({**(request.view_args or {}), **g.get("noted_ids", {})}),
        parameters=shown.parameters([*request.args.items(multi=True), *g.get("noted_parameters", {}).items()]),
        at=at,
        request_id=scope.request_id(),
        tenant_id=caller.tenant.id if caller else None,
        subject=caller.tenant.subject if caller else None,
        status=status,
        duration_ms=round(1000 * (time.monotonic() - began)),
        address=request.remote_addr or None,
        user_agent="".join(one if one.isprintable() else "?" for one in agent) or None,
    )
