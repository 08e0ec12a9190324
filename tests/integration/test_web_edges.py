"""What is true of every route: keys, errors, headers, health, and the description of it all."""

import logging

import pytest
from flask import abort

from core import keys
from core.context import Context
from core.options import Options
from tests.integration.web_api import Caller, problem, with_settings

ROUTES = [
    ("POST", "/v1/jobs"), ("GET", "/v1/jobs"), ("GET", "/v1/models"), ("POST", "/v1/asr"),
    ("GET", "/v1/jobs/0198c5a4-0000-7000-8000-000000000000"),
    ("POST", "/v1/jobs/0198c5a4-0000-7000-8000-000000000000/retry"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("given", [None, "Bearer", "Bearer sk_wrong", "Basic YTpi", "Bearer \xff\xfe"])
def test_without_a_known_key_nothing_is_told(caller: Caller, method: str, path: str, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    answered = caller.app.test_client().open(path, method=method, headers=headers)
    assert answered.status_code == 401
    assert answered.headers["WWW-Authenticate"].startswith('Bearer realm="scriptorium"')
    assert "unauthorized" in answered.text


def test_errors_of_http_are_problems_too(caller: Caller) -> None:
    problem(caller.call("GET", "/nowhere"), 404, "not_found")
    refused = caller.call("PUT", "/v1/jobs")
    problem(refused, 405, "method_not_allowed")
    assert "POST" in refused.headers["Allow"]


def test_what_nobody_expected_is_logged_and_not_told(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    @caller.app.get("/broken")
    def broken() -> str:
        raise RuntimeError("SELECT secret FROM /var/lib/data")

    @caller.app.get("/teapot")
    def teapot() -> str:
        abort(418)

    with caplog.at_level(logging.ERROR):
        answered = caller.call("GET", "/broken?token=private", headers={"X-Request-Id": "mine-1"})
    body = problem(answered, 500, "internal_error")
    assert body["request_id"] == "mine-1"
    assert "secret" not in answered.text
    assert "request mine-1 failed: GET /broken" in caplog.text
    assert "private" not in caplog.text
    problem(caller.call("GET", "/teapot"), 418, "im_a_teapot")


def test_an_outage_of_postgres_is_a_503(context: Context) -> None:
    from core.context import build

    away = build(with_settings(context, database_url="postgresql://nobody@127.0.0.1:1/none").settings)
    answered = Caller(away, keys.mint()).call("GET", "/v1/jobs")
    problem(answered, 503, "unavailable")
    assert int(answered.headers["Retry-After"]) > 0
    ready = Caller(away, keys.mint()).call("GET", "/readyz")
    assert (ready.status_code, ready.json["checks"]["storage"]) == (503, "ok")
    assert "127.0.0.1" not in ready.text
    away.sessions.kw["bind"].dispose()
    away.bell.app.close()


@pytest.mark.parametrize("path", ["/healthz", "/v1/jobs", "/v1/asr", "/docs", "/nowhere"])
def test_every_answer_carries_its_headers(caller: Caller, path: str) -> None:
    answered = caller.call("GET", path, headers={"X-Request-Id": "not plain\t!", "Origin": "https://elsewhere.example"})
    assert len(answered.headers["X-Request-Id"]) == 32
    assert answered.headers["X-Content-Type-Options"] == "nosniff"
    assert answered.headers["Cache-Control"] == "no-store"
    assert not [name for name, _ in answered.headers if name.startswith("Access-Control")]


def test_alive_and_ready(caller: Caller) -> None:
    anonymous = caller.app.test_client()
    assert anonymous.get("/healthz").json == {"status": "ok"}
    ready = anonymous.get("/readyz")
    assert (ready.status_code, ready.json) == (
        200,
        {"status": "ok", "checks": dict.fromkeys(["postgres", "redis", "storage", "migrations"], "ok")},
    )


def test_the_api_describes_itself(caller: Caller) -> None:
    spec = caller.app.test_client().get("/openapi.json").json
    assert spec["openapi"].startswith("3.1")
    upload = spec["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]
    assert set(Options.model_fields) < set(upload["multipart/form-data"]["schema"]["properties"])
    for path in ("/v1/jobs", "/v1/asr"):
        sending = spec["paths"][path]["post"]
        assert {one["name"] for one in sending["parameters"] if one["in"] == "header"} == {
            "Idempotency-Key", "Content-Digest", "X-Content-SHA256",
        }  # fmt: skip
        assert {"200", "202", "408", "410", "413", "415", "422", "503"} <= set(sending["responses"])
        assert "Retry-After" in sending["responses"]["503"]["headers"]
    again = spec["paths"]["/v1/jobs/{job_id}/retry"]["post"]
    assert again["requestBody"]["content"]["application/json"]["schema"]["properties"].keys() == {"stage"}
    assert {"202", "409", "410", "422"} <= set(again["responses"])
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"]
            wants_a_key = path.startswith(("/v1/", "/v2/", "/oauth/")) and method != "options"
            assert ("401" in operation["responses"]) is wants_a_key
    named = set(spec["components"]["schemas"])
    text = caller.call("GET", "/openapi.json").text
    assert {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]} <= named
    assert text.count("$ref") == text.count("#/components/schemas/"), "every reference leads somewhere"


def test_the_docs_load_nothing_from_elsewhere(caller: Caller) -> None:
    page = caller.app.test_client().get("/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "/v1/jobs/{job_id}/transcript" in page.text
    assert not [mark for mark in ("http://", "https://", "<script", "@import", "url(") if mark in page.text]
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
