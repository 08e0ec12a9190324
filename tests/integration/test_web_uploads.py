"""Recordings on their way in: every byte to storage, nothing left behind when it goes wrong."""

import base64
import hashlib
import io
import tracemalloc
from typing import Any
from uuid import UUID

import pytest

from core import jobs
from core.context import Context
from core.keys import Tenant
from tests.integration.web_api import BOUNDARY, FORM, PART, Caller, Endless, problem, with_settings
from web import schemas


def test_a_form_becomes_a_job(caller: Caller, context: Context, tenant: Tenant) -> None:
    answered = caller.upload(data=b"RIFF\r\n--\r\n" * 20_000, language="zh-CN", diarization="true", hotwords='["Ann"]')
    assert answered.status_code == 202
    schemas.Job.model_validate(answered.json)
    assert answered.headers["Location"] == f"/v1/jobs/{answered.json['id']}"
    assert (
        answered.json["options"] | {"language": "zh-CN", "diarization": True, "hotwords": ["Ann"]}
        == answered.json["options"]
    )
    assert answered.json["recording"]["bytes"] == 200_000
    assert answered.json["recording"]["filename"] == "weekly meeting.wav"
    (kept,) = caller.stored()
    assert kept.read_bytes() == b"RIFF\r\n--\r\n" * 20_000
    assert jobs.show(context, tenant, UUID(answered.json["id"])) == answered.json


def test_json_with_base64_becomes_a_job(caller: Caller) -> None:
    audio = base64.encodebytes(b"RIFF" * 1000).decode()
    answered = caller.call("POST", "/v1/jobs", json={"audio": audio, "metadata": {"room": "4"}, "language": None})
    assert answered.status_code == 202
    assert (answered.json["recording"]["bytes"], answered.json["metadata"]) == (4000, {"room": "4"})


def test_the_path_in_a_file_name_is_dropped(caller: Caller) -> None:
    form = {"file": (io.BytesIO(b"RIFF"), "../../secret/call.wav")}
    assert caller.call("POST", "/v1/jobs", data=form).json["recording"]["filename"] == "call.wav"


def test_a_file_name_in_no_known_script_is_told_apart_from_damage(caller: Caller) -> None:
    part = PART.replace(b'filename="', b'filename="\xff')
    refused = caller.upload_from(io.BytesIO(part))
    assert "UTF-8" in problem(refused, 400, "bad_request")["detail"]
    assert not caller.stored()


@pytest.mark.parametrize(
    ("fields", "field", "allowed"),
    [
        ({"priority": "urgent"}, "priority", ["low", "normal", "high"]),
        ({"volume": "11"}, "volume", None),
        ({"clip_start": "soon"}, "clip_start", None),
        ({"metadata": "{"}, "metadata", None),
        ({"tag": "a\0"}, "tag", None),
        ({"prompt": "x" * 2_000_000}, "prompt", None),
    ],
)
def test_a_bad_option_names_itself_and_leaves_nothing(
    caller: Caller, fields: dict[str, Any], field: str, allowed: list[str] | None
) -> None:
    body = problem(caller.upload(**fields), 422, "invalid_request")
    assert body["errors"][0]["field"] == field
    if allowed:
        assert body["errors"][0]["allowed"] == allowed
    assert not caller.stored()


