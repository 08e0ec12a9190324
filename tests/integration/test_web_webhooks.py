"""Webhooks over HTTP: what is taken, what is refused, what is shown."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from core import keys
from core.context import Context
from core.keys import Tenant
from core.tables import AuditEntry, Endpoint
from core.webhooks import endpoints
from tests.integration.conftest import MakeJob
from tests.integration.web_api import Caller, problem
from tests.integration.webhooks_api import attempts, claimed, deliveries, telling, webhook

URL = "http://127.0.0.1:9999/hooks?token=hush"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def here(context: Context) -> Context:
    return telling(context)


@pytest.fixture
def api(here: Context, api_key: str, tenant: Tenant) -> Caller:
    return Caller(here, api_key)


def test_a_webhook_is_made_shown_and_changed(api: Caller) -> None:
    made = webhook(api, URL, events=["job.completed"], description="the meeting system")
    assert made["secret"].startswith("whsec_")
    assert (made["url"], made["disabled"], made["public_key"]) == (URL, False, None)
    without = {name: value for name, value in made.items() if name != "secret"}
    assert api.call("GET", f"/v1/webhooks/{made['id']}").get_json() == without
    assert api.call("GET", "/v1/webhooks").get_json() == {"webhooks": [without], "next_cursor": None}
    changed = api.call("PATCH", f"/v1/webhooks/{made['id']}", json={"events": [], "include": ["transcript"]})
    assert changed.get_json() == {**without, "events": [], "include": ["transcript"]}


def test_it_can_be_switched_off_and_on(api: Caller) -> None:
    made = webhook(api, URL)
    off = api.call("PATCH", f"/v1/webhooks/{made['id']}", json={"disabled": True}).get_json()
    assert (off["disabled"], off["disabled_reason"]) == (True, "by_owner")
    on = api.call("PATCH", f"/v1/webhooks/{made['id']}", json={"disabled": False}).get_json()
    assert (on["disabled"], on["disabled_at"], on["disabled_reason"]) == (False, None, None)


def test_a_secret_of_ones_own(api: Caller) -> None:
    assert webhook(api, URL, secret=SECRET)["secret"] == SECRET
    refused = api.call("POST", "/v1/webhooks", json={"url": URL, "secret": "whsec_short"})
    found = problem(refused, 422, "invalid_request")
    assert found["errors"][0]["field"] == "secret"
    assert "whsec_short" not in refused.text


def test_a_rotation_ends_the_secret_before_the_last(here: Context, api: Caller, make_job: MakeJob) -> None:
    made = webhook(api, URL, ed25519=True)
    keys_seen = {made["public_key"]}
    for _ in range(2):
        turned = api.call("POST", f"/v1/webhooks/{made['id']}/rotate").get_json()
        keys_seen.add(turned["public_key"])
    assert len(keys_seen) == 3
    make_job()
    (parcel,) = claimed(here)
    assert len(parcel.secrets) == 2
    assert made["secret"] not in {one.v1 for one in parcel.secrets}
    assert len(parcel.headers()["webhook-signature"].split(" ")) == 4


def test_without_overlap_only_the_new_secret_signs(here: Context, api: Caller, make_job: MakeJob) -> None:
    made = webhook(api, URL)
    body = {"overlap_seconds": 0, "secret": SECRET}
    turned = api.call("POST", f"/v1/webhooks/{made['id']}/rotate", json=body).get_json()
    assert (turned["secret"], turned["rotating_until"]) == (SECRET, None)
    make_job()
    (parcel,) = claimed(here)
    assert [one.v1 for one in parcel.secrets] == [SECRET]


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/", "http://2130706433/", "https://user:pw@example.org/", "ftp://example.org/", "http://[::1]/"],
)
def test_a_forbidden_url_is_refused_by_its_field(api: Caller, url: str) -> None:
    made = webhook(api, URL)
    for answer in (
        api.call("POST", "/v1/webhooks", json={"url": url}),
        api.call("PATCH", f"/v1/webhooks/{made['id']}", json={"url": url}),
    ):
        assert problem(answer, 422, "webhook_forbidden")["errors"][0]["field"] == "url"
    before = api.stored()
    own = api.upload(webhook=json.dumps({"url": url}))
    assert problem(own, 422, "webhook_forbidden")["errors"][0]["field"] == "webhook.url"
    assert api.stored() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": ""}, "url"),
        ({"url": 7}, "url"),
        ({"url": URL, "events": ["job.finished"]}, "events.0"),
        ({"url": URL, "events": "job.completed"}, "events"),
        ({"url": URL, "events": ["test"]}, "events.0"),
        ({"url": URL, "include": ["words"]}, "include.0"),
        ({"url": URL, "name": "x"}, "name"),
        ({"url": URL, "description": "\0"}, "description"),
        ({"url": URL, "description": "x" * 501}, "description"),
        ({"url": URL, "secret": ["x"]}, "secret"),
    ],
)
def test_what_is_wrong_is_named(api: Caller, body: dict[str, Any], field: str) -> None:
    found = problem(api.call("POST", "/v1/webhooks", json=body), 422, "invalid_request")
    assert found["errors"][0]["field"] == field
    if field.endswith(".0"):
        assert found["errors"][0]["allowed"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("not json", "webhook"),
        ({}, "webhook.url"),
        ({"url": URL, "events": ["job.finished"]}, "webhook.events.0"),
        ({"url": URL, "token": "x"}, "webhook.token"),
        ({"url": URL, "secret": "x"}, "secret"),
    ],
)
def test_what_is_wrong_with_a_jobs_own_is_named(api: Caller, given: Any, field: str) -> None:
    text = given if isinstance(given, str) else json.dumps(given)
    found = problem(api.upload(webhook=text), 422, "invalid_request")
    assert found["errors"][0]["field"] == field


def test_other_bodies_are_refused(api: Caller) -> None:
    made = webhook(api, URL)
    others = (("{", "application/json", 400), ("[]", "application/json", 400), ("x", "text/plain", 415))
    for text, kind, status in others:
        sent = api.call("POST", "/v1/webhooks", data=text, content_type=kind)
        assert sent.status_code == status
    for body in ({}, {"since": "yesterday"}, {"since": "2026-01-31T12:00:00"}, {"since": 1}):
        problem(api.call("POST", f"/v1/webhooks/{made['id']}/recover", json=body), 422, "invalid_request")
    for overlap in (-1, 10**7, "x"):
        body = {"overlap_seconds": overlap}
        problem(api.call("POST", f"/v1/webhooks/{made['id']}/rotate", json=body), 422, "invalid_request")


def test_without_an_installation_key_there_are_none(context: Context, api_key: str, tenant: Tenant) -> None:
    api = Caller(telling(context, installation_key=""), api_key)
    problem(api.call("POST", "/v1/webhooks", json={"url": URL}), 503, "no_installation_key")
    problem(api.upload(webhook=json.dumps({"url": URL})), 503, "no_installation_key")
    assert api.upload().status_code == 202


def test_a_lost_installation_key_sends_nothing_and_loses_nothing(
    context: Context, here: Context, api: Caller, make_job: MakeJob
) -> None:
    from core.errors import Unavailable

    webhook(api, URL)
    make_job()
    with pytest.raises(Unavailable):
        claimed(telling(context))
    assert [(one.status, one.attempt) for one in deliveries(here)] == [("pending", 0)]
    assert len(claimed(here)) == 1


def test_pages(here: Context, api: Caller, make_job: MakeJob) -> None:
    made = [webhook(api, URL)["id"] for _ in range(3)]
    first = api.call("GET", "/v1/webhooks?limit=2").get_json()
    second = api.call("GET", f"/v1/webhooks?limit=2&cursor={first['next_cursor']}").get_json()
    assert [one["id"] for one in (*first["webhooks"], *second["webhooks"])] == made[::-1]
    assert second["next_cursor"] is None
    for _ in range(3):
        make_job()
    path = f"/v1/webhooks/{made[0]}/deliveries"
    first = api.call("GET", f"{path}?limit=2").get_json()
    second = api.call("GET", f"{path}?limit=2&cursor={first['next_cursor']}").get_json()
    assert len({one["id"] for one in (*first["deliveries"], *second["deliveries"])}) == 3
    assert api.call("GET", f"{path}?status=delivered").get_json()["deliveries"] == []
    problem(api.call("GET", f"{path}?status=sent"), 422, "invalid_request")


def test_there_is_an_end_to_how_many(here: Context, api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "MOST", 2)
    first = webhook(api, URL)
    webhook(api, URL)
    problem(api.call("POST", "/v1/webhooks", json={"url": URL}), 409, "too_many_webhooks")
    api.call("DELETE", f"/v1/webhooks/{first['id']}")
    webhook(api, URL)


def test_deleted_twice_is_deleted_and_what_never_was_is_not_there(api: Caller) -> None:
    made = webhook(api, URL)
    assert [api.call("DELETE", f"/v1/webhooks/{made['id']}").status_code for _ in range(2)] == [204, 204]
    never = "01890000-0000-7000-8000-000000000000"
    problem(api.call("DELETE", f"/v1/webhooks/{never}"), 404, "not_found")
    problem(api.call("GET", f"/v1/deliveries/{never}"), 404, "not_found")


def test_a_delivery_of_a_deleted_webhook_is_not_sent_again(here: Context, api: Caller, make_job: MakeJob) -> None:
    made = webhook(api, URL)
    make_job()
    (one,) = deliveries(here)
    api.call("DELETE", f"/v1/webhooks/{made['id']}")
    problem(api.call("POST", f"/v1/deliveries/{one.id}/redeliver"), 409, "webhook_deleted")
    assert attempts(here, one.id) == []


def test_who_reads_jobs_changes_no_webhook(here: Context, api: Caller) -> None:
    made = webhook(api, URL)
    reader = Caller(here, keys.create(here, "default", "reader", ["jobs:read", "jobs:write"])[0])
    assert reader.call("GET", "/v1/webhooks").status_code == 200
    problem(reader.call("POST", "/v1/webhooks", json={"url": URL}), 403, "insufficient_scope")
    problem(reader.call("POST", f"/v1/webhooks/{made['id']}/rotate"), 403, "insufficient_scope")


def test_neither_secrets_nor_urls_stand_in_the_audit_trail_or_open_in_the_database(here: Context, api: Caller) -> None:
    made = webhook(api, URL, secret=SECRET, description="private")
    api.call("POST", f"/v1/webhooks/{made['id']}/rotate", json={"secret": SECRET, "overlap_seconds": 60})
    api.upload(webhook=json.dumps({"url": URL, "secret": SECRET}))
    with here.sessions() as session:
        noted = [
            json.dumps([one.route, one.ids, one.parameters])
            for one in session.scalars(select(AuditEntry).where(AuditEntry.method == "POST"))
        ]
        sealed = [text or "" for row in session.scalars(select(Endpoint)) for text in (row.sealed, row.sealed_before)]
    assert len(noted) == 3
    assert any(made["id"] in one for one in noted)
    assert not any(word in text for text in noted for word in ("whsec", "hush", "127.0.0.1:9999", "private"))
    assert not any("whsec" in text or SECRET in text for text in sealed)
