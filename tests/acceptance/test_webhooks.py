"""Webhooks of a real `scriptorium up`, sent to a receiver that is a process of its own."""

import os
import signal
import wave
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from openai import OpenAI

from benchmarks.percentiles import percentile
from scriptorium import Client
from scriptorium.webhooks import Endpoint
from tests.acceptance.running import Up, serving, until
from tests.fakes.receiver import ANSWER, CLOSE, DRIP, ENDLESS, HANG, Came, Manner, Receiver, receiving

LONGEST = 2.0
"""Seconds that a receiver may take here; 15 in production."""
PATIENCE = 60.0
JOB = ["job.created", "job.started", "job.completed"]

Make = Callable[..., Endpoint]


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    told = {"OUTGOING_ALLOW": "127.0.0.1", "SWEEP": "1", "DELIVERY_SECONDS": f"{LONGEST:g}"}
    with serving(**{f"SCRIPTORIUM_{name}": value for name, value in told.items()}) as running:
        yield running


@pytest.fixture
def client(up: Up) -> Iterator[Client]:
    with up.client() as made:
        yield made


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path / "receiver") as made:
        yield made


@pytest.fixture
def make(client: Client, receiver: Receiver) -> Iterator[Make]:
    """An endpoint at a path of the receiver, until the test ends."""
    with ExitStack() as stack:

        def made(path: str = "told", events: Sequence[str] = (), **options: Any) -> Endpoint:
            endpoint = client.create_webhook(f"{receiver.url}/{path}", events, **options)
            stack.callback(client.delete_webhook, endpoint["id"])
            return endpoint

        yield made


