"""The real server: gunicorn as it is run, spoken to over a socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from core import keys
from core.context import Context

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 1_000_000


@dataclass(frozen=True)
class Server:
    process: "subprocess.Popen[bytes]"
    address: tuple[str, int]
    home: Path
    data: Path

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    def incoming(self) -> list[Path]:
        return list((self.data / "blobs").rglob(".incoming/*"))


@pytest.fixture
def server(context: Context, tmp_path: Path) -> Iterator[Server]:
    listener = socket.create_server(("127.0.0.1", 0))
    environment = {
        **os.environ, "DATABASE_URL": context.settings.database_url, "REDIS_URL": context.settings.redis_url,
        "SCRIPTORIUM_DATA": str(tmp_path / "data"), "SCRIPTORIUM_MAX_UPLOAD_BYTES": str(LIMIT), "HOME": str(tmp_path),
        "SCRIPTORIUM_MIN_FREE_BYTES": "0", "SCRIPTORIUM_MIN_FREE_SHARE": "0", "SCRIPTORIUM_WEB_THREADS": "4",
    }  # fmt: skip
    environment.pop("XDG_RUNTIME_DIR", None)
    command = ["-m", "gunicorn", "-c", "python:web.gunicorn_config", "--bind", f"fd://{listener.fileno()}"]
    with (
        listener,
        subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment, pass_fds=[listener.fileno()]
        ) as process,
    ):
        yield Server(process, listener.getsockname(), tmp_path, tmp_path / "data")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@pytest.fixture
def client(server: Server, tenant: keys.Tenant, api_key: str) -> Iterator[httpx2.Client]:
    """Its first request waits in the listener's backlog until the server is up."""
    with httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {api_key}"}, timeout=60) as client:
        yield client


def test_a_recording_goes_in_and_nothing_lies_in_the_home_folder(client: httpx2.Client, server: Server) -> None:
    answered = client.post("/v1/jobs", files={"file": ("a.wav", b"RIFF" * 1000)}, data={"language": "en"})
    assert answered.status_code == 202
    assert client.get(answered.headers["Location"]).json() == answered.json()
    assert client.get("/readyz").json()["status"] == "ok"
    assert [path.name for path in server.home.iterdir()] == ["data"]


def test_a_body_of_unknown_length_is_taken(client: httpx2.Client) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nRIFF\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answered = client.post("/v1/jobs", content=(form[n : n + 7] for n in range(0, len(form), 7)), headers=headers)
    assert (answered.status_code, answered.json()["recording"]["bytes"]) == (202, 4)


@pytest.mark.parametrize("key", ["known", "unknown"])
def test_a_refusal_reaches_a_caller_who_is_still_sending(client: httpx2.Client, server: Server, key: str) -> None:
    if key == "unknown":
        client.headers["Authorization"] = "Bearer sk_wrong"
    answered = client.post("/v1/jobs", files={"file": ("a.wav", bytes(40_000_000))})
    assert answered.status_code == (413 if key == "known" else 401)
    assert answered.json()["code"] == ("upload_too_large" if key == "known" else "unauthorized")
    assert client.get("/healthz").status_code == 200
    assert not server.incoming()


def test_a_caller_who_goes_away_leaves_nothing_behind(client: httpx2.Client, server: Server) -> None:
    client.get("/healthz")
    head = (
        f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['Authorization']}\r\n"
        "Content-Length: 500000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    )
    with socket.create_connection(server.address) as caller:
        caller.sendall(head.encode() + bytes(200_000))
        until(lambda: bool(server.incoming()))
    until(lambda: not server.incoming())
    assert client.get("/v1/jobs").json()["jobs"] == []


def test_requests_that_wait_leave_room_for_others(client: httpx2.Client, server: Server) -> None:
    job = client.post("/v1/jobs", files={"file": ("a.wav", b"RIFF")}).json()
    request = (
        f"GET /v1/jobs/{job['id']}?wait=60 HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['Authorization']}\r\n"
        "Connection: close\r\n\r\n"
    )
    waiting = [socket.create_connection(server.address) for _ in range(6)]
    try:
        for caller in waiting:
            caller.sendall(request.encode())
        assert client.get("/healthz").status_code == 200
        assert client.post(f"/v1/jobs/{job['id']}/cancel").json()["status"] == "cancelled"
        for caller in waiting:
            with caller.makefile("rb") as stream:
                assert json.loads(stream.read().partition(b"\r\n\r\n")[2])["id"] == job["id"]
    finally:
        for caller in waiting:
            caller.close()


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Looks until it holds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)
