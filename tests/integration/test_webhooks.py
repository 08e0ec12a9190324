"""Events on their way to endpoints, with a real receiver on loopback."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select, update
from standardwebhooks import WebhookVerificationError

from core import jobs
from core.context import Context
from core.database import from_now
from core.keys import Tenant
from core.tables import Delivery, Endpoint, EventRow, Receiver, TranscriptRow
from core.webhooks import ledger, outcomes, upkeep
from core.webhooks.outcomes import Outcome
from tests.fakes.receivers import Inbox, always, in_turn, receiving
from tests.fakes.sources import dripping, endless, serving
from tests.integration.conftest import MakeJob, assemble, transcribe_all, until
from tests.integration.test_races import at_once
from tests.integration.web_api import Caller, problem, with_settings
from tests.integration.webhooks_api import (
    attempts,
    claimed,
    deliver,
    deliveries,
    dispatcher,
    due_now,
    lease_ends,
    telling,
    webhook,
)
from worker.deliveries import Dispatcher
from worker.outgoing import Outgoing
from worker.post import post

Make = MakeJob


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with receiving() as made:
        yield made


@pytest.fixture
def here(context: Context) -> Context:
    return telling(context)


@pytest.fixture
def api(here: Context, api_key: str, tenant: Tenant) -> Caller:
    return Caller(here, api_key)


def completed(context: Context, make_job: Make, **options: Any) -> UUID:
    job_id = make_job(chunks=1, **options)
    transcribe_all(context)
    assemble(context)
    return job_id


def test_each_event_arrives_signed(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    made = webhook(api, f"{inbox.url}/hooks?token=1")
    job_id = completed(here, make_job)
    deliver(here)
    # Several are on their way at once; the sequence says in which order they happened.
    inbox.received.sort(key=lambda one: json.loads(one.body)["data"]["sequence"])
    found = [one.verified(made["secret"]) for one in inbox.received]
    assert [one["type"] for one in found] == ["job.created", "job.started", "job.completed"]
    assert [one["data"]["sequence"] for one in found] == [1, 2, 3]
    assert {one["data"]["job"]["id"] for one in found} == {str(job_id)}
    assert {one.path for one in inbox.received} == {"/hooks?token=1"}
    assert {one.headers["content-type"] for one in inbox.received} == {"application/json"}
    events = api.call("GET", "/v1/events").get_json()["events"]
    assert inbox.ids == [one["id"] for one in events]
    with pytest.raises(WebhookVerificationError):
        inbox.received[0].verified("whsec_" + "A" * 40)


def test_what_is_sent_is_what_is_stored(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    webhook(api, inbox.url)
    make_job()
    deliver(here)
    with here.sessions() as session:
        assert inbox.received[0].body == session.scalars(select(EventRow.payload)).one().encode()


def test_the_ledger_says_what_became_of_it(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    inbox.answer = always(500, b"out of \0 order" + b"x" * 5000)
    made = webhook(api, inbox.url)
    make_job()
    deliver(here)
    listed = api.call("GET", f"/v1/webhooks/{made['id']}/deliveries?status=pending").get_json()
    assert listed["deliveries"], listed
    shown = api.call("GET", f"/v1/deliveries/{listed['deliveries'][0]['id']}").get_json()
    (first, *_) = shown["attempts"]
    assert (first["status_code"], first["address"], first["error"]["code"]) == (500, "127.0.0.1", "status")
    assert first["answer"].startswith("out of \ufffd order")
    assert len(first["answer"]) == 1024
    assert first["seconds"] < 15
    assert api.call("GET", f"/v1/webhooks/{made['id']}").get_json()["failures"] >= 1


def test_only_what_was_asked_for_arrives(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    webhook(api, inbox.url, events=["job.completed"])
    completed(here, make_job)
    deliver(here)
    assert [json.loads(one.body)["type"] for one in inbox.received] == ["job.completed"]


def test_another_tenant_is_told_nothing(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    from core import keys

    webhook(api, inbox.url)
    other = keys.ensure(here, keys.mint(), "other")
    make_job(owner=other)
    deliver(here)
    assert not inbox.received


def test_ed25519_signs_too(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    import base64

    made = webhook(api, inbox.url, ed25519=True)
    make_job()
    deliver(here)
    (one,) = inbox.received
    one.verified(made["secret"])
    signed = dict(part.split(",") for part in one.headers["webhook-signature"].split(" "))
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(made["public_key"].removeprefix("whpk_")))
    content = f"{one.id}.{one.headers['webhook-timestamp']}.".encode() + one.body
    key.verify(base64.b64decode(signed["v1a"]), content)


def test_the_transcript_comes_along_where_it_fits(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    webhook(api, inbox.url, events=["job.completed"], include=["transcript"])
    job_id = completed(here, make_job)
    deliver(here)
    data = json.loads(inbox.received[0].body)["data"]
    assert data["transcript"]["text"] == "all"
    with here.sessions() as session, session.begin():
        session.execute(update(TranscriptRow).values(body={"text": "x" * 300_000}))
    again(here, api)
    deliver(here)
    assert inbox.received[1].body == inbox.received[0].body  # the bytes of the first time
    with here.sessions() as session, session.begin():
        session.execute(update(Delivery).values(body=None))
    again(here, api)
    deliver(here)
    data = json.loads(inbox.received[2].body)["data"]
    assert (data["truncated"], data["transcript_url"]) == (True, f"/v1/jobs/{job_id}/transcript")
    assert "transcript" not in data


def again(here: Context, api: Caller) -> None:
    for one in deliveries(here):
        assert api.call("POST", f"/v1/deliveries/{one.id}/redeliver").status_code == 202


def test_it_is_tried_again_until_it_is_received(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    inbox.answer = in_turn(500, 302, 404, 200)
    made = webhook(api, inbox.url)
    make_job()
    deliver(here)
    (one,) = deliveries(here)
    assert (one.status, one.tries, one.attempt) == ("delivered", 3, 4)
    assert len(set(inbox.ids)) == 1
    assert [row.status_code for row in attempts(here, one.id)] == [500, 302, 404, 200]
    for sent in inbox.received:
        sent.verified(made["secret"])


def test_after_ten_tries_it_has_failed(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    inbox.answer = always(400)
    webhook(api, inbox.url)
    make_job()
    for _ in range(10):
        due_now(here)
        deliver(here)
    (one,) = deliveries(here)
    assert (one.status, one.tries) == ("failed", 10)
    assert len(inbox.received) == 10
    due_now(here)
    deliver(here)
    assert len(inbox.received) == 10


def test_retry_after_is_heeded(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    inbox.answer = always(503, Retry_After="120")
    webhook(api, inbox.url)
    make_job()
    deliver(here)
    with here.sessions() as session:
        later = select(Delivery.due_at > from_now(110), Receiver.rest_until > from_now(110))
        assert tuple(session.execute(later.join(Receiver, Receiver.id == Delivery.receiver_id)).one()) == (True, True)
    assert len(inbox.received) == 1


def test_gone_disables_and_others_are_told(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    inbox.answer = lambda one, _: (410 if one.path == "/gone" else 204, {}, b"")
    gone = webhook(api, f"{inbox.url}/gone", events=["job.created"])
    webhook(api, f"{inbox.url}/other", events=["endpoint.disabled"])
    make_job()
    make_job()
    deliver(here)
    shown = api.call("GET", f"/v1/webhooks/{gone['id']}").get_json()
    assert (shown["disabled"], shown["disabled_reason"]) == (True, "gone")
    assert [one.path for one in inbox.received] == ["/gone", "/other"]
    told = json.loads(inbox.received[1].body)
    assert (told["type"], told["data"]["endpoint"]["id"]) == ("endpoint.disabled", gone["id"])
    assert "secret" not in told["data"]["endpoint"]
    make_job()
    deliver(here)
    assert len(inbox.received) == 2


def test_days_of_nothing_but_failures_disable(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    inbox.answer = always(500)
    made = webhook(api, inbox.url)
    make_job()
    deliver(here)
    with here.sessions() as session, session.begin():
        session.execute(update(Receiver).values(failing_since=from_now(-5.1 * 86_400)))
    due_now(here)
    deliver(here)
    assert api.call("GET", f"/v1/webhooks/{made['id']}").get_json()["disabled_reason"] == "only_failures"
    assert {one.status for one in deliveries(here)} == {"failed"}


def test_a_receiver_that_comes_back_gets_all_at_once(context: Context, api_key: str, tenant: Tenant, inbox: Inbox,
                                                     make_job: Make) -> None:  # fmt: skip
    """By the schedule of production, whose next tries would be minutes and hours away."""
    here = telling(context, delivery_delays=(0.0, 5.0, 3600.0, 3600.0))
    api = Caller(here, api_key)
    inbox.answer = always(503)
    webhook(api, inbox.url)
    for _ in range(6):
        make_job()
    for _ in range(7):
        with here.sessions() as session, session.begin():
            session.execute(update(Receiver).values(rest_until=None))
        deliver(here)
    with here.sessions() as session, session.begin():
        session.execute(update(Receiver).values(rest_until=None))
    inbox.answer, down = always(204), len(inbox.received)
    make_job()
    deliver(here)
    assert {one.status for one in deliveries(here)} == {"delivered"}
    assert len(set(inbox.ids[down:])) == len(inbox.ids[down:]) == 7


def test_rotation_signs_with_both_until_the_overlap_ends(
    here: Context, api: Caller, inbox: Inbox, make_job: Make
) -> None:
    made = webhook(api, inbox.url)
    turned = api.call("POST", f"/v1/webhooks/{made['id']}/rotate", json={"overlap_seconds": 3600}).get_json()
    assert turned["secret"] != made["secret"]
    assert turned["rotating_until"]
    make_job()
    deliver(here)
    inbox.received[0].verified(made["secret"])
    inbox.received[0].verified(turned["secret"])
    with here.sessions() as session, session.begin():
        session.execute(update(Endpoint).values(before_until=from_now(-1)))
    make_job()
    deliver(here)
    inbox.received[1].verified(turned["secret"])
    with pytest.raises(WebhookVerificationError):
        inbox.received[1].verified(made["secret"])


def test_rotating_while_it_is_sent_fails_no_verification(
    here: Context, api: Caller, inbox: Inbox, make_job: Make
) -> None:
    """What is on its way bears the old signature, which the receiver still takes."""
    made = webhook(api, inbox.url)
    for _ in range(5):
        make_job()
    secrets = [made["secret"]]

    def turn() -> None:
        for _ in range(3):
            answer = api.call("POST", f"/v1/webhooks/{made['id']}/rotate", json={"overlap_seconds": 3600})
            secrets.append(answer.get_json()["secret"])

    at_once(turn, lambda: deliver(here))
    assert len(inbox.received) == 5
    for one in inbox.received:
        assert any(_verifies(one, secret) for secret in secrets)


def _verifies(one: Any, secret: str) -> bool:
    try:
        one.verified(secret)
    except WebhookVerificationError:
        return False
    return True


def test_two_who_claim_get_nothing_twice(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    for number in range(8):
        webhook(api, f"{inbox.url}/{number}")
    for _ in range(3):
        make_job()
    taken = [one for found in at_once(*[lambda: claimed(here, free=4)] * 6) for one in found]
    assert len(taken) == len({one.id for one in taken}) == 8  # one each: nobody knows yet that they are well


def test_a_late_word_changes_nothing(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    webhook(api, inbox.url)
    make_job()
    (stale,) = claimed(here, "d-1")
    lease_ends(here)
    assert upkeep.sweep(here) == 1
    (fresh,) = claimed(here, "d-2")
    assert (fresh.message, fresh.attempt) == (stale.message, stale.attempt + 1)
    assert not outcomes.record(here, stale, Outcome(200, 0.1))
    assert deliveries(here)[0].status == "delivering"
    assert outcomes.record(here, fresh, Outcome(200, 0.1))
    assert not outcomes.record(here, fresh, Outcome(500, 0.1, {"code": "status", "message": "no"}))
    (one,) = deliveries(here)
    assert one.status == "delivered"
    assert [row.error and row.error["code"] for row in attempts(here, one.id)] == ["worker_lost", None]


def test_the_sweep_and_a_late_word_at_once(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    """One of the two counts."""
    webhook(api, inbox.url)
    for number in range(10):
        make_job()
        (parcel,) = claimed(here)
        lease_ends(here)
        said, freed = at_once(
            lambda parcel=parcel: outcomes.record(here, parcel, Outcome(200, 0.1)), lambda: outcomes.free(here, 10)
        )
        assert (said, freed) in ((True, 0), (False, 1))
        if freed:
            deliver(here)
        assert [one.status for one in deliveries(here)] == ["delivered"] * (number + 1)


def test_killed_between_the_answer_and_its_commit_it_comes_twice_under_one_id(
    here: Context, api: Caller, inbox: Inbox, make_job: Make
) -> None:
    webhook(api, inbox.url)
    make_job()
    (parcel,) = claimed(here)
    assert post(Outgoing(here.settings.outgoing), parcel, 15.0).status == 204
    lease_ends(here)  # nobody wrote it down
    upkeep.sweep(here)
    deliver(here)
    assert len(inbox.ids) == 2
    assert len(set(inbox.ids)) == 1
    assert inbox.received[0].body == inbox.received[1].body


def test_deleting_the_job_thins_what_is_still_to_be_delivered(
    here: Context, api: Caller, inbox: Inbox, tenant: Tenant, make_job: Make
) -> None:
    """Also what is on its way at that moment: its answer is not kept, and the next try is thin."""
    inbox.answer = always(500, b"I heard: all")
    webhook(api, inbox.url, events=["job.completed", "job.deleted"], include=["transcript"])
    job_id = completed(here, make_job)
    (parcel,) = claimed(here)
    assert b'"transcript"' in parcel.body
    failed = post(Outgoing(here.settings.outgoing), parcel, 15.0)
    jobs.delete(here, tenant, job_id)
    assert outcomes.record(here, parcel, failed)
    inbox.answer = always(204)
    due_now(here)
    deliver(here)
    sent = [json.loads(one.body) for one in inbox.received[1:]]
    assert {one["type"] for one in sent} == {"job.completed", "job.deleted"}
    assert all(one["data"]["job"].keys() <= {"id", "status", "run", "created_at", "started_at", "finished_at",
                                             "deleted_at"} for one in sent)  # fmt: skip
    kept = [row.answer for one in deliveries(here) for row in attempts(here, one.id)]
    assert kept == [None] * len(kept)


def test_deleting_the_webhook_while_it_is_sent(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    made = webhook(api, inbox.url)
    make_job()
    make_job()
    (parcel,) = claimed(here)
    for _ in range(2):
        assert api.call("DELETE", f"/v1/webhooks/{made['id']}").status_code == 204
    assert not outcomes.record(here, parcel, Outcome(200, 0.1))
    assert {one.status for one in deliveries(here)} == {"cancelled"}
    with here.sessions() as session:
        row = session.scalars(select(Endpoint)).one()
        assert (row.url, row.sealed) == ("", "")
    problem(api.call("GET", f"/v1/webhooks/{made['id']}"), 404, "not_found")
    deliver(here)
    assert not inbox.received


def test_everything_at_one_webhook_at_once_ends(
    here: Context, api: Caller, tenant: Tenant, inbox: Inbox, make_job: Make
) -> None:
    """Events, outcomes that disable, deletions of jobs and of the webhook, redeliveries, the sweep: no deadlock, and in
    the end nothing is left under way."""
    inbox.answer = lambda _one, before: (410 if before % 5 == 4 else 500 if before % 2 else 204, {}, b"")
    for _ in range(4):
        made = webhook(api, inbox.url, include=["transcript"])
        started = [make_job() for _ in range(6)]
        at_once(
            lambda: deliver(here),
            lambda: deliver(here),
            lambda started=started: [jobs.delete(here, tenant, one) for one in started],
            lambda made=made: [
                api.call("PATCH", f"/v1/webhooks/{made['id']}", json={"disabled": False}) for _ in range(5)
            ],
            lambda: [ledger_again(here, tenant, one.id) for one in deliveries(here)],
            lambda: [upkeep.sweep(here) for _ in range(5)],
        )
        api.call("DELETE", f"/v1/webhooks/{made['id']}")
        upkeep.sweep(here)
        assert {one.status for one in deliveries(here)} <= {"delivered", "failed", "cancelled"}


def ledger_again(here: Context, tenant: Tenant, delivery_id: UUID) -> None:
    from core.errors import Conflict

    try:
        ledger.redeliver(here, tenant, delivery_id)
    except Conflict:
        return


def test_redeliver_sends_the_same_again(here: Context, api: Caller, inbox: Inbox, make_job: Make) -> None:
    webhook(api, inbox.url)
    make_job()
    deliver(here)
    again(here, api)
    deliver(here)
    assert len(inbox.ids) == 2
    assert len(set(inbox.ids)) == 1
    assert inbox.received[0].body == inbox.received[1].body
    (one,) = deliveries(here)
    assert (one.status, one.attempt) == ("delivered", 2)


def test_recover_sends_what_failed_and_what_was_missed(
    here: Context, api: Caller, inbox: Inbox, make_job: Make
) -> None:
    make_job()  # before there is a webhook
    inbox.answer = always(400)
    made = webhook(api, inbox.url)
    make_job()
    for _ in range(10):
        due_now(here)
        deliver(here)
    inbox.answer = always(204)
    api.call("PATCH", f"/v1/webhooks/{made['id']}", json={"disabled": True})
    make_job()  # while it is off
    asked = {"since": "2020-01-01T00:00:00Z"}
    problem(api.call("POST", f"/v1/webhooks/{made['id']}/recover", json=asked), 409, "webhook_disabled")
    api.call("PATCH", f"/v1/webhooks/{made['id']}", json={"disabled": False})
    make_job()  # and after
    deliver(here)
    inbox.received.clear()
    answered = api.call("POST", f"/v1/webhooks/{made['id']}/recover", json=asked)
    assert (answered.status_code, answered.get_json()) == (202, {"queued": 3})
    deliver(here)
    events = [one["id"] for one in api.call("GET", "/v1/events").get_json()["events"]]
    assert sorted(inbox.ids) == sorted(events[:3])
    assert api.call("POST", f"/v1/webhooks/{made['id']}/recover", json=asked).get_json() == {"queued": 0}
    none = {"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}
    assert api.call("POST", f"/v1/webhooks/{made['id']}/recover", json=none).get_json() == {"queued": 0}


def test_a_test_goes_to_one_webhook_alone(here: Context, api: Caller, inbox: Inbox) -> None:
    webhook(api, f"{inbox.url}/other")
    made = webhook(api, f"{inbox.url}/this", events=["job.failed"])
    answered = api.call("POST", f"/v1/webhooks/{made['id']}/test")
    assert answered.status_code == 202
    assert (answered.get_json()["type"], answered.get_json()["status"]) == ("test", "pending")
    deliver(here)
    assert [one.path for one in inbox.received] == ["/this"]
    assert inbox.received[0].verified(made["secret"])["type"] == "test"


def test_a_jobs_own_webhook(here: Context, api: Caller, inbox: Inbox) -> None:
    secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    own = {"url": f"{inbox.url}/own?key=1", "secret": secret}
    made = api.upload(webhook=json.dumps(own)).get_json()
    assert made["options"]["webhook"] == {
        "url": f"{inbox.url}/own",
        "events": ["job.completed", "job.failed", "job.cancelled"],
        "include": [],
    }
    api.upload()
    api.call("POST", f"/v1/jobs/{made['id']}/cancel")
    deliver(here)
    (one,) = inbox.received
    assert one.path == "/own?key=1"
    found = one.verified(secret)
    assert (found["type"], found["data"]["job"]["id"]) == ("job.cancelled", made["id"])
    assert secret.encode() not in one.body
    assert secret not in api.call("GET", f"/v1/jobs/{made['id']}").text
    assert api.call("GET", "/v1/webhooks").get_json()["webhooks"] == []


def test_a_secret_that_was_made_for_a_job_is_shown_once(here: Context, api: Caller, inbox: Inbox) -> None:
    headers = {"Idempotency-Key": "1"}
    made = api.upload(webhook=json.dumps({"url": inbox.url}), headers=headers).get_json()
    secret = made["options"]["webhook"]["secret"]
    assert "secret" not in api.call("GET", f"/v1/jobs/{made['id']}").get_json()["options"]["webhook"]
    second = api.upload(webhook=json.dumps({"url": inbox.url}), headers=headers)
    assert (second.status_code, second.get_json()["id"]) == (200, made["id"])
    assert "secret" not in second.get_json()["options"]["webhook"]
    api.call("POST", f"/v1/jobs/{made['id']}/cancel")
    deliver(here)
    inbox.received[0].verified(secret)


def test_a_dead_receiver_of_many_jobs_is_one_dead_receiver(here: Context, api: Caller, inbox: Inbox) -> None:
    for _ in range(5):
        made = api.upload(webhook=json.dumps({"url": inbox.url})).get_json()
        api.call("POST", f"/v1/jobs/{made['id']}/cancel")
    assert len(claimed(here)) == 1
    assert not claimed(here)


@pytest.mark.parametrize(("answer", "code"), [(dripping, "timeout"), (endless, None)])
def test_a_dripping_or_endless_receiver_is_left(
    here: Context, api: Caller, make_job: Make, answer: Any, code: Any
) -> None:
    with serving({"/": answer}) as source:
        webhook(api, f"{source.url}/")
        make_job()
        brief = with_settings(here, delivery_seconds=1.0, delivery_delays=(0.0, 3600.0))
        deliver(brief)
    (one,) = deliveries(here)
    (row,) = attempts(here, one.id)
    assert (row.error and row.error["code"]) == code
    assert len(row.answer or "") <= 1024


def test_a_receiver_that_hangs_holds_one_place_and_others_go_on(
    context: Context, api_key: str, tenant: Tenant, inbox: Inbox, make_job: Make
) -> None:
    here = telling(context, deliveries=4)
    api = Caller(here, api_key)
    go = threading.Event()
    inbox.answer = lambda one, _: (204, {}, b"") if one.path != "/hangs" or go.wait(30) else (500, {}, b"")
    webhook(api, f"{inbox.url}/hangs")
    webhook(api, f"{inbox.url}/well")
    running = dispatcher(here)
    running.start()
    try:
        for _ in range(20):
            make_job()
            running.wake()
        until(lambda: sum(one.path == "/well" for one in inbox.received) == 20)
        assert sum(one.path == "/hangs" for one in inbox.received) == 1
    finally:
        go.set()
        running.stop()


def test_a_name_that_leads_inside_is_not_connected_to(here: Context, api: Caller, make_job: Make) -> None:
    with serving({}) as canary:
        webhook(api, f"http://example.org:{canary.port}/")
        make_job()
        inside = Outgoing(here.settings.outgoing, lambda *_: [ip_address("10.0.0.1"), ip_address("127.0.0.1")])
        (parcel,) = claimed(here)
        outcome = post(inside, parcel, 5.0)
        assert outcome.error is not None
        assert (outcome.error["code"], outcome.address) == ("forbidden", "10.0.0.1, 127.0.0.1")
        assert canary.connections == 0


def test_a_process_delivers_when_it_is_rung_and_stops_in_between(
    here: Context, api: Caller, inbox: Inbox, make_job: Make
) -> None:
    webhook(api, inbox.url)
    running: Dispatcher = dispatcher(with_settings(here, look=60.0))
    running.start()
    make_job()
    running.wake()
    until(lambda: len(inbox.received) == 1)
    until(lambda: deliveries(here)[0].status == "delivered")
    running.stop()
    make_job()
    running.wake()
    assert running.work() == 0
    assert [one.status for one in deliveries(here)] == ["delivered", "pending"]


def test_each_event_rings_after_its_commit(context: Context, api_key: str, tenant: Tenant, inbox: Inbox) -> None:
    bell = Bells(context)
    here = replace(telling(context), bell=bell)  # type: ignore[arg-type]
    api = Caller(here, api_key)
    api.upload()
    assert bell.found == []
    webhook(api, inbox.url)
    job = api.upload().get_json()
    api.call("POST", f"/v1/jobs/{job['id']}/cancel")
    api.call("DELETE", f"/v1/jobs/{job['id']}")
    assert bell.found == [1, 2, 3]


class Bells:
    """How many deliveries were committed with each ring."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.found: list[int] = []

    def ring(self, *_: Any) -> bool:
        return True

    def ring_deliveries(self) -> bool:
        self.found.append(len(deliveries(self.context)))
        return True