@pytest.fixture(scope="module")
def silence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sounds") / "second.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(bytes(32_000))
    return path


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def ended(client: Client, jobs: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {job: client.wait(job) for job in jobs}


def arrived(receiver: Receiver, path: str, count: int) -> list[Came]:
    """Those that were answered 2xx, once there are so many different ones."""
    until(lambda: len(taken(receiver, path)) >= count, PATIENCE, f"not all of {count} events came to /{path}")
    return [one for one in receiver.came(path) if one.taken]


def taken(receiver: Receiver, path: str) -> set[str]:
    return {one.id for one in receiver.came(path) if one.taken}


def test_a_job_is_told_from_its_beginning_to_its_end(
    client: Client, receiver: Receiver, make: Make, silence: Path
) -> None:
    """Once each, signed so that two libraries verify it, and soon."""
    endpoint = make()
    jobs = [client.submit(silence)["id"] for _ in range(10)]
    finished = ended(client, jobs)
    came = arrived(receiver, "told", 3 * len(jobs))
    assert len(came) == 3 * len(jobs)
    assert all(one.verified(endpoint["secret"]) for one in came)
    openai = OpenAI(api_key="none", webhook_secret=endpoint["secret"])
    assert all(openai.webhooks.unwrap(one.body, one.headers).type == one.said["type"] for one in came)
    for job in jobs:
        mine = sorted((one.said for one in came if one.job == job), key=lambda said: said["data"]["sequence"])
        assert [said["type"] for said in mine] == JOB
        assert [said["data"]["sequence"] for said in mine] == [1, 2, 3]
        assert mine[-1]["data"]["job"]["status"] == "completed"
    late = [
        one.at - moment(finished[one.job]["finished_at"])
        for one in came
        if one.job and one.said["type"] == "job.completed"
    ]
    print(f"first delivery after the commit: p95 {percentile(late, 0.95):.3f} s of {len(late)}")
    assert max(late) < PATIENCE


def test_a_jobs_own_webhook_is_told_of_its_end_and_brings_the_transcript(
    client: Client, receiver: Receiver, silence: Path
) -> None:
    asked = {"url": f"{receiver.url}/own", "include": ["transcript"]}
    job = client.submit(silence, webhook=asked)
    (came,) = arrived(receiver, "own", 1)
    assert came.said["type"] == "job.completed"
    assert came.said["data"]["transcript"] == client.transcript(job["id"])
    assert came.verified(job["options"]["webhook"]["secret"])
    assert "secret" not in str(client.job(job["id"])["options"]["webhook"])


def test_what_a_receiver_missed_comes_when_it_is_there_again(
    client: Client, receiver: Receiver, make: Make, silence: Path, up: Up
) -> None:
    """All of it, with the ids that the server's own list of events has."""
    endpoint = make()
    receiver.kill()
    jobs = [client.submit(silence)["id"] for _ in range(3)]
    ended(client, jobs)
    until(lambda: tried(up, endpoint) >= 3, PATIENCE, "nothing was tried")
    receiver.start()
    came = arrived(receiver, "told", 9)
    assert sorted(one.id for one in came) == sorted(happened(client, jobs))
    assert all(one.verified(endpoint["secret"]) for one in came)


def happened(client: Client, jobs: Sequence[str]) -> list[str]:
    """Of these jobs: the ids of events, as `GET /v1/events` lists them."""
    found: list[str] = []
    after = 0
    while (page := client.events_after(after))["events"]:
        after = page["next_after"]
        found += [one["id"] for one in page["events"] if one["data"].get("job", {}).get("id") in jobs]
    return found


def tried(up: Up, endpoint: Endpoint) -> int:
    with psycopg.connect(up.database_url) as connection:
        asked = "SELECT count(*) FROM deliveries WHERE endpoint_id = %s AND tries > 0"
        row = connection.execute(asked, [endpoint["id"]]).fetchone()
    return row[0] if row else 0


def test_while_a_secret_is_replaced_each_request_can_be_verified(
    client: Client, receiver: Receiver, make: Make, silence: Path
) -> None:
    """With the old one all the time, and with the new one from the moment that it is known."""
    endpoint = make()
    before = [client.submit(silence)["id"] for _ in range(3)]
    new = client.rotate_webhook(endpoint["id"])["secret"]
    after = [client.submit(silence)["id"] for _ in range(3)]
    ended(client, before + after)
    came = arrived(receiver, "told", 18)
    assert new != endpoint["secret"]
    assert [one for one in came if not one.verified(endpoint["secret"])] == []
    assert [one for one in came if one.job in after and not one.verified(new)] == []


def test_only_what_a_killed_sender_did_not_record_comes_twice(
    client: Client, receiver: Receiver, make: Make, silence: Path, up: Up
) -> None:
    """It is killed while we think about the answer, which we then give to nobody: that event comes again, the same."""
    endpoint = make()
    receiver.behave(told=Manner(seconds=1.5))
    ended(client, [client.submit(silence)["id"]])
    until(lambda: bool(receiver.came("told")), PATIENCE, "nothing was sent")
    os.kill(up.child("deliver"), signal.SIGKILL)
    in_hand = {one.id for one in receiver.came("told") if one.held is None}
    until(lambda: all(one.held is not None for one in receiver.came("told")), PATIENCE, "it was not answered")
    receiver.behave()
    until(lambda: len(taken(receiver, "told")) == 3 and all_delivered(up, endpoint), PATIENCE, "not all came")
    counted = Counter(one.id for one in receiver.came("told"))
    assert {event for event, times in counted.items() if times > 1} == in_hand
    assert max(counted.values()) == 2
    for event in in_hand:
        first, second = (one for one in receiver.came("told") if one.id == event)
        assert first.body == second.body
        assert second.verified(endpoint["secret"])


def all_delivered(up: Up, endpoint: Endpoint) -> bool:
    with psycopg.connect(up.database_url) as connection:
        asked = "SELECT count(*) FROM deliveries WHERE endpoint_id = %s AND status <> 'delivered'"
        row = connection.execute(asked, [endpoint["id"]]).fetchone()
    return row == (0,)


def test_a_receiver_that_misbehaves_costs_seconds_and_is_asked_again(
    client: Client, receiver: Receiver, make: Make
) -> None:
    bad = {
        "broken": Manner(code=500),
        "busy": Manner(code=429, headers={"Retry-After": "7"}),
        "gone": Manner(code=410),
        "moved": Manner(code=302, headers={"Location": f"{receiver.url}/trap"}),
        "hangs": Manner(HANG),
        "drips": Manner(DRIP),
        "closes": Manner(CLOSE),
        "endless": Manner(ENDLESS, code=500),
        "generous": Manner(ENDLESS, code=200),
    }
    receiver.behave(**bad)
    endpoints = {name: make(name, ["job.failed"]) for name in bad}
    sent = {name: client.test_webhook(one["id"])["id"] for name, one in endpoints.items()}
    first = {name: after_a_try(client, delivery) for name, delivery in sent.items()}
    assert first["generous"]["status"] == "delivered"
    assert first["gone"]["status"] == "failed"
    shown = client.webhook(endpoints["gone"]["id"])
    assert (shown["disabled"], shown["disabled_reason"]) == (True, "gone")

    again = {name for name in bad if name not in ("gone", "generous")}
    assert {first[name]["status"] for name in again} <= {"pending", "delivering"}
    codes = {name: first[name]["attempts"][0]["status_code"] for name in bad}
    assert {name: code for name, code in codes.items() if code} == {
        name: manner.code for name, manner in bad.items() if manner.do in (ANSWER, ENDLESS)
    }
    receiver.behave()
    until(lambda: all(taken(receiver, name) for name in again), PATIENCE, "not all were asked again")
    for name in again:
        one, *others = receiver.came(name)
        assert {(two.id, two.body) for two in others} == {(one.id, one.body)}
        assert others[-1].verified(endpoints[name]["secret"])
        assert int(others[-1].headers["webhook-timestamp"]) > int(one.headers["webhook-timestamp"])
    assert receiver.came("trap") == []
    earlier, later = receiver.came("busy")[:2]
    assert later.at - earlier.at >= 7
    for name in ("hangs", "drips", "endless", "generous"):
        held = receiver.came(name)[0]
        assert held.held is not None
        assert held.held < 20, name
        assert held.sent < 32 * 1024 * 1024, name  # it read 16 KiB; the rest is what the system takes in before


def after_a_try(client: Client, delivery_id: str) -> dict[str, Any]:
    until(lambda: bool(client.delivery(delivery_id)["attempts"]), PATIENCE, f"{delivery_id} was not tried")
    return client.delivery(delivery_id)


def test_who_hangs_holds_up_nobody_else(client: Client, receiver: Receiver, make: Make, silence: Path) -> None:
    receiver.behave(hangs=Manner(HANG))
    well = [make(f"well{number}", JOB)["id"] for number in range(3)]
    make("hangs", JOB)
    finished = ended(client, [client.submit(silence)["id"] for _ in range(8)])
    late = []
    for number in range(len(well)):
        came = arrived(receiver, f"well{number}", 3 * len(finished))
        late += [one.at - moment(one.said["timestamp"]) for one in came]
    print(f"beside one that hangs: p99 {percentile(late, 0.99):.3f} s of {len(late)}")
    assert taken(receiver, "hangs") == set()
    assert len(receiver.came("hangs")) >= 1
    assert max(late) < PATIENCE
