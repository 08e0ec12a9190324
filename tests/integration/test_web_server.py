"""The real server: gunicorn as it is run, spoken to over a socket."""

import json
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from core import keys
from core.context import Context
from tests.integration.web_api import FORM, PART, TAIL
from tests.integration.web_server import Server, serving, until

LIMIT = 1_000_000


@pytest.fixture
def server(context: Context, tmp_path: Path) -> Iterator[Server]:
    with serving(context, tmp_path, MAX_UPLOAD_BYTES=LIMIT) as started:
        yield started


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
    with socket.create_connection(server.address, timeout=30) as caller:
        caller.sendall(head.encode() + bytes(200_000))
        until(lambda: bool(server.incoming()))
    until(lambda: not server.incoming())
    assert client.get("/v1/jobs").json()["jobs"] == []


def head(client: httpx2.Client, *lines: str) -> bytes:
    """Of an upload."""
    said = ("POST /v1/jobs HTTP/1.1", "Host: x", f"Authorization: {client.headers['Authorization']}", *lines)
    return "\r\n".join([*said, f"Content-Type: {FORM}", "", ""]).encode()


def said(caller: socket.socket) -> bytes:
    """All that the server says until it closes."""
    with caller.makefile("rb") as stream:
        return stream.read()


def test_uploads_that_stall_are_ended_and_free_their_threads(
    context: Context, tenant: keys.Tenant, api_key: str, tmp_path: Path
) -> None:
    authorization = {"Authorization": f"Bearer {api_key}"}
    with (
        serving(context, tmp_path, UPLOAD_STALL=0.5, WEB_THREADS=2) as server,
        httpx2.Client(base_url=server.url, headers=authorization, timeout=60) as client,
        ExitStack() as stack,
    ):
        client.get("/healthz")
        stalled = [stack.enter_context(socket.create_connection(server.address, timeout=30)) for _ in range(5)]
        for number, caller in enumerate(stalled):
            body = (PART + bytes(100_000))[: 100_000 if number else 0]
            caller.sendall(head(client, "Content-Length: 500000") + body)
        for caller in stalled:
            answer = said(caller)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"request_timeout" in answer
        assert client.post("/v1/jobs", files={"file": ("a.wav", b"RIFF")}).status_code == 202
        assert not server.incoming()
        assert len(client.get("/v1/jobs").json()["jobs"]) == 1


def test_an_upload_that_drips_is_ended_too(context: Context, api_key: str, tenant: keys.Tenant, tmp_path: Path) -> None:
    """Never silent for long, and never done: each byte comes in time."""
    authorization = {"Authorization": f"Bearer {api_key}"}
    with (
        serving(context, tmp_path, UPLOAD_STALL=30, UPLOAD_LIMIT=1) as server,
        httpx2.Client(base_url=server.url, headers=authorization, timeout=60) as client,
        socket.create_connection(server.address, timeout=30) as dripping,
    ):
        dripping.sendall(head(client, "Content-Length: 500000") + PART)
        answers: list[bytes] = []
        answer = threading.Thread(target=lambda: answers.append(said(dripping)))
        answer.start()
        drip(dripping, answer)
        assert answers[0].startswith(b"HTTP/1.1 408 ")
        assert not server.incoming()


def drip(into: socket.socket, until_ends: threading.Thread) -> None:
    """A byte now and then, for as long as somebody listens."""
    while until_ends.is_alive():
        try:
            into.sendall(b"x")
        except OSError:  # it was shut meanwhile
            pass
        until_ends.join(0.05)


@pytest.mark.parametrize(
    "request_",
    [b"GET /healthz HTTP/1.1\r\nHo", b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 100],
    ids=["in the middle of a head", "with answers that it does not take"],
)
def test_a_caller_who_falls_silent_frees_its_thread_too(context: Context, tmp_path: Path, request_: bytes) -> None:
    with serving(context, tmp_path, UPLOAD_STALL=0.5, WEB_THREADS=2) as server, ExitStack() as stack:
        assert httpx2.get(f"{server.url}/healthz").status_code == 200
        for _ in range(3):
            silent = stack.enter_context(socket.socket())
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            silent.connect(server.address)
            silent.sendall(request_)
        until(lambda: server.log.read_text().count("Socket error processing request") == 3)
        assert httpx2.get(f"{server.url}/healthz", timeout=60).status_code == 200


def test_a_body_that_waits_to_be_invited_is_refused_unsent(client: httpx2.Client, server: Server) -> None:
    client.get("/healthz")
    lines = ("Content-Length: 500000", "Expect: 100-continue", "Idempotency-Key: two words")
    with socket.create_connection(server.address, timeout=30) as caller:
        caller.sendall(head(client, *lines))
        answer = said(caller)
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert b"Connection: close" in answer
    assert not server.incoming()


def test_a_body_that_waits_to_be_invited_is_invited(client: httpx2.Client, server: Server) -> None:
    body = PART + b"RIFF" + TAIL
    with socket.create_connection(server.address, timeout=30) as caller:
        caller.sendall(head(client, f"Content-Length: {len(body)}", "Expect: 100-continue"))
        invitation = b"HTTP/1.1 100 Continue\r\n\r\n"
        with caller.makefile("rb") as stream:
            assert stream.read(len(invitation)) == invitation
            caller.sendall(body)
            assert stream.read().startswith(b"HTTP/1.1 202 ")


def test_a_disk_that_fills_up_in_the_middle_keeps_nothing(
    context: Context, tenant: keys.Tenant, api_key: str, tmp_path: Path
) -> None:
    def no_room() -> None:
        """No file grows over 1 MB: to the server what a full disk is, an error of a write."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))

    authorization = {"Authorization": f"Bearer {api_key}", "Content-Type": FORM}
    with (
        serving(context, tmp_path, before=no_room) as server,
        httpx2.Client(base_url=server.url, headers=authorization, timeout=60) as client,
    ):
        form = (PART, *[bytes(65536)] * 100, TAIL)
        answered = client.post("/v1/jobs", content=iter(form))
        assert (answered.status_code, answered.json()["status"]) == (503, 503)
        assert int(answered.headers["Retry-After"]) > 0
        assert not server.incoming()
        assert client.get("/v1/jobs").json()["jobs"] == []
        assert client.post("/v1/jobs", content=iter((PART, b"RIFF", TAIL))).status_code == 202


def test_requests_that_wait_leave_room_for_others(client: httpx2.Client, server: Server) -> None:
    job = client.post("/v1/jobs", files={"file": ("a.wav", b"RIFF")}).json()
    request = (
        f"GET /v1/jobs/{job['id']}?wait=60 HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['Authorization']}\r\n"
        "Connection: close\r\n\r\n"
    )
    waiting = [socket.create_connection(server.address, timeout=30) for _ in range(6)]
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
