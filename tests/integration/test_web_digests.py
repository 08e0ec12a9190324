"""What a caller says of its bytes is held against the bytes that came."""

import base64
import hashlib
import json
from typing import Any

import pytest

from tests.integration.web_api import BOUNDARY, FORM, PART, TAIL, Caller, Endless, problem

RECORDING = b"RIFF" * 50_000
WHOLE = PART + RECORDING + TAIL


def digest(data: bytes, algorithm: str = "sha-256") -> str:
    hashed = hashlib.new(algorithm.replace("-", ""), data).digest()
    return f"{algorithm}=:{base64.b64encode(hashed).decode()}:"


def hexadecimal(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def with_part_header(value: str) -> bytes:
    return PART[:-2] + f"Content-Digest: {value}\r\n\r\n".encode() + RECORDING + TAIL


GOOD = [
    {"Content-Digest": digest(WHOLE)},
    {"Content-Digest": digest(WHOLE, "sha-512")},
    {"Content-Digest": f"{digest(WHOLE)}, {digest(WHOLE, 'sha-512')}"},
    {"Content-Digest": f"md5=:AAAA:,\t{digest(WHOLE)}"},
    {"Content-Digest": f"{digest(b'an earlier one')}, {digest(WHOLE)}"},
    {"Content-Digest": digest(WHOLE).rstrip("=:") + ":"},  # without the padding
    {"Content-Digest": f"{digest(WHOLE)};from=here"},
    {"X-Content-SHA256": hexadecimal(RECORDING)},
    {"X-Content-SHA256": hexadecimal(RECORDING).upper()},
    {"X-Content-SHA256": hexadecimal(RECORDING), "Content-Digest": digest(WHOLE)},
]


@pytest.mark.parametrize("headers", GOOD)
def test_bytes_that_are_what_they_should_be_become_a_job(caller: Caller, headers: dict[str, str]) -> None:
    answered = caller.call("POST", "/v1/jobs", data=WHOLE, content_type=FORM, headers=headers)
    assert answered.status_code == 202, answered.text
    assert answered.json["recording"]["sha256"] == hexadecimal(RECORDING)


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"Content-Digest": digest(RECORDING)}, "Content-Digest"),
        ({"Content-Digest": f"{digest(WHOLE)}, {digest(b'', 'sha-512')}"}, "Content-Digest"),
        ({"X-Content-SHA256": hexadecimal(WHOLE)}, "X-Content-SHA256"),
        ({"X-Content-SHA256": hexadecimal(b""), "Content-Digest": digest(WHOLE)}, "X-Content-SHA256"),
    ],
)
def test_other_bytes_are_refused_and_not_kept(caller: Caller, headers: dict[str, str], named: str) -> None:
    answered = caller.call("POST", "/v1/jobs", data=WHOLE, content_type=FORM, headers=headers)
    assert problem(answered, 422, "digest_mismatch")["errors"][0]["field"] == named
    assert not caller.stored()
    assert caller.call("GET", "/v1/jobs").json["jobs"] == []


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-512"])
def test_the_part_may_carry_its_own_digest(caller: Caller, algorithm: str) -> None:
    right, wrong = with_part_header(digest(RECORDING, algorithm)), with_part_header(digest(WHOLE, algorithm))
    assert caller.call("POST", "/v1/jobs", data=right, content_type=FORM).status_code == 202
    refused = caller.call("POST", "/v1/jobs", data=wrong, content_type=FORM)
    assert problem(refused, 422, "digest_mismatch")["errors"][0]["field"] == "Content-Digest"
    both = with_part_header(f"{digest(RECORDING)}\r\nContent-Digest: {digest(WHOLE, 'sha-512')}")
    problem(caller.call("POST", "/v1/jobs", data=both, content_type=FORM), 422, "digest_mismatch")
    bad = caller.call("POST", "/v1/jobs", data=with_part_header("sha-1=:AAAA:"), content_type=FORM)
    problem(bad, 422, "invalid_request")
    assert len(caller.stored()) == 1


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Content-SHA256": hexadecimal(RECORDING)}, None),
        ({"X-Content-SHA256": hexadecimal(base64.b64encode(RECORDING))}, "digest_mismatch"),
        ({"Content-Digest": digest(b"{}")}, "digest_mismatch"),
    ],
)
def test_json_is_checked_too(caller: Caller, headers: dict[str, str], code: str | None) -> None:
    body = json.dumps({"audio": base64.b64encode(RECORDING).decode()}).encode()
    whole = {"Content-Digest": digest(body), **headers}
    answered = caller.call("POST", "/v1/jobs", data=body, content_type="application/json", headers=whole)
    if code:
        problem(answered, 422, code)
    assert len(caller.stored()) == (0 if code else 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Content-Digest", value)
        for value in (
            "", "sha-256", "sha-256=abc", "sha-256=:YWJj:", "sha-256=:!:", "sha-1=:YWJj:", "md5=:YWJj:, adler=:YWJj:",
            digest(b"").upper(), digest(b"") + ",", f"{digest(b'')} {digest(b'')}",
        )
    ]
    + [("X-Content-SHA256", value) for value in ("", "abc", "g" * 64, digest(b""))],
)  # fmt: skip
def test_a_digest_that_says_nothing_is_refused_before_the_body(caller: Caller, name: str, value: str) -> None:
    body = Endless(1000)
    answered = caller.upload_from(body, {name: value}, CONTENT_LENGTH=str(body.length))
    fault: dict[str, Any] = problem(answered, 422, "invalid_request")["errors"][0]
    assert fault["field"] == name
    assert name == "X-Content-SHA256" or fault["allowed"] == ["sha-256", "sha-512"]
    assert body.taken == 0


def test_the_simple_call_checks_too(caller: Caller) -> None:
    body = WHOLE.replace(b'name="file"', b'name="audio"')
    headers = {"X-Content-SHA256": hexadecimal(b"another")}
    answered = caller.call("POST", "/v1/asr", data=body, content_type=FORM, headers=headers)
    assert (answered.status_code, answered.json["error"]["code"]) == (422, "digest_mismatch")


def test_what_follows_the_recording_is_part_of_the_content(caller: Caller) -> None:
    field = f'\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name="language"\r\n\r\nen'.encode()
    whole = PART + RECORDING + field + TAIL + b"an epilogue"
    sent = {"data": whole, "content_type": FORM}
    assert caller.call("POST", "/v1/jobs", **sent, headers={"Content-Digest": digest(whole)}).status_code == 202
    problem(caller.call("POST", "/v1/jobs", **sent, headers={"Content-Digest": digest(WHOLE)}), 422, "digest_mismatch")
