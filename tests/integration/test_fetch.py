"""A job by URL, from the request to the recording in its place, with a real source on loopback."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import jobs
from core.context import Context
from core.database import from_now
from core.keys import Tenant
from core.options import parse
from core.outgoing import Address
from core.states import Kind, StepStatus
from core.tables import Job, Recording, Step
from tests.fakes.sources import (
    Answer,
    Send,
    Source,
    claiming,
    dripping,
    endless,
    in_turn,
    redirect,
    serving,
    status,
    whole,
)
from tests.integration.conftest import LIGHT, until
from tests.integration.test_races import at_once
from tests.integration.web_api import Caller, problem, with_settings
from worker.outgoing import Outgoing, Resolve, resolved
from worker.pulse import Pulse
from worker.runner import Runner

SOUND = bytes(range(256)) * 1000
PATH = "/calls/weekly%20meeting.wav"


@pytest.fixture
def source() -> Iterator[Source]:
    with serving({PATH: whole(SOUND)}) as made:
        yield made


@pytest.fixture
def here(context: Context) -> Context:
    """Sources may be on 127.0.0.1, as in a private network; steps are tried again at once."""
    context.blobs.delete_prefix("recordings")
    return with_settings(context, outgoing_allow=("127.0.0.1",), retry_base=0.0)


@pytest.fixture
def by_url(here: Context, api_key: str, tenant: Tenant) -> Caller:
    return Caller(here, api_key)


def fetcher(here: Context, resolve: Resolve = resolved) -> Runner:
    """A worker process that fetches; `work` returns when no fetch is due."""
    outgoing = Outgoing(here.settings.outgoing, resolve)
    return Runner(here, "f-1", (Kind.FETCH,), (), Pulse(here, "f-1"), outgoing=outgoing, slots=2)


def ask(caller: Caller, url: str, **more: Any) -> dict[str, Any]:
    answered = caller.call("POST", "/v1/jobs", json={"source_url": url, **more})
    assert answered.status_code == 202, answered.text
    body: dict[str, Any] = answered.get_json()
    assert answered.headers["Location"] == f"/v1/jobs/{body['id']}"
    return body


def shown(here: Context, tenant: Tenant, job: dict[str, Any]) -> dict[str, Any]:
    return jobs.show(here, tenant, UUID(job["id"]))


def step_of(here: Context, job: dict[str, Any]) -> Step:
    with here.sessions() as session:
        return session.scalars(select(Step).where(Step.job_id == UUID(job["id"]), Step.kind == Kind.FETCH)).one()


def stored(here: Context, job: dict[str, Any]) -> bytes:
    return here.blobs.read_range(f"recordings/{job['recording']['id']}/source", 0, 10**9)


def test_a_recording_comes_by_its_url(here: Context, by_url: Caller, tenant: Tenant, source: Source) -> None:
    made = ask(by_url, f"{source.url}{PATH}?X-Signature=secret#there", language="en")
    assert made["source_url"] == f"{source.url}{PATH}"
    assert (made["recording"]["bytes"], made["recording"]["sha256"]) == (None, None)
    assert made["recording"]["filename"] == "weekly meeting.wav"
    assert list(made["stages"])[:2] == ["fetch", "ingest"]
    assert not jobs.claim(here, LIGHT, [Kind.INGEST], []), "there is nothing to decode yet"
    fetcher(here).work()
    now = shown(here, tenant, made)
    assert now["recording"]["bytes"] == len(SOUND)
    assert now["recording"]["sha256"] == hashlib.sha256(SOUND).hexdigest()
    assert (now["status"], now["stages"]["fetch"]["status"]) == ("processing", "completed")
    assert stored(here, made) == SOUND
    (ingest,) = jobs.claim(here, LIGHT, [Kind.INGEST], [])
    assert ingest.params["bytes"] == len(SOUND)
    assert source.heads[0].startswith(f"GET {PATH}?X-Signature=secret HTTP/1.1")
    assert "secret" not in str(now) + str(step_of(here, made).params)


def test_a_form_and_the_simple_call_take_a_url(here: Context, by_url: Caller, source: Source) -> None:
    form = by_url.call("POST", "/v1/jobs", data={"source_url": f"{source.url}{PATH}", "tag": "a"},
                       content_type="multipart/form-data")  # fmt: skip
    assert (form.status_code, form.json["tag"]) == (202, "a")
    simple = by_url.call("POST", "/v1/asr?wait=0", json={"source_url": f"{source.url}{PATH}"})
    assert (simple.status_code, simple.json["status"]) == (202, "processing")


def test_an_upload_has_no_such_stage(by_url: Caller) -> None:
    made = by_url.upload().json
    assert "fetch" not in made["stages"]
    assert made["source_url"] is None
    by_url.call("POST", f"/v1/jobs/{made['id']}/cancel")
    problem(by_url.call("POST", f"/v1/jobs/{made['id']}/retry", json={"stage": "fetch"}), 409, "stage_not_ready")


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://10.0.0.1/a", "http://2130706433/", "ftp://example.org/a", "x", ""]
)
def test_a_forbidden_url_makes_no_job(by_url: Caller, url: str) -> None:
    refused = problem(by_url.call("POST", "/v1/jobs", json={"source_url": url}), 422, "source_forbidden")
    assert [one["field"] for one in refused["errors"]] == ["source_url"]
    simple = by_url.call("POST", "/v1/asr", json={"source_url": url})
    assert (simple.status_code, simple.json["error"]["code"]) == (422, "source_forbidden")
    assert by_url.call("GET", "/v1/jobs").json["jobs"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"source_url": 7}, "source_url"),
        ({"source_url": "https://example.org/\0"}, "source_url"),
        ({"source_url": "https://example.org/", "audio": "UklGRg=="}, "source_url"),
        ({"source_url": "https://example.org/", "recording_id": "0199"}, "source_url"),
        ({"source_url": "https://example.org/", "tracks": [{}]}, "tracks"),
        ({"source_url": None}, "audio"),
    ],
)
def test_what_does_not_go_together_is_named(by_url: Caller, body: dict[str, Any], field: str) -> None:
    refused = problem(by_url.call("POST", "/v1/jobs", json=body), 422, "invalid_request")
    assert [one["field"] for one in refused["errors"]] == [field]


def test_a_file_and_a_url_do_not_go_together(by_url: Caller) -> None:
    refused = problem(by_url.upload(source_url="https://example.org/"), 422, "invalid_request")
    assert [one["field"] for one in refused["errors"]] == ["source_url"]
    digest = {"X-Content-SHA256": "0" * 64}
    sent = by_url.call("POST", "/v1/jobs", json={"source_url": "https://example.org/"}, headers=digest)
    assert problem(sent, 422, "invalid_request")["errors"][0]["field"] == "X-Content-SHA256"


def resolving(text: str) -> Callable[[str, int], list[Address]]:
    return lambda host, port: [ip_address(text)]


@pytest.mark.parametrize("where", ["127.0.0.2", "169.254.169.254", "::1", "64:ff9b::7f00:1"])
def test_a_name_that_leads_inside_fails_the_job(
    here: Context, by_url: Caller, tenant: Tenant, source: Source, where: str
) -> None:
    with serving({}, "127.0.0.2", source.port) as canary:
        made = ask(by_url, f"http://inside.test:{source.port}{PATH}?secret")
        fetcher(here, resolving(where)).work()
        assert (source.connections, canary.connections) == (0, 0)
    now = shown(here, tenant, made)
    assert (now["status"], now["error"]["code"], now["error"]["stage"]) == ("failed", "source_forbidden", "fetch")
    assert not now["error"]["retryable"]
    assert where not in now["error"]["message"]
    assert step_of(here, made).attempt == 1


REFUSED = [
    (status(404), "source_refused", "404"),
    (status(403), "source_refused", "403"),
    (status(206), "source_refused", "206"),
    (redirect(PATH), "source_refused", "redirects"),
    (redirect("http://127.0.0.2/"), "source_forbidden", "redirects"),
    (whole(b""), "empty_file", "no bytes"),
    (whole(SOUND, Content_Encoding="gzip"), "source_refused", "compresses"),
    (claiming(10**15, b""), "upload_too_large", "300000"),
    (endless, "upload_too_large", "300000"),
    (dripping, "source_too_slow", "0.5 s"),
]


@pytest.mark.parametrize(("answer", "code", "said"), REFUSED, ids=[f"{code} {said}" for _, code, said in REFUSED])
def test_what_cannot_be_had_fails_the_job_at_once(
    here: Context, by_url: Caller, tenant: Tenant, source: Source, answer: Answer, code: str, said: str
) -> None:
    source.answers = {PATH: answer}
    made = ask(by_url, f"{source.url}{PATH}?secret")
    fetcher(with_settings(here, max_upload_bytes=300_000, fetch_timeout=0.5)).work()
    now = shown(here, tenant, made)
    assert (now["status"], now["error"]["code"], now["error"]["retryable"]) == ("failed", code, False)
    assert said in now["error"]["message"]
    assert "secret" not in now["error"]["message"]
    assert step_of(here, made).attempt == 1
    assert by_url.stored() == []


BROKEN = [
    status(503),
    status(429),
    claiming(len(SOUND), SOUND[:1000]),
    lambda send, _: send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nabc"),
    lambda send, _: None,
]


@pytest.mark.parametrize("answer", BROKEN, ids=["503", "429", "broken off", "broken off in a chunk", "hung up"])
def test_what_may_come_back_is_tried_again(
    here: Context, by_url: Caller, tenant: Tenant, source: Source, answer: Answer
) -> None:
    source.answers = {PATH: in_turn(answer, answer, whole(SOUND))}
    made = ask(by_url, source.url + PATH)
    fetcher(here).work()
    assert step_of(here, made).attempt == 3
    assert stored(here, made) == SOUND
    assert len(by_url.stored()) == 1


def test_a_source_that_stays_away_ends_the_job_and_its_owner_may_retry(
    here: Context, by_url: Caller, tenant: Tenant
) -> None:
    with serving({}) as gone:
        pass
    made = ask(by_url, gone.url + PATH)
    fetcher(here).work()
    now = shown(here, tenant, made)
    assert (now["status"], now["error"]["code"], now["error"]["retryable"]) == ("failed", "source_unreachable", True)
    assert (step_of(here, made).attempt, now["stages"]["fetch"]["status"]) == (3, "failed")
    with serving({PATH: whole(SOUND)}, port=gone.port):
        problem(by_url.call("POST", f"/v1/jobs/{made['id']}/retry", json={"stage": "ingest"}), 409, "stage_not_ready")
        again = by_url.call("POST", f"/v1/jobs/{made['id']}/retry").json
        assert (again["status"], again["run"]) == ("processing", 2)
        fetcher(here).work()
    assert stored(here, made) == SOUND
    assert len(jobs.claim(here, LIGHT, [Kind.INGEST], [])) == 1


def test_once_fetched_its_url_is_forgotten(here: Context, by_url: Caller, source: Source) -> None:
    made = ask(by_url, source.url + PATH)
    fetcher(here).work()
    by_url.call("POST", f"/v1/jobs/{made['id']}/cancel")
    told = by_url.call("POST", f"/v1/jobs/{made['id']}/retry", json={"stage": "fetch"})
    assert "submit the URL again" in problem(told, 409, "stage_not_ready")["detail"]
    assert by_url.call("POST", f"/v1/jobs/{made['id']}/retry").status_code == 202


def test_a_deleted_job_keeps_no_url(here: Context, by_url: Caller, source: Source) -> None:
    made = ask(by_url, f"{source.url}{PATH}?secret")
    assert by_url.call("DELETE", f"/v1/jobs/{made['id']}").status_code == 204
    assert step_of(here, made).params == {"host": "127.0.0.1"}
    with here.sessions() as session:
        assert session.get_one(Job, UUID(made["id"])).source_url is None
    fetcher(here).work()
    assert source.connections == 0


class Held:
    """An answer whose first time stops in the middle until it is let go; the second time gives other bytes."""

    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()

    def __call__(self, send: Send, before: int) -> None:
        content = b"new" * 1000 if before else b"old" * 1000
        send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content[:1500])
        if not before:
            self.reached.set()
            assert self.go.wait(60)
        send(content[1500:])


def lease_ends(here: Context) -> None:
    with here.sessions() as session, session.begin():
        session.execute(update(Step).values(lease_until=from_now(-1)))
    jobs.sweep(here)


def test_a_worker_that_lost_its_lease_cannot_place_its_bytes(
    here: Context, by_url: Caller, tenant: Tenant, source: Source
) -> None:
    """The source has changed meanwhile: whichever bytes lie there must be those that the row tells of."""
    held = Held()
    source.answers = {PATH: held}
    made = ask(by_url, source.url + PATH)
    with ThreadPoolExecutor(1) as pool:
        stale = pool.submit(fetcher(here).work)
        assert held.reached.wait(60)
        lease_ends(here)
        fetcher(here).work()
        assert stored(here, made) == b"new" * 1000
        held.go.set()
        stale.result(timeout=60)
    assert stored(here, made) == b"new" * 1000
    now = shown(here, tenant, made)
    assert now["recording"]["sha256"] == hashlib.sha256(b"new" * 1000).hexdigest()
    assert len(by_url.stored()) == 1
    assert len(jobs.claim(here, LIGHT, [Kind.INGEST], [], limit=5)) == 1


@pytest.mark.parametrize("how", ["cancel", "delete"])
def test_an_owner_stops_it_in_the_middle(
    here: Context, by_url: Caller, tenant: Tenant, source: Source, how: str
) -> None:
    held = Held()
    source.answers = {PATH: held}
    made = ask(by_url, source.url + PATH)
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(fetcher(here).work)
        assert held.reached.wait(60)
        (jobs.cancel if how == "cancel" else jobs.delete)(here, tenant, UUID(made["id"]))
        held.go.set()
        working.result(timeout=60)
    assert by_url.stored() == []
    assert not jobs.claim(here, LIGHT, [Kind.INGEST], [])


def test_a_cancel_is_heard_while_the_source_is_silent(
    here: Context, by_url: Caller, tenant: Tenant, source: Source
) -> None:
    held = Held()
    source.answers = {PATH: held}
    made = ask(by_url, source.url + PATH)
    running = fetcher(here)
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(running.work)
        assert held.reached.wait(60)
        jobs.cancel(here, tenant, UUID(made["id"]))
        running.pulse._renew()
        working.result(timeout=60)
        held.go.set()
    assert by_url.stored() == []


def placed_and_dead(here: Context) -> tuple[jobs.Claimed, Any]:
    """The process ends between the two: bytes in their place, and no row that says so."""
    (step,) = jobs.claim(here, "f-0", [Kind.FETCH], [])
    incoming = here.blobs.receive(1000)
    incoming.write(b"old")

    def and_dies(_session: Session, _job: Job) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        jobs.finish(here, step, {}, jobs.all_of(jobs.record_fetched(incoming), and_dies))
    return step, incoming


def test_what_was_placed_and_not_recorded_is_fetched_again(
    here: Context, by_url: Caller, tenant: Tenant, source: Source
) -> None:
    made = ask(by_url, source.url + PATH)
    placed_and_dead(here)
    assert (stored(here, made), shown(here, tenant, made)["recording"]["bytes"]) == (b"old", None)
    lease_ends(here)
    fetcher(here).work()
    assert (stored(here, made), shown(here, tenant, made)["recording"]["bytes"]) == (SOUND, len(SOUND))


def test_a_result_that_could_not_be_recorded_is_said_again(
    here: Context, by_url: Caller, tenant: Tenant, source: Source
) -> None:
    """As after an outage of the database in the middle of the transaction."""
    made = ask(by_url, source.url + PATH)
    step, incoming = placed_and_dead(here)
    for _ in range(2):
        assert jobs.finish(here, step, {}, jobs.record_fetched(incoming))
    assert (stored(here, made), shown(here, tenant, made)["recording"]["bytes"]) == (b"old", 3)


def test_what_was_placed_and_never_recorded_is_scavenged(here: Context, by_url: Caller, source: Source) -> None:
    old = with_settings(here, orphan_after=0.0)
    made = [ask(by_url, source.url + PATH) for _ in range(2)]
    for one in made:
        here.blobs.put(f"recordings/{one['recording']['id']}/source", [b"old"])
    by_url.call("POST", f"/v1/jobs/{made[0]['id']}/cancel")
    jobs.scavenge(old)
    left = [path.parent.name for path in by_url.stored()]
    assert left == [made[1]["recording"]["id"]], "of a job that goes on nothing is taken away"
    fetcher(here).work()
    by_url.call("POST", f"/v1/jobs/{made[1]['id']}/cancel")
    jobs.scavenge(old)
    assert stored(here, made[1]) == SOUND


def test_without_room_the_source_is_not_asked(here: Context, by_url: Caller, tenant: Tenant, source: Source) -> None:
    made = ask(by_url, source.url + PATH)
    full = with_settings(here, min_free_bytes=10**18, retry_base=60.0)
    fetcher(full).work()
    assert source.connections == 0
    step = step_of(here, made)
    assert (step.status, step.outages, step.errors) == (StepStatus.QUEUED, 1, 0)


def test_the_same_key_and_url_are_one_job(here: Context, by_url: Caller, source: Source) -> None:
    def send(url: str, **options: Any) -> Any:
        body = {"source_url": url, **options}
        return by_url.call("POST", "/v1/jobs", json=body, headers={"Idempotency-Key": "a"})

    both = at_once(*[lambda: send(source.url + PATH)] * 2)
    assert sorted(one.status_code for one in both) == [200, 202]
    assert both[0].json["id"] == both[1].json["id"]
    problem(send(f"{source.url}{PATH}?other"), 422, "idempotency_mismatch")
    problem(send(source.url + PATH, language="en"), 422, "idempotency_mismatch")
    with here.sessions() as session:
        assert len(session.scalars(select(Recording)).all()) == 1


def test_a_recording_that_is_not_here_makes_no_other_job(here: Context, by_url: Caller, source: Source) -> None:
    made = ask(by_url, source.url + PATH)
    body = {"recording_id": made["recording"]["id"]}
    problem(by_url.call("POST", "/v1/jobs", json=body), 409, "recording_not_ready")
    for clip in ("", "?start=0&end=1"):
        unheard = by_url.call("GET", f"/v1/recordings/{made['recording']['id']}/audio{clip}")
        problem(unheard, 409, "recording_not_ready")
    assert by_url.call("GET", f"/v1/recordings/{made['recording']['id']}").json["bytes"] is None
    sent = by_url.call("POST", "/v1/recordings", json={"source_url": source.url + PATH})
    assert problem(sent, 422, "invalid_request")["errors"][0]["field"] == "source_url"
    fetcher(here).work()
    assert by_url.call("POST", "/v1/jobs", json=body).status_code == 202


def test_one_host_never_holds_all_who_fetch(here: Context, tenant: Tenant) -> None:
    two = with_settings(here, fetches=2)
    jobs.register(two, "f-1", [Kind.FETCH], [], {})
    made = [
        jobs.submit_url(two, tenant, f"https://{host}.example/a", parse({})).job["id"]
        for host in ("slow", "slow", "quick")
    ]
    held = [step for _ in range(3) for step in jobs.claim(two, "f-1", [Kind.FETCH], [])]
    assert [str(step.job_id) for step in held] == [made[0], made[2]]
    assert jobs.hand_back(two, held[0])
    assert len(jobs.claim(two, "f-1", [Kind.FETCH], [])) == 1


def test_two_who_ask_at_once_do_not_both_get_one_host(here: Context, tenant: Tenant) -> None:
    two = with_settings(here, fetches=2)
    jobs.register(two, "f-1", [Kind.FETCH], [], {})
    for _ in range(5):
        made = [jobs.submit_url(two, tenant, "https://slow.example/a", parse({})).job["id"] for _ in range(2)]
        held = at_once(*[lambda: jobs.claim(two, "f-1", [Kind.FETCH], [])] * 2)
        assert sorted(map(len, held)) == [0, 1]
        for job_id in made:
            jobs.cancel(two, tenant, UUID(job_id))


def test_several_are_fetched_at_once(here: Context, by_url: Caller, source: Source) -> None:
    """A source that is slow holds up no other, in one process."""
    held = Held()
    jobs.register(here, "f-1", [Kind.FETCH], [], {})
    with serving({PATH: held}) as slow:
        ask(by_url, slow.url + PATH)
        running = fetcher(with_settings(here, fetches=4))
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(running.work)
            assert held.reached.wait(60)
            quick = ask(by_url, source.url + PATH)
            second = pool.submit(running.work)
            until(lambda: bool(step_of(here, quick).status == StepStatus.DONE))
            assert not first.done()
            held.go.set()
            first.result(timeout=60)
            second.result(timeout=60)