@pytest.mark.parametrize("model", ["no-such", "/etc", "core", "../main", "/nowhere"])
def test_an_unknown_model_is_refused_and_no_folder_is_looked_into(caller: Caller, model: str) -> None:
    body = problem(caller.upload(model=model), 422, "unknown_model")
    assert "large-v3" in body["errors"][0]["allowed"]
    assert body["errors"][0]["message"] == "is not a known name or owner/name"
    assert not caller.stored()


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"data": {"language": "en"}, "content_type": FORM.split(";")[0]}, 422, "invalid_request"),
        ({"data": {"video": (io.BytesIO(b"x"), "a.mp4")}}, 422, "invalid_request"),
        ({"data": {"file": (io.BytesIO(b""), "a.wav")}}, 422, "empty_file"),
        ({"json": {"audio": ""}}, 422, "empty_file"),
        ({"json": {"audio": "not base64!"}}, 422, "invalid_request"),
        ({"json": {"audio": "QQ"}}, 422, "invalid_request"),
        ({"json": {"audio": 7}}, 422, "invalid_request"),
        ({"json": {"language": "en"}}, 422, "invalid_request"),
        ({"json": ["QQ=="]}, 400, "bad_request"),
        ({"data": b"{", "content_type": "application/json"}, 400, "bad_request"),
        ({"data": b"[" * 200_000, "content_type": "application/json"}, 400, "bad_request"),
        ({"data": b"RIFF", "content_type": "text/plain"}, 415, "unsupported_media_type"),
        ({"data": b"RIFF", "content_type": "multipart/form-data"}, 400, "bad_request"),
        ({"data": b"RIFF", "content_type": FORM}, 400, "bad_request"),
        ({"data": b"RIFF" * 500_000, "content_type": FORM}, 400, "bad_request"),
        ({}, 415, "unsupported_media_type"),
    ],
)
def test_what_is_no_upload_is_refused(caller: Caller, request_: dict[str, Any], status: int, code: str) -> None:
    problem(caller.call("POST", "/v1/jobs", **request_), status, code)
    assert not caller.stored()


@pytest.mark.parametrize(
    ("body", "claimed"),
    [
        (PART + b"RIFF" * 50_000, None),
        (PART + b"RIFF" * 50_000, 10_000_000),
        (PART + b"RIFF\r\n--" + BOUNDARY.encode()[:5], None),
    ],
    ids=["no end", "fewer bytes than claimed", "ends inside the boundary"],
)
def test_a_body_that_breaks_off_leaves_nothing(caller: Caller, body: bytes, claimed: int | None) -> None:
    broken = {"input_stream": io.BytesIO(body), "content_length": claimed or len(body), "content_type": FORM}
    problem(caller.call("POST", "/v1/jobs", **broken), 400, "bad_request")
    assert not caller.stored()
    assert caller.call("GET", "/v1/jobs").json == {"jobs": [], "next_cursor": None}


def test_two_recordings_in_one_request_are_refused(caller: Caller) -> None:
    two = PART + b"RIFF\r\n" + PART + b"RIFF\r\n--" + BOUNDARY.encode() + b"--\r\n"
    problem(caller.call("POST", "/v1/jobs", data=two, content_type=FORM), 422, "invalid_request")
    assert not caller.stored()


@pytest.mark.parametrize("size", [1001, 100_000, 3_000_000])
def test_a_file_over_the_limit_is_refused(context: Context, caller: Caller, size: int) -> None:
    small = Caller(with_settings(context, max_upload_bytes=1000, max_json_audio_bytes=900), caller.key)
    assert small.upload(data=b"x" * 1000).status_code == 202
    problem(small.upload(data=b"x" * size), 413, "upload_too_large")
    audio = base64.b64encode(b"x" * size).decode()
    problem(small.call("POST", "/v1/jobs", json={"audio": audio}), 413, "upload_too_large")
    assert len(caller.stored()) == 1


def test_memory_does_not_grow_with_the_file(caller: Caller) -> None:
    caller.upload()  # imports and caches are paid for
    body = Endless(64 * 2**20)
    zeros = hashlib.sha256()
    for _ in range(64):
        zeros.update(bytes(2**20))
    tracemalloc.start()
    try:
        said = {"X-Content-SHA256": zeros.hexdigest()}
        answered = caller.upload_from(body, said, CONTENT_LENGTH=str(body.length))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answered.status_code == 202, answered.text
    assert answered.json["recording"]["bytes"] == 64 * 2**20
    assert body.largest <= 2**20
    assert peak < 8 * 2**20
    assert 64 * 2**20 in [path.stat().st_size for path in caller.stored()]
    caller.call("DELETE", answered.headers["Location"])
