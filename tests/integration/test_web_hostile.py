"""Requests that no client would send, at the real gunicorn: each gets a problem or is cut off, and none a 5xx."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import keys
from core.context import Context
from tests.integration.web_api import FORM, PART, TAIL
from tests.integration.web_server import Server, serving

ID = "0198c5a4-0000-7000-8000-000000000000"
JSON = "application/json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(shared_context: Context, folder: Path) -> Iterator[Server]:
    with serving(shared_context, folder, UPLOAD_STALL=0.5) as started:
        yield started


@pytest.fixture
def authorization(context: Context, tenant: keys.Tenant, api_key: str) -> str:
    return f"Authorization: Bearer {api_key}"


def told(server: Server, *parts: bytes) -> bytes:
    """All that the server says to these bytes until it closes."""
    with socket.create_connection(server.address, timeout=60) as caller:
        try:
            for part in parts:
                caller.sendall(part)
            caller.shutdown(socket.SHUT_WR)
        except OSError:  # it has refused, and closed
            pass
        answer = b""
        try:
            while data := caller.recv(2**16):
                answer += data
        except ConnectionResetError:
            pass
        return answer


def head(line: str, *lines: str) -> bytes:
    return "\r\n".join([line, "Host: x", "Connection: close", *lines, "", ""]).encode("latin-1", "surrogateescape")


def sent(server: Server, authorization: str, body: bytes, kind: str, path: str = "/v1/jobs") -> bytes:
    lines = (authorization, f"Content-Type: {kind}", f"Content-Length: {len(body)}")
    return told(server, head(f"POST {path} HTTP/1.1", *lines), body)


def refused(answer: bytes) -> str:
    """The problem's code. Of what never reached the application, the status that gunicorn gives."""
    status = int(answer.split(b" ", 2)[1])
    assert 400 <= status < 500, answer[:300]
    _, _, body = answer.partition(b"\r\n\r\n")
    return json.loads(body)["code"] if body.startswith(b"{") else str(status)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 100_000, id="100,000 deep"),
        pytest.param(b'{"metadata":' * 50_000 + b"1" + b"}" * 50_000, id="objects 50,000 deep"),
        pytest.param(b'{"audio": "UklGRg==", "metadata": {"a": ' + b"[" * 500 + b"]" * 500 + b"}}", id="500 deep"),
        pytest.param(b'{"audio": "UklGRg==", "clip_start": NaN}', id="NaN"),
        pytest.param(b'{"audio": "UklGRg==", "clip_start": -Infinity}', id="infinite"),
        pytest.param(b'{"audio": "UklGRg==", "clip_start": 1e999}', id="1e999"),
        pytest.param(b'{"audio": "UklGRg==", "speakers": ' + b"9" * 10_000 + b"}", id="10,000 digits"),
        pytest.param(b'{"audio": "UklGRg==", "delete_after_seconds": 1e300}', id="1e300 seconds"),
        pytest.param(b'{"audio": "UklGRg==", "metadata": {"a": NaN}}', id="NaN in metadata"),
        pytest.param(b'{"audio": "UklGRg==", "tag": "\xff\xfe"}', id="invalid UTF-8"),
        pytest.param(b'{"audio": "UklGRg==", "tag": "\\ud800"}', id="half a surrogate pair"),
        pytest.param(b'{"audio": "UklGRg==", "tag": "\\u0000"}', id="NUL"),
        pytest.param(b'{"audio": {"a": 1}}', id="audio is no text"),
        pytest.param(b'"' + b"a" * 1000, id="no end"),
        pytest.param(b"null", id="null"),
        pytest.param(b"", id="nothing"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/asr", f"/v1/jobs/{ID}/speakers/merge"])
def test_json_that_is_none(server: Server, authorization: str, path: str, body: bytes) -> None:
    answer = sent(server, authorization, body, JSON, path)
    if path.startswith("/v1/asr"):
        assert b" 4" in answer[:13]
    else:
        assert refused(answer) in {
            "bad_request", "invalid_request", "not_found", "unsupported_media_type", "job_not_finished",
        }  # fmt: skip


FIELD = b'\r\n--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s'


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(
            b"".join(FIELD % (b"f%d" % n, b"v") for n in range(10_000)) + b"\r\n--x--", "x", id="10,000 fields"
        ),
        pytest.param(FIELD % (b"tag", b"a") * 2 + b"\r\n--x--", "x", id="a field twice"),
        pytest.param(FIELD % (b"a" * 50_000, b"v") + b"\r\n--x--", "x", id="a name of 50,000"),
        pytest.param(b"\r\n--x\r\n" + b"A: b\r\n" * 10_000 + b"\r\n\r\n--x--", "x", id="10,000 heads of a part"),
        pytest.param(b"\r\n--x\r\n\r\nv\r\n--x--", "x", id="a part without a head"),
        pytest.param(b"\r\n--x\r\nContent-Disposition: attachment\r\n\r\nv\r\n--x--", "x", id="a part of no form"),
        pytest.param(b"\r\n--x--", "x", id="no part"),
        pytest.param(b"\r\n--y--", "x", id="another boundary"),
        pytest.param(b"\r\n--x--", "x" * 5_000, id="a boundary of 5,000"),
        pytest.param(b"\r\n--x--", '"', id="a boundary of nothing"),
        pytest.param(PART[:20], "x", id="cut off in a head"),
    ],
)
def test_forms_that_are_none(server: Server, authorization: str, body: bytes, kind: str) -> None:
    answer = sent(server, authorization, body, f"multipart/form-data; boundary={kind}")
    assert refused(answer) in {"bad_request", "invalid_request", "request_entity_too_large"}
    assert not server.incoming()


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("Content-Length: -1",), id="a negative length"),
        pytest.param(("Content-Length: 99999999999999999999999",), id="a length of 10^23"),
        pytest.param(("Content-Length: 5", "Content-Length: 6"), id="two lengths"),
        pytest.param(("Content-Length: 5", "Transfer-Encoding: chunked"), id="a length, and chunks"),
        pytest.param(("Transfer-Encoding: chunked, chunked",), id="chunks of chunks"),
        pytest.param(("Transfer-Encoding: gzip",), id="an encoding that is not taken"),
        pytest.param(("X-Long: " + "a" * 100_000,), id="a head of 100 KB"),
        pytest.param(tuple(f"X-{n}: a" for n in range(1000)), id="1,000 heads"),
        pytest.param(("Bad Name: a",), id="a blank in a name"),
        pytest.param(("X-A: a\0b",), id="NUL in a head"),
    ],
)
def test_heads_that_lie(server: Server, authorization: str, lines: tuple[str, ...]) -> None:
    answer = told(server, head("POST /v1/jobs HTTP/1.1", authorization, f"Content-Type: {FORM}", *lines), PART + TAIL)
    assert not answer or refused(answer)


