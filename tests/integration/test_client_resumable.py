"""The client's upload over lines that break, to the application behind a real socket."""

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from werkzeug.serving import make_server

from core import recordings
from core.context import Context
from core.keys import Tenant
from scriptorium.client import ApiError, Client
from tests.fakes import media
from web.app import create_app

Between = Callable[[Any, dict[str, Any], Any], Any]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.write(tmp_path_factory.mktemp("sound") / "meeting.wav", media.buzz(20.0))


class Cut:
    """A body of which only the first bytes come through."""

    def __init__(self, body: Any, left: int) -> None:
        self._body, self._left = body, left

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._body.read(min(size, self._left) if size >= 0 else self._left)
        self._left -= len(data)
        return data


def cut(left: int) -> Between:
    """So many bytes reach the server, and no answer the client."""

    def broken(app: Any, environ: dict[str, Any], start_response: Any) -> Any:
        body = Cut(environ["wsgi.input"], min(left, int(environ["CONTENT_LENGTH"])))
        environ.update({"wsgi.input": body, "wsgi.input_terminated": True})
        answer = app(environ, lambda *_: None)
        for _ in answer:
            pass
        answer.close()
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError

    return broken


def refused(status: str) -> Between:
    def refuse(_app: Any, environ: dict[str, Any], start_response: Any) -> Any:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(status, [("Content-Length", "0")])
        return []

    return refuse


@contextmanager
def line(context: Context, api_key: str, pauses: list[float], **ways: list[Between]) -> Iterator[Client]:
    """To the server: requests of a method meet its `ways` one after the other, then pass."""
    app = create_app(context)

    def way(environ: dict[str, Any], start_response: Any) -> Any:
        between = ways.get(environ["REQUEST_METHOD"]) if environ["PATH_INFO"].startswith("/v1/uploads") else None
        return between.pop(0)(app, environ, start_response) if between else app(environ, start_response)

    server = make_server("127.0.0.1", 0, way, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with Client(f"http://127.0.0.1:{server.server_port}", api_key, pause=pauses.append) as client:
            yield client
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_upload_goes_on_where_each_line_broke(context: Context, tenant: Tenant, api_key: str, sound: Path) -> None:
    pauses: list[float] = []
    told: list[tuple[int, int]] = []
    size = sound.stat().st_size
    broken = [cut(100_000), refused("423 Locked"), cut(0), cut(200_000), cut(size)]
    ways = {"POST": [refused("503 Service Unavailable")], "PATCH": broken, "HEAD": [refused("502 Bad Gateway")]}
    with line(context, api_key, pauses, **ways) as client:
        recording_id = client.upload_resumable(sound, lambda *now: told.append(now))["id"]
        job = client.submit_recording(recording_id, language="en")
    assert not any(ways.values()), "each way was gone"
    assert len(pauses) == 7
    found = recordings.show(context, tenant, UUID(recording_id))
    assert found["sha256"] == job["recording"]["sha256"] == hashlib.sha256(sound.read_bytes()).hexdigest()
    assert found["filename"] == "meeting.wav"
    assert told[-1] == (size, size)


def test_an_upload_that_makes_no_progress_is_given_up(
    context: Context, tenant: Tenant, api_key: str, sound: Path
) -> None:
    pauses: list[float] = []
    full = [refused("503 Service Unavailable")] * 100
    with line(context, api_key, pauses, PATCH=full) as client, pytest.raises(ApiError) as found:
        client.upload_resumable(sound)
    assert found.value.status == 503
    assert len(pauses) == 9


def test_what_cannot_succeed_is_not_sent_again(context: Context, tenant: Tenant, api_key: str, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"this is no sound")
    pauses: list[float] = []
    with line(context, api_key, pauses) as client, pytest.raises(ApiError) as found:
        client.upload_resumable(tmp_path / "a.wav")
    assert (found.value.code, pauses) == ("invalid_media", [])
