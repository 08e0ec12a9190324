"""examples/receiver.py as a person starts it, with requests signed by the `standardwebhooks` package."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from standardwebhooks import Webhook

from examples.receiver import Seen
from scriptorium.forwarding import Forwarder
from tests.acceptance.running import ROOT

SECRET = "whsec_c2NyaXB0b3JpdW0tc2NyaXB0b3JpdW0="
OTHER = "whsec_YW5vdGhlci1zZWNyZXQtb2Ytc29tZWJvZHk="
BODY = b'{"type":"job.completed","timestamp":"2026-01-02T03:04:05Z","data":{"sequence":3,"job":{"id":"0199"}}}'


@dataclass
class Sample:
    """The process, and what it printed: read when it has ended."""

    folder: Path
    url: str = ""
    process: "subprocess.Popen[str]" = field(init=False)

    def start(self) -> "Sample":
        self.process = subprocess.Popen(
            [sys.executable, "examples/receiver.py", "--port", "0", "--database", str(self.folder / "seen.sqlite")],
            cwd=ROOT,
            env={**os.environ, "SCRIPTORIUM_WEBHOOK_SECRET": SECRET},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr
        self.url = self.process.stderr.readline().split()[-1]
        return self

    def ended(self) -> list[str]:
        """Killed; its lines."""
        self.process.kill()
        return self.process.communicate()[0].splitlines()


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Sample]:
    with started(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    """It must live on, whatever it was sent."""
    with started(tmp_path_factory.mktemp("shared")) as made:
        yield made
        assert made.ended() == ["2026-01-02T03:04:05Z job.completed job=0199 sequence=3 id=msg_1"]


@contextmanager
def started(folder: Path) -> Iterator[Sample]:
    made = Sample(folder).start()
    try:
        yield made
    finally:
        if made.process.returncode is None:
            made.ended()


def signed(event: str = "msg_1", body: bytes = BODY, secret: str = SECRET, late: float = 0.0) -> dict[str, str]:
    at = datetime.now(tz=UTC) - timedelta(seconds=late)
    return {
        "webhook-id": event,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event, at, body.decode()),
    }


def sent(sample: Sample, headers: dict[str, str], body: bytes = BODY) -> int:
    return httpx2.post(f"{sample.url}/hooks", content=body, headers=headers).status_code


def test_an_event_is_printed_once_also_over_a_kill(sample: Sample) -> None:
    assert [sent(sample, signed()), sent(sample, signed())] == [204, 204]
    (line,) = sample.ended()
    assert line == "2026-01-02T03:04:05Z job.completed job=0199 sequence=3 id=msg_1"
    sample.start()
    assert [sent(sample, signed()), sent(sample, signed("msg_2"))] == [204, 204]
    assert [line.rpartition("=")[2] for line in sample.ended()] == ["msg_2"]


def test_the_same_event_twice_at_once_is_printed_once(sample: Sample) -> None:
    headers = [signed(f"msg_{number % 4}") for number in range(32)]
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda one: sent(sample, one), headers)) == {204}
    assert sorted(line.rpartition("=")[2] for line in sample.ended()) == [f"msg_{number}" for number in range(4)]


def without(name: str) -> Callable[[], dict[str, str]]:
    return lambda: {other: value for other, value in signed().items() if other != name}


def saying(**headers: str) -> Callable[[], dict[str, str]]:
    return lambda: {**signed(), **{name.replace("_", "-"): value for name, value in headers.items()}}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(lambda: signed(secret=OTHER), id="somebody else's secret"),
        pytest.param(lambda: signed(late=301), id="caught five minutes ago"),
        pytest.param(lambda: signed(late=-303), id="from the future"),
        pytest.param(lambda: signed(body=BODY.replace(b"0199", b"0200")), id="another body"),
        pytest.param(saying(webhook_id="msg_2"), id="another id"),
        pytest.param(without("webhook-id"), id="no id"),
        pytest.param(without("webhook-timestamp"), id="no timestamp"),
        pytest.param(without("webhook-signature"), id="no signature"),
        pytest.param(saying(webhook_timestamp="nan"), id="no number"),
        pytest.param(saying(webhook_timestamp="-1"), id="below zero"),
        pytest.param(saying(webhook_timestamp="9" * 5000), id="a number of 5000 digits"),
        pytest.param(saying(webhook_signature="v1"), id="no base64"),
        pytest.param(saying(webhook_signature="v1,?? v1, v2,x"), id="base64 that is none"),
        pytest.param(lambda: {**signed(), "webhook-signature": signed()["webhook-signature"][3:]}, id="no version"),
    ],
)  # fmt: skip
def test_what_the_secret_did_not_sign_is_400(shared: Sample, headers: Callable[[], dict[str, str]]) -> None:
    assert [sent(shared, headers()), sent(shared, signed())] == [400, 204]


def test_one_of_several_signatures_is_enough(shared: Sample) -> None:
    """As while a secret is replaced."""
    two = f"{signed(secret=OTHER)['webhook-signature']} {signed()['webhook-signature']}"
    assert sent(shared, {**signed(), "webhook-signature": two}) == 204


def test_a_body_without_end_is_refused(shared: Sample) -> None:
    large = b" " * (1024 * 1024 + 1)
    with suppress(httpx2.WriteError):  # it may hang up before it has all of it
        assert sent(shared, signed(body=large), large) == 413
    assert sent(shared, signed()) == 204


def test_what_was_fetched_is_handed_on_as_if_it_had_been_sent(sample: Sample) -> None:
    event = {"id": "msg_1", **json.loads(BODY)}
    assert Forwarder(sample.url, SECRET).send(event) == "204"
    assert Forwarder(sample.url, OTHER).send(event) == "400"
    assert len(sample.ended()) == 1
    assert "ConnectError" in Forwarder(sample.url, SECRET).send(event)


def test_without_a_secret_it_says_what_to_set() -> None:
    cleaned = {name: value for name, value in os.environ.items() if name != "SCRIPTORIUM_WEBHOOK_SECRET"}
    arguments = [sys.executable, "examples/receiver.py", "--database", ":memory:"]
    done = subprocess.run(arguments, cwd=ROOT, env=cleaned, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "SCRIPTORIUM_WEBHOOK_SECRET" in done.stderr


def test_what_failed_is_not_remembered_and_only_the_last_ids_are(tmp_path: Path) -> None:
    seen = Seen(str(tmp_path / "seen.sqlite"), kept=2)

    def new(event: str) -> bool:
        with seen.once(event) as found:
            return found

    def fails(event: str) -> None:
        with seen.once(event):
            raise RuntimeError(event)

    with pytest.raises(RuntimeError):
        fails("a")
    assert [new(event) for event in "aabacac"] == [True, False, True, False, True, True, False]