@pytest.mark.parametrize(
    "chunks", [b"zz\r\nabc\r\n0\r\n\r\n", b"ffffffffffffffff\r\nabc", b"-1\r\nabc\r\n", b"5\r\nab", b"\r\n"]
)
def test_chunks_that_lie(server: Server, authorization: str, chunks: bytes) -> None:
    lines = (authorization, f"Content-Type: {FORM}", "Transfer-Encoding: chunked")
    answer = told(server, head("POST /v1/jobs HTTP/1.1", *lines), chunks)
    assert not answer or refused(answer)
    assert not server.incoming()


@pytest.mark.parametrize(
    "target",
    [
        "/v1/jobs/../../etc/passwd", "/v1/jobs/..%2f..%2fetc%2fpasswd", "/v1/jobs/%00", "/v1/jobs/" + "a" * 3000,
        f"/v1/jobs/{ID}%0d%0aX-Injected:1", f"/v1/jobs/{ID}/transcript?format=../../x", "/v1/jobs/%ff%fe",
        f"/v1/jobs/{ID}/speakers/%2e%2e%2f", "//v1//jobs//x", "/v1/jobs?cursor=%00", "/v1/jobs?limit=9999999999999",
        "/v1/jobs?" + "&".join(f"a{n}=1" for n in range(1000)), "/v1/jobs?wait=nan&limit=1e9", "*", "http://[::1",
        f"/v1/jobs/{ID}?wait=inf", f"/v1/jobs/{ID}/segments?after=-99999999999999999999999",
    ],
    ids=lambda target: target[:40],
)  # fmt: skip
def test_addresses_that_lead_elsewhere(server: Server, authorization: str, target: str) -> None:
    answer = told(server, head(f"GET {target} HTTP/1.1", authorization))
    assert refused(answer)
    assert b"X-Injected:" not in answer.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    "line", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\0" * 500, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_what_is_no_http(server: Server, line: bytes) -> None:
    answer = told(server, line)
    assert not answer or answer.startswith(b"HTTP/1.1 4")


def test_the_server_is_well_afterwards(server: Server, authorization: str) -> None:
    """Last: it has met them all."""
    answer = sent(server, authorization, PART + b"RIFF" + TAIL, FORM)
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert "Traceback" not in server.log.read_text()
