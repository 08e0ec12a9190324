"""`scriptorium webhooks …`, at a server and a receiver that run."""

import json
import signal
import subprocess
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from examples.receiver import key_of
from scriptorium import Client
from tests.acceptance.running import ROOT, Up, command, environment, hear_interrupts, run, until
from tests.fakes.receiver import Receiver, receiving

NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path / "receiver") as made:
        yield made


def webhooks(server: Up, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run("webhooks", *arguments, "--data", str(server.folder))


def said(server: Up, *arguments: str) -> str:
    done = webhooks(server, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_endpoint_from_its_making_to_its_end(server: Up, receiver: Receiver) -> None:
    made = json.loads(said(server, "create", f"{receiver.url}/told", "--event", "job.failed"))
    listed = said(server, "list")
    assert made["id"] in listed
    assert "job.failed" in listed
    assert made["secret"] not in listed

    sent = json.loads(said(server, "test", made["id"]))["id"]
    until(lambda: len(receiver.came("told")) == 1, 60, "the test did not come")
    until(lambda: "delivered" in said(server, "deliveries", made["id"]), 60, "it was not recorded")
    assert sent in said(server, "deliveries", made["id"], "--status", "delivered")

    new = json.loads(said(server, "rotate", made["id"]))["secret"]
    assert sent in said(server, "redeliver", sent)
    until(lambda: len(receiver.came("told")) == 2, 60, "it was not sent again")
    first, again = receiver.came("told")
    assert (first.id, first.body) == (again.id, again.body)
    assert again.verified(new)
    assert again.verified(made["secret"])

    assert "deleted" in said(server, "delete", made["id"])
    assert made["id"] not in said(server, "list")


def test_wrong_use_is_2(server: Up) -> None:
    assert webhooks(server, "create", "ftp://files.example/").returncode == 2
    assert webhooks(server, "create", "https://meetings.example/", "--event", "job.eaten").returncode == 2
    assert webhooks(server, "redeliver", NOBODY).returncode == 2
    for arguments in (("--secret", "whsec_AA=="), ("--forward", "http://127.0.0.1:9/", "--secret", "whsec_?")):
        done = webhooks(server, "listen", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--secret" in done.stderr


def test_listen_shows_what_happens_and_hands_it_on(
    server: Up, client: Client, receiver: Receiver, tmp_path: Path
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("these are words, not a recording of words\n" * 50)
    before = client.wait(client.submit(text)["id"])["id"]
    listening = subprocess.Popen(
        command("webhooks", "listen", "--forward", f"{receiver.url}/here", "--data", str(server.folder)),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )
    try:
        assert listening.stderr
        secret = listening.stderr.readline().split()[-1]
        assert key_of(secret)

        # It asks for what is to come when it has begun: that moment cannot be seen from here, so jobs go on coming.
        def heard() -> bool:
            client.wait(client.submit(text)["id"])
            return bool(receiver.came("here"))

        until(heard, 60, "nothing was handed on")
        last = client.wait(client.submit(text)["id"])["id"]  # of those before, the beginning may have come too soon
        until(lambda: [one.job for one in receiver.came("here")].count(last) == 3, 60, "the last was not told wholly")
        assert listening.stdout
        shown = list(takewhile(lambda line: "job.failed" not in line or last not in line, listening.stdout))
        listening.send_signal(signal.SIGINT)
        assert listening.wait(30) == 0, listening.stderr.read()
    finally:
        listening.kill()
        listening.communicate()
    assert not any(before in line for line in shown)
    mine = [line.split() for line in shown if last in line]
    assert [(line[1], line[3]) for line in mine] == [("job.created", "sequence=1"), ("job.started", "sequence=2")]
    assert all(line[-2:] == ["->", "204"] for line in mine)
    assert all(one.verified(secret) for one in receiver.came("here"))
