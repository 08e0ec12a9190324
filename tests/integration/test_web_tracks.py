"""A meeting that comes as several recordings, in one form."""

import hashlib
import io
import json
from base64 import b64encode
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.integration.web_api import Caller
from web import schemas

ONE, TWO = b"RIFF one", b"RIFF two"


def send(
    caller: Caller, *parts: tuple[str, bytes], headers: dict[str, str] | None = None, **fields: Any
) -> TestResponse:
    form: dict[str, Any] = dict(fields)
    for name, content in parts:
        form.setdefault(name, []).append((io.BytesIO(content), f"{content.decode()}.wav"))
    return caller.call("POST", "/v1/jobs", data=form, headers=headers or {})


def test_each_part_is_a_track(caller: Caller) -> None:
    told = {"tracks": [{"name": "Ann"}, {"name": "Bob", "offset_seconds": 12.5}]}
    answered = send(caller, ("tracks", ONE), ("tracks", TWO), options=json.dumps(told))
    assert answered.status_code == 202, answered.json
    schemas.Job.model_validate(answered.json)
    tracks = answered.json["tracks"]
    assert [(one["index"], one["name"], one["offset_seconds"]) for one in tracks] == [(0, "Ann", 0.0), (1, "Bob", 12.5)]
    assert [one["recording"]["filename"] for one in tracks] == ["RIFF one.wav", "RIFF two.wav"]
    assert [one["recording"]["sha256"] for one in tracks] == [hashlib.sha256(one).hexdigest() for one in (ONE, TWO)]
    assert sorted(path.read_bytes() for path in caller.stored()) == [ONE, TWO]


def test_tracks_need_no_description(caller: Caller) -> None:
    answered = send(caller, ("tracks", ONE), ("tracks", TWO))
    assert [(one["name"], one["offset_seconds"]) for one in answered.json["tracks"]] == [(None, 0.0), (None, 0.0)]


@pytest.mark.parametrize(
    ("parts", "fields", "field"),
    [
        ([("file", ONE), ("tracks", TWO)], {}, "tracks"),
        ([("file", ONE), ("file", TWO)], {}, "file"),
        ([("tracks", ONE), ("tracks", TWO)], {"options": '{"tracks": [{}]}'}, "tracks"),
        ([("file", ONE)], {"options": '{"tracks": [{}]}'}, "tracks"),
        ([("tracks", ONE)] * 51, {}, "tracks"),
        ([("sound", ONE)], {}, "sound"),
        ([("tracks", ONE)], {"channels": "separate"}, "options"),
    ],
    ids=["beside a file", "two files", "fewer descriptions", "descriptions alone", "51", "no such part", "separate"],
)
def test_what_does_not_fit_is_named_and_leaves_nothing(
    caller: Caller, parts: list[tuple[str, bytes]], fields: dict[str, str], field: str
) -> None:
    answered = send(caller, *parts, **fields)
    assert (answered.status_code, answered.json["errors"][0]["field"]) == (422, field)
    assert not caller.stored()


def test_an_empty_track_is_named(caller: Caller) -> None:
    answered = send(caller, ("tracks", ONE), ("tracks", b""))
    assert (answered.status_code, answered.json["code"]) == (422, "empty_file")
    assert "'.wav'" in answered.json["detail"]
    assert not caller.stored()


def test_json_takes_no_tracks(caller: Caller) -> None:
    body = {"audio": b64encode(ONE).decode(), "tracks": [{}]}
    answered = caller.call("POST", "/v1/jobs", json=body)
    assert (answered.status_code, answered.json["errors"][0]["field"]) == (422, "tracks")


def test_the_digest_of_the_recording_is_of_no_track(caller: Caller) -> None:
    answered = send(caller, ("tracks", ONE), headers={"X-Content-SHA256": hashlib.sha256(ONE).hexdigest()})
    assert (answered.status_code, answered.json["errors"][0]["field"]) == (422, "X-Content-SHA256")


def test_the_same_key_gives_the_same_job(caller: Caller) -> None:
    first, again = (send(caller, ("tracks", ONE), ("tracks", TWO), headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code, again.json["id"]) == (202, 200, first.json["id"])
    assert len(caller.stored()) == 2
