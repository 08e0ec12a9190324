"""Every route that the application has: nobody without a key, nobody without the scope, nobody of another tenant."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from werkzeug.routing import Rule

from core import jobs, keys, uploads
from core.context import Context, build
from core.scopes import Scope
from core.settings import Settings
from core.webhooks import endpoints, ledger
from tests.integration.conftest import MakeJob
from tests.integration.web_api import Caller, problem
from tests.integration.webhooks_api import telling
from web.app import create_app
from web.scope import needed

OPEN = {
    "/healthz", "/readyz", "/docs", "/openapi.json", "/.well-known/jwks.json", "/oauth/token", "/metrics",
}  # fmt: skip
"""Routes that no key opens: they tell of no tenant, or have a secret of their own."""
TUS = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
"""Asked for before anything else where uploads go on; nothing to the other routes."""


class Route(NamedTuple):
    rule: Rule
    method: str

    def __str__(self) -> str:
        return f"{self.method} {self.rule.rule}"


def _routes() -> Iterator[Route]:
    nowhere = Settings(database_url="postgresql://127.0.0.1:1/none", redis_url="redis://127.0.0.1:1/0")
    for rule in create_app(build(nowhere)).url_map.iter_rules():
        if rule.rule not in OPEN and not rule.rule.startswith("/static/"):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield Route(rule, method)


ROUTES = list(_routes())
WITH_IDS = [route for route in ROUTES if route.rule.arguments]


@pytest.fixture
def others(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> Iterator[dict[str, str]]:
    """Ids of another tenant's things, by the names that the routes give them."""
    job_id = make_job()
    recording_id = jobs.show(context, tenant, job_id)["recording"]["id"]
    upload_id = str(uploads.create(context, tenant, 10, "weekly meeting.wav", "").id)
    here = telling(context)
    webhook_id = UUID(endpoints.create(here, tenant, "http://127.0.0.1:9999/")["id"])
    delivery_id = ledger.test(here, tenant, webhook_id)["id"]
    jobs_own = {"job_id": str(job_id), "transcript_id": str(job_id), "label": "S1"}
    told = {"webhook_id": str(webhook_id), "delivery_id": delivery_id}
    yield {**jobs_own, **told, "recording_id": recording_id, "upload_id": upload_id}
    context.blobs.delete_prefix("uploads")  # others count what is stored


@pytest.fixture
def stranger(context: Context) -> Caller:
    return Caller(context, keys.create(context, "another tenant", "stranger", ["admin"])[0])


def _path(route: Route, ids: dict[str, str]) -> str:
    missing = route.rule.arguments - set(ids)
    assert not missing, f"{route}: tell this test of another tenant's {missing}"
    path = route.rule.rule
    for name in route.rule.arguments:
        converter = next(part for part in path.split("/") if part.endswith(f"{name}>") and part.startswith("<"))
        path = path.replace(converter, ids[name])
    return path


def test_there_are_routes_to_try() -> None:
    assert len(ROUTES) >= 15
    assert len(WITH_IDS) >= 8


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_no_route_opens_without_a_key(context: Context, route: Route) -> None:
    ids = dict.fromkeys(route.rule.arguments, str(UUID(int=1)))
    answer = Caller(context, "").app.test_client().open(_path(route, ids), method=route.method)
    assert answer.status_code == 401


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_no_route_opens_without_its_scope(context: Context, route: Route, others: dict[str, str]) -> None:
    app = create_app(context)
    wanted = needed(app.view_functions[route.rule.endpoint], route.method)
    lesser = [scope for scope in Scope if scope not in (wanted, Scope.ADMIN)]
    caller = Caller(context, keys.create(context, "default", "lesser", lesser)[0])
    answer = caller.call(route.method, _path(route, others), headers=TUS)
    assert answer.status_code == 403, (route, answer.text)
    assert wanted.value in answer.text


@pytest.mark.parametrize("route", WITH_IDS, ids=str)
def test_another_tenants_ids_are_not_there(
    context: Context, route: Route, others: dict[str, str], stranger: Caller
) -> None:
    bodies = {
        "PATCH": {"name": "x"},
        "PATCH <uuid:webhook_id>": {"disabled": True},
        "POST merge": {"into": "S1", "labels": ["S2"]},
        "POST recover": {"since": "2026-01-31T12:00:00Z"},
    }
    last = route.rule.rule.rpartition("/")[2]
    body = bodies.get(f"{route.method} {last}") or bodies.get(route.method)
    sent: dict[str, Any] = {"json": body} if body else {}
    if route.rule.rule.startswith("/v1/uploads/") and route.method == "PATCH":
        sent = {"data": b"x", "content_type": "application/offset+octet-stream"}
    if last == "word-search":
        sent = {"query_string": {"words": "budget"}}
    answer = stranger.call(route.method, _path(route, others), headers=TUS, **sent)
    if route.rule.rule.startswith("/v2/"):
        assert (answer.status_code, set(answer.get_json())) == (404, {"error"})
    else:
        problem(answer, 404, "not_found")
    assert not any(one in answer.text for one in ("default", "weekly meeting"))
