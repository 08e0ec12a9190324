"""A recording by its URL, through the whole server, from a source that is as bad as sources are."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from scriptorium import ApiError, Client
from tests.acceptance.conftest import MEETING
from tests.acceptance.running import Up, run
from tests.acceptance.running import serving as started
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

SOUND = MEETING.read_bytes()
PATH = "/calls/meeting.flac"


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    with serving({}) as made:
        yield made


@pytest.fixture(scope="module")
def here(source: Source) -> Iterator[Up]:
    """A server whose operator allows the source and nothing else of this machine."""
    extra = {
        "SCRIPTORIUM_OUTGOING_ALLOW": f"127.0.0.1:{source.port}",
        "SCRIPTORIUM_MAX_UPLOAD_BYTES": str(len(SOUND) + 1_000_000),
        "SCRIPTORIUM_RETRY_BASE": "0.2",
        "SCRIPTORIUM_LOOK": "0.5",
        "SCRIPTORIUM_LEASE": "4",
        "SCRIPTORIUM_HEARTBEAT": "1",
        "SCRIPTORIUM_SWEEP": "1",
    }
    with started(**extra) as running:
        yield running


@pytest.fixture
def caller(here: Up, source: Source) -> Iterator[Client]:
    source.heads.clear()  # which tell how often a path was asked
    with here.client() as made:
        yield made


def test_the_transcript_is_that_of_the_upload(here: Up, caller: Client, source: Source) -> None:
    source.answers = {PATH: in_turn(redirect("/moved?sig=secret"), whole(SOUND)), "/moved": whole(SOUND)}
    sent = caller.wait(caller.submit(MEETING, language="en")["id"])
    job = caller.wait(caller.submit_url(f"{source.url}{PATH}?sig=secret", language="en", cache=False)["id"])
    assert (job["status"], job["error"]) == ("completed", None)
    assert job["recording"]["sha256"] == sent["recording"]["sha256"]
    assert [stage["status"] for stage in job["stages"].values()] == ["completed"] * len(job["stages"])
    assert caller.transcript(job["id"])["segments"] == caller.transcript(sent["id"])["segments"]
    logs = "".join(path.read_text() for path in (here.folder / "logs").iterdir())
    assert "secret" not in logs + here.said() + str(job)


def test_the_command_line_takes_a_url(here: Up, source: Source) -> None:
    source.answers = {PATH: whole(SOUND)}
    done = run("transcribe", source.url + PATH, "--data", str(here.folder), "--format", "srt")
    assert done.returncode == 0, done.stderr
    assert "-->" in done.stdout
    refused = run("transcribe", "http://127.0.0.2/a.wav", "--data", str(here.folder))
    assert refused.returncode == 2
    assert "source_forbidden" in refused.stderr


def test_a_source_that_breaks_off_and_comes_back(caller: Client, source: Source) -> None:
    broken = claiming(len(SOUND), SOUND[:100_000])
    source.answers = {PATH: in_turn(broken, status(503), whole(SOUND))}
    job = caller.wait(caller.submit_url(source.url + PATH)["id"])
    assert (job["status"], job["recording"]["bytes"]) == ("completed", len(SOUND))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (endless, "upload_too_large"),
        (claiming(10**12, SOUND), "upload_too_large"),
        (status(404), "source_refused"),
        (redirect("http://169.254.169.254/latest"), "source_forbidden"),
        (whole(b"<html>please sign in</html>"), "invalid_media"),
    ],
    ids=["endless", "a lie", "404", "metadata", "a page"],
)
def test_a_source_that_is_none(caller: Client, source: Source, answer: Answer, code: str) -> None:
    source.answers = {PATH: answer}
    job = caller.wait(caller.submit_url(source.url + PATH)["id"])
    assert (job["status"], job["error"]["code"], job["error"]["retryable"]) == ("failed", code, False)


def test_what_else_this_machine_has_is_not_reached(here: Up, caller: Client, source: Source) -> None:
    with serving({}) as canary:
        for url in (canary.url, f"http://localhost:{canary.port}", f"http://2130706433:{canary.port}", here.url):
            with pytest.raises(ApiError) as refused:
                caller.submit_url(url)
            assert (refused.value.status, refused.value.code) == (422, "source_forbidden")
        source.answers = {PATH: redirect(canary.url)}
        job = caller.wait(caller.submit_url(source.url + PATH)["id"])
        assert job["error"]["code"] == "source_forbidden"
        assert canary.connections == 0


def test_a_slow_source_holds_up_nobody_and_a_killed_worker_goes_on(here: Up, caller: Client, source: Source) -> None:
    reached, go = threading.Event(), threading.Event()

    def held(send: Send, before: int) -> None:
        claiming(len(SOUND), SOUND[:1000])(send, before)
        if not before:
            reached.set()
            assert go.wait(120)
            return
        send(SOUND[1000:])

    source.answers = {PATH: held, "/quick": whole(SOUND), "/drip": dripping}
    dripped = caller.submit_url(f"{source.url}/drip")
    assert caller.cancel(dripped["id"])["status"] == "cancelled"
    slow = caller.submit_url(source.url + PATH)
    assert reached.wait(60)
    assert caller.wait(caller.submit_url(f"{source.url}/quick")["id"])["status"] == "completed"
    assert caller.job(slow["id"])["recording"]["bytes"] is None
    before = here.child("fetch")
    os.kill(before, signal.SIGKILL)
    job = caller.wait(slow["id"])
    go.set()
    assert (job["status"], job["recording"]["bytes"]) == ("completed", len(SOUND))
    assert here.child("fetch") != before
