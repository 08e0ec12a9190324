"""The client over a real socket, through what lies between it and a server: lost answers, proxies, full servers."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from core import jobs
from core.context import Context
from core.errors import InputError
from core.keys import Tenant
from core.states import Kind
from scriptorium.client import ApiError, Client, ServerUnreachable
from tests.fakes import media
from tests.integration.conftest import LIGHT, MakeJob
from tests.integration.test_web_jobs import SPOKEN, ended
from tests.integration.web_api import with_settings
from web.app import create_app

Between = Callable[[Any, dict[str, Any], Any], Any]
"""A WSGI layer: the application, the environment, start_response."""


def passed_on(app: Any, environ: dict[str, Any], start_response: Any) -> Any:
    return app(environ, start_response)


def lost(app: Any, environ: dict[str, Any], start_response: Any) -> Any:
    """The server does it, and the connection breaks before the answer."""
    drained(app(environ, lambda *_: None))
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError


def timed_out(app: Any, environ: dict[str, Any], start_response: Any) -> Any:
    """The server does it, and a proxy has given up waiting."""
    drained(app(environ, lambda *_: None))
    start_response("504 Gateway Timeout", [("Content-Length", "0")])
    return []


def full(seconds: str) -> Between:
    """Before the server: it has no room."""

    def refuse(_app: Any, environ: dict[str, Any], start_response: Any) -> Any:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response("503 Service Unavailable", [("Content-Length", "0"), ("Retry-After", seconds)])
        return []

    return refuse


def drained(answer: Any) -> None:
    for _ in answer:
        pass
    answer.close()


@dataclass
class Way:
    """To the application: the uploads meet `next` one after the other, then pass."""

    app: Any
    next: list[Between]
    uploads: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] != "POST" or environ["PATH_INFO"] not in ("/v1/jobs", "/v1/recordings"):
            return self.app(environ, start_response)
        self.uploads.append(environ)
        between = self.next.pop(0) if self.next else passed_on
        return between(self.app, environ, start_response)


@dataclass
class Reached:
    client: Client
    way: Way
    pauses: list[float]


Reach = Callable[..., Reached]


@pytest.fixture
def reach(context: Context, tenant: Tenant, api_key: str) -> Iterator[Reach]:
    """A client, and a server behind what is `between` them."""
    with ExitStack() as stack:

        def start(*between: Between, **settings: Any) -> Reached:
            way, pauses = Way(create_app(with_settings(context, **settings)), list(between)), []
            server = make_server("127.0.0.1", 0, way, threaded=False)
            stack.callback(server.server_close)
            serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            serving.start()
            stack.callback(serving.join)
            stack.callback(server.shutdown)
            client = Client(f"http://127.0.0.1:{server.port}", api_key, timeout=20, pause=pauses.append)
            return Reached(stack.enter_context(client), way, pauses)

        yield start


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" * 100_000)
    return path


@pytest.mark.parametrize("between", [(lost,), (timed_out,), (lost, full("1"), timed_out, lost, lost)])
def test_an_upload_whose_answer_was_lost_is_one_job(
    reach: Reach, recording: Path, between: tuple[Between, ...]
) -> None:
    reached, told = reach(*between), []
    job = reached.client.submit(recording, lambda sent, total: told.append((sent, total)), language="en")
    assert [one["id"] for one in reached.client.jobs()["jobs"]] == [job["id"]]
    assert (job["recording"]["bytes"], job["options"]["language"]) == (400_000, "en")
    assert len({upload["HTTP_IDEMPOTENCY_KEY"] for upload in reached.way.uploads}) == 1
    assert len(reached.way.uploads) == len(between) + 1
    assert told[-1] == (400_000, 400_000)


def test_a_recording_whose_answer_was_lost_is_kept_once(reach: Reach, tmp_path: Path) -> None:
    path, told = media.write(tmp_path / "a.wav", media.buzz(2.0)), []
    reached = reach(lost, timed_out)
    client = reached.client
    kept = client.upload(path, lambda sent, total: told.append((sent, total)))
    assert client.recordings() == {"recordings": [kept], "next_cursor": None}
    assert client.recording(kept["id"]) == kept
    assert told[-1] == (path.stat().st_size,) * 2
    reached.way.next[:] = [lost]
    job = client.submit_recording(kept["id"], language="en")
    assert (job["recording"], job["options"]["language"]) == (kept, "en")
    assert [one["id"] for one in client.jobs()["jobs"]] == [job["id"]]
    assert client.clip(kept["id"], 0.5, 1.0).startswith(b"RIFF")
    with pytest.raises(ApiError) as refused:
        client.delete_recording(kept["id"])
    assert refused.value.code == "recording_in_use"
    client.cancel(job["id"])
    client.delete_recording(kept["id"])
    with pytest.raises(ApiError) as gone:
        client.clip(kept["id"])
    assert gone.value.status == 410


def test_each_upload_has_a_key_of_its_own_or_yours(reach: Reach, recording: Path) -> None:
    client = reach().client
    assert client.submit(recording)["id"] != client.submit(recording)["id"]
    mine = [client.submit(recording, idempotency_key="mine")["id"] for _ in range(2)]
    assert mine[0] == mine[1]
    with pytest.raises(ApiError) as refused:
        client.submit(recording, idempotency_key="mine", language="en")
    assert refused.value.code == "idempotency_mismatch"


def test_it_waits_as_long_as_the_server_says_and_longer_each_time(reach: Reach, recording: Path) -> None:
    reached = reach(full("7"), full("0"), full("soon"), lost)
    reached.client.submit(recording)
    told, second, third, fourth = reached.pauses
    assert told == 7
    assert 1 <= second <= 2 <= third <= 4 <= fourth <= 8


@pytest.mark.parametrize(("between", "uploads"), [((full("1"),) * 9, 6), ((full("3600"),), 1), ((lost,) * 9, 6)])
def test_it_does_not_try_for_ever(reach: Reach, recording: Path, between: tuple[Between, ...], uploads: int) -> None:
    reached = reach(*between)
    with pytest.raises((ApiError, ServerUnreachable)):
        reached.client.submit(recording)
    assert len(reached.way.uploads) == uploads


def test_what_another_try_cannot_help_is_not_tried_again(reach: Reach, recording: Path) -> None:
    reached = reach()
    with pytest.raises(ApiError) as refused:
        reached.client.submit(recording, priority="urgent")
    assert (refused.value.status, len(reached.way.uploads)) == (422, 1)


def test_a_full_server_says_when_to_come_back(reach: Reach, recording: Path) -> None:
    reached = reach(max_open_jobs=1)
    reached.client.submit(recording)
    with pytest.raises(ApiError) as refused:
        reached.client.submit(recording)
    assert (refused.value.code, refused.value.retry_after) == ("queue_full", reached.pauses[0])


def test_a_server_that_is_not_there_is_not_waited_for(recording: Path) -> None:
    pauses: list[float] = []
    with Client("http://127.0.0.1:9", "any", pause=pauses.append) as client, pytest.raises(ServerUnreachable) as found:
        client.submit(recording)
    assert not found.value.connected
    assert pauses == []


def test_retry_over_the_client(reach: Reach, context: Context, recording: Path) -> None:
    client = reach().client
    job = client.submit(recording)
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    assert jobs.fail(context, step, InputError("this is not a media file"))
    assert client.job(job["id"])["status"] == "failed"
    assert client.retry(job["id"])["status"] in ("queued", "processing")
    with pytest.raises(ApiError) as refused:
        client.retry(job["id"], stage="ingest")
    assert refused.value.code == "job_not_finished"


def test_transcripts_over_the_client(reach: Reach, context: Context, make_job: MakeJob) -> None:
    client, job_id = reach().client, make_job()
    ended(context, job_id, SPOKEN)
    shaped = client.rendered(str(job_id), "srt", max_chars=10, max_lines=1, speakers=False)
    assert [line for line in shaped.splitlines() if line.isalpha() or line.endswith(".")] == ["Good", "morning."]
    assert client.rendered(str(job_id), "txt", speakers=None) == "Good morning.\n"
    assert client.rendered_bytes(str(job_id), "docx").startswith(b"PK")
    with pytest.raises(ApiError) as refused:
        client.rendered(str(job_id), "ctm", speakers=True)
    assert (refused.value.status, refused.value.code) == (422, "invalid_request")
