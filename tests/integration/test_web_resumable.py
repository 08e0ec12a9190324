"""Resumable uploads: each rule of tus 1.0, asked over HTTP."""

import base64
import hashlib
import io
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from werkzeug.exceptions import RequestTimeout
from werkzeug.test import TestResponse

from core import jobs, keys, recordings
from core.context import Context
from core.keys import Tenant
from core.tables import Upload
from tests.fakes import media
from tests.integration.web_api import Caller, problem, with_settings
from web import tus

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": tus.MEDIA_TYPE}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return media.write(tmp_path_factory.mktemp("sound") / "a.wav", media.buzz(2.0)).read_bytes()


def begin(caller: Caller, length: int, **headers: str) -> str:
    """The upload's address."""
    answered = caller.call("POST", "/v1/uploads", headers={**TUS, "Upload-Length": str(length), **headers})
    assert answered.status_code == 201
    return answered.headers["Location"]


def send(caller: Caller, where: str, offset: int, data: bytes, **headers: str) -> TestResponse:
    return caller.call("PATCH", where, data=data, headers={**BYTES, "Upload-Offset": str(offset), **headers})


def head(caller: Caller, where: str) -> TestResponse:
    return caller.call("HEAD", where, headers=TUS)


def offset(caller: Caller, where: str) -> int:
    answered = head(caller, where)
    assert answered.status_code == 200
    return int(answered.headers["Upload-Offset"])


def digest(algorithm: str, data: bytes) -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def encoded(**metadata: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())


def kept(context: Context, tenant: Tenant, recording_id: str) -> dict[str, Any]:
    """The recording, whose bytes must be those that its hash is of."""
    found = recordings.show(context, tenant, UUID(recording_id))
    stored = context.blobs.read_range(f"recordings/{recording_id}/source", 0, found["bytes"] + 1)
    assert hashlib.sha256(stored).hexdigest() == found["sha256"]
    return found


def test_anybody_may_ask_what_is_spoken_here(caller: Caller, context: Context) -> None:
    for path in ("/v1/uploads", f"/v1/uploads/{uuid4()}"):
        answered = caller.app.test_client().open(path, method="OPTIONS")
        assert (answered.status_code, answered.data) == (204, b"")
        assert answered.headers["Tus-Version"] == answered.headers["Tus-Resumable"] == "1.0.0"
        assert answered.headers["Tus-Extension"] == "creation,creation-with-upload,expiration,checksum,termination"
        assert answered.headers["Tus-Max-Size"] == str(context.settings.max_upload_bytes)
        assert answered.headers["Tus-Checksum-Algorithm"].split(",")[0] == "sha1"


def test_an_upload_in_three_pieces_becomes_a_recording(
    caller: Caller, context: Context, tenant: Tenant, sound: bytes
) -> None:
    told = encoded(filename="../weekly meeting.wav", filetype="audio/wav")
    where = begin(caller, len(sound), **{"Upload-Metadata": told})
    third = len(sound) // 3
    for start, end in ((0, third), (third, 2 * third)):
        answered = send(caller, where, start, sound[start:end])
        assert (answered.status_code, answered.headers["Upload-Offset"], answered.data) == (204, str(end), b"")
        assert answered.headers["Upload-Expires"].endswith(" GMT")
        assert answered.headers["Tus-Resumable"] == "1.0.0"
    between = head(caller, where)
    assert between.headers["Upload-Offset"] == str(2 * third)
    assert between.headers["Upload-Length"] == str(len(sound))
    assert between.headers["Upload-Metadata"] == told
    assert between.headers["Cache-Control"] == "no-store"
    assert "Scriptorium-Recording" not in between.headers
    assert caller.call("GET", where).get_json()["recording_id"] is None
    last = send(caller, where, 2 * third, sound[2 * third :])
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(sound)))
    recording_id = last.headers["Scriptorium-Recording"]
    found = kept(context, tenant, recording_id)
    assert (found["filename"], found["sha256"]) == ("weekly meeting.wav", hashlib.sha256(sound).hexdigest())
    assert found["duration"] == pytest.approx(2.0, abs=0.1)
    assert recording_id in last.headers["Link"]
    again = head(caller, where)
    assert (again.headers["Scriptorium-Recording"], again.headers["Upload-Offset"]) == (recording_id, str(len(sound)))
    shown = caller.call("GET", where).get_json()
    assert (shown["recording_id"], shown["finished"], shown["error"]) == (recording_id, True, None)
    assert shown["offset"] == shown["length"] == len(sound)
    assert send(caller, where, len(sound), b"").headers["Scriptorium-Recording"] == recording_id
    assert [path.parent.name for path in caller.stored()] == [recording_id], "its own file is gone"


def test_the_first_bytes_may_come_with_the_creation(
    caller: Caller, context: Context, tenant: Tenant, sound: bytes
) -> None:
    asked = {**BYTES, "Upload-Length": str(len(sound))}
    some = caller.call("POST", "/v1/uploads", data=sound[:1000], headers=asked)
    assert (some.status_code, some.headers["Upload-Offset"]) == (201, "1000")
    assert send(caller, some.headers["Location"], 1000, sound[1000:]).status_code == 204
    whole = caller.call("POST", "/v1/uploads", data=sound, headers=asked)
    assert (whole.status_code, whole.headers["Upload-Offset"]) == (201, str(len(sound)))
    assert kept(context, tenant, whole.headers["Scriptorium-Recording"])["filename"] == "upload"


def test_what_a_creation_brought_and_is_refused_leaves_no_upload(
    caller: Caller, context: Context, sound: bytes
) -> None:
    asked = {**BYTES, "Upload-Length": str(len(sound)), "Upload-Checksum": digest("sha1", b"other")}
    assert caller.call("POST", "/v1/uploads", data=sound, headers=asked).status_code == 460
    with context.sessions() as session:
        assert session.query(Upload).count() == 0
    assert not caller.stored()


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"Upload-Length": "10"}, 412),
        ("POST", {"Tus-Resumable": "0.2.2", "Upload-Length": "10"}, 412),
        ("HEAD", {}, 412),
        ("PATCH", {"Content-Type": tus.MEDIA_TYPE, "Upload-Offset": "0"}, 412),
        ("DELETE", {}, 412),
        ("POST", TUS, 400),
        ("POST", {**TUS, "Upload-Length": "-1"}, 400),
        ("POST", {**TUS, "Upload-Length": "1e3"}, 400),
        ("POST", {**TUS, "Upload-Length": "9" * 19}, 400),
        ("POST", {**TUS, "Upload-Length": "99999999999"}, 413),
        ("POST", {**TUS, "Upload-Defer-Length": "1"}, 400),
        ("POST", {**TUS, "Upload-Length": "9", "Upload-Concat": "partial"}, 400),
        ("POST", {**TUS, "Upload-Length": "9", "Upload-Metadata": "filename ***"}, 400),
        ("POST", {**TUS, "Upload-Length": "9", "Upload-Metadata": "a YQ==,a YQ=="}, 400),
        ("POST", {**TUS, "Upload-Length": "9", "Upload-Metadata": ",a YQ=="}, 400),
        ("POST", {**TUS, "Upload-Length": "9", "Upload-Metadata": "a " + "YQ==" * 2000}, 400),
        ("PATCH", {**TUS, "Upload-Offset": "0"}, 415),
        ("PATCH", {**TUS, "Upload-Offset": "0", "Content-Type": "application/octet-stream"}, 415),
        ("PATCH", BYTES, 400),
        ("PATCH", {**BYTES, "Upload-Offset": "zero"}, 400),
        ("PATCH", {**BYTES, "Upload-Offset": "1"}, 409),
        ("PATCH", {**BYTES, "Upload-Offset": "0", "Upload-Checksum": "crc32 AAAA"}, 400),
        ("PATCH", {**BYTES, "Upload-Offset": "0", "Upload-Checksum": "sha1 AAAA"}, 400),
        ("PATCH", {**BYTES, "Upload-Offset": "0", "Upload-Checksum": digest("sha1", b"others")}, 460),
    ],
)
def test_what_is_wrong_is_refused_and_changes_nothing(
    caller: Caller, method: str, headers: dict[str, str], status: int
) -> None:
    where = begin(caller, 5)
    path = "/v1/uploads" if method == "POST" else where
    answered = caller.call(method, path, headers=headers, data=b"bytes" if method == "PATCH" else None)
    assert answered.status_code == status
    assert answered.headers["Tus-Resumable"] == "1.0.0"
    assert answered.headers.get("Tus-Version") == ("1.0.0" if status == 412 else None)
    if method != "HEAD":
        assert answered.get_json(force=True)["status"] == status
    assert offset(caller, where) == 0


def test_no_key_no_upload(caller: Caller, context: Context) -> None:
    where = begin(caller, 5)
    for method, path in (("POST", "/v1/uploads"), ("HEAD", where), ("GET", where), ("PATCH", where), ("DELETE", where)):
        answered = caller.app.test_client().open(path, method=method, headers=TUS)
        assert answered.status_code == 401
        assert answered.headers["Tus-Resumable"] == "1.0.0"


def test_another_tenant_sees_none_of_it(caller: Caller, context: Context) -> None:
    where = begin(caller, 5)
    keys.ensure(context, other := keys.mint(), "another")
    stranger = Caller(context, other)
    assert head(stranger, where).status_code == 404
    assert stranger.call("GET", where).status_code == 404
    assert send(stranger, where, 0, b"bytes").status_code == 404
    assert stranger.call("DELETE", where, headers=TUS).status_code == 404
    assert offset(caller, where) == 0


def test_bytes_beyond_the_length_are_refused(caller: Caller) -> None:
    where = begin(caller, 10)
    assert send(caller, where, 0, b"abc").status_code == 204
    problem(send(caller, where, 3, b"x" * 8), 413, "past_upload_length")
    assert offset(caller, where) == 3
    unknown = {"wsgi.input": io.BytesIO(b"y" * 8), "wsgi.input_terminated": True}
    headers = {**BYTES, "Upload-Offset": "3"}
    problem(caller.call("PATCH", where, headers=headers, environ_overrides=unknown), 413, "past_upload_length")
    assert offset(caller, where) == 3


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_checksum_decides_over_all_bytes_of_a_request(
    caller: Caller, context: Context, tenant: Tenant, sound: bytes, algorithm: str
) -> None:
    """Wrong ones were on the disk already: what comes after them must not be joined to them, nor their hash."""
    where = begin(caller, len(sound))
    assert (
        send(caller, where, 0, sound[:1000], **{"Upload-Checksum": digest(algorithm, sound[:1000])}).status_code == 204
    )
    wrong = bytes(len(sound) - 1000)
    refused = send(caller, where, 1000, wrong, **{"Upload-Checksum": digest(algorithm, sound[1000:])})
    problem(refused, 460, "checksum_mismatch")
    assert offset(caller, where) == 1000
    last = send(caller, where, 1000, sound[1000:], **{"Upload-Checksum": digest(algorithm, sound[1000:])})
    assert last.status_code == 204
    assert kept(context, tenant, last.headers["Scriptorium-Recording"])["sha256"] == hashlib.sha256(sound).hexdigest()


class BreaksOff:
    """A body that ends with an error, as the server's own reader raises it."""

    def __init__(self, data: bytes, error: Exception) -> None:
        self._data, self._error = io.BytesIO(data), error

    def read(self, size: int = -1) -> bytes:
        if data := self._data.read(size):
            return data
        raise self._error


@pytest.mark.parametrize("error", [ConnectionResetError(), RequestTimeout("no byte came")], ids=["reset", "stall"])
def test_what_came_before_a_break_is_kept(
    caller: Caller, context: Context, tenant: Tenant, sound: bytes, error: Exception
) -> None:
    where = begin(caller, len(sound))
    body = {"wsgi.input": BreaksOff(sound[:5000], error), "wsgi.input_terminated": True}
    headers = {**BYTES, "Upload-Offset": "0"}
    answered = caller.call("PATCH", where, headers=headers, environ_overrides=body)
    assert answered.status_code in (400, 408)
    assert offset(caller, where) == 5000
    last = send(caller, where, 5000, sound[5000:])
    assert kept(context, tenant, last.headers["Scriptorium-Recording"])["sha256"] == hashlib.sha256(sound).hexdigest()


def test_a_break_keeps_nothing_that_a_checksum_was_to_prove(caller: Caller, sound: bytes) -> None:
    where = begin(caller, len(sound))
    body = {"wsgi.input": BreaksOff(sound[:5000], ConnectionResetError()), "wsgi.input_terminated": True}
    headers = {**BYTES, "Upload-Offset": "0", "Upload-Checksum": digest("sha1", sound)}
    assert caller.call("PATCH", where, headers=headers, environ_overrides=body).status_code == 400
    assert offset(caller, where) == 0


@pytest.mark.parametrize(("data", "code"), [(b"this is no sound", "invalid_media"), (b"", "empty_file")])
def test_bytes_that_hold_no_sound_are_said_to(caller: Caller, data: bytes, code: str) -> None:
    """At once where a request brought the last of them, and to whoever asks later."""
    if data:
        where = begin(caller, len(data))
        refused = send(caller, where, 0, data)
    else:
        refused = caller.call("POST", "/v1/uploads", headers={**TUS, "Upload-Length": "0"})
        where = refused.headers["Location"]
    problem(refused, 422, code)
    assert refused.headers["Upload-Offset"] == str(len(data))
    later = head(caller, where)
    assert (later.status_code, later.headers["Scriptorium-Error"]) == (200, code)
    shown = caller.call("GET", where).get_json()
    assert (shown["error"]["code"], shown["recording_id"], shown["finished"]) == (code, None, True)
    assert not caller.stored()


def test_a_terminated_upload_is_gone_and_so_are_its_bytes(caller: Caller) -> None:
    where = begin(caller, 10)
    send(caller, where, 0, b"abc")
    assert len(caller.stored()) == 1
    assert caller.call("DELETE", where, headers=TUS).status_code == 204
    assert not caller.stored()
    assert head(caller, where).status_code == 404
    assert send(caller, where, 3, b"def").status_code == 404
    assert caller.call("DELETE", where, headers=TUS).status_code == 404


def test_a_recording_outlives_the_upload_that_it_came_by(
    caller: Caller, context: Context, tenant: Tenant, sound: bytes
) -> None:
    where = begin(caller, len(sound))
    recording_id = send(caller, where, 0, sound).headers["Scriptorium-Recording"]
    assert caller.call("DELETE", where, headers=TUS).status_code == 204
    kept(context, tenant, recording_id)


@pytest.mark.parametrize(
    ("meant", "status"), [("PATCH", 204), ("DELETE", 204), ("HEAD", 200), ("delete", 204), ("TRACE", 405)]
)
def test_the_method_may_stand_in_a_header(caller: Caller, meant: str, status: int) -> None:
    where = begin(caller, 10)
    headers = {**BYTES, "Upload-Offset": "0", "X-HTTP-Method-Override": meant}
    answered = caller.call("POST", where, data=b"abc" if meant == "PATCH" else None, headers=headers)
    assert answered.status_code == status
    if meant in ("PATCH", "HEAD"):
        assert answered.headers["Upload-Offset"] == str(3 if meant == "PATCH" else 0)


def test_no_other_route_hears_of_another_method(caller: Caller) -> None:
    assert caller.call("GET", "/v1/jobs", headers={"X-HTTP-Method-Override": "DELETE"}).status_code == 200


def test_a_tenant_has_so_many_open_uploads_and_no_more(context: Context, tenant: Tenant, api_key: str) -> None:
    few = Caller(with_settings(context, max_open_uploads=2), api_key)
    where = begin(few, 5)
    begin(few, 5)
    refused = few.call("POST", "/v1/uploads", headers={**TUS, "Upload-Length": "5"})
    problem(refused, 429, "too_many_uploads")
    keys.ensure(context, other := keys.mint(), "another")
    begin(Caller(few.app.extensions["scriptorium"].context, other), 5)
    few.call("DELETE", where, headers=TUS)
    begin(few, 5)


def test_a_full_disk_is_said_before_a_byte_is_read(context: Context, tenant: Tenant, api_key: str) -> None:
    _free, total = context.blobs.room()
    full = Caller(with_settings(context, min_free_bytes=total), api_key)
    refused = full.call("POST", "/v1/uploads", headers={**TUS, "Upload-Length": "5"})
    problem(refused, 503, "storage_full")
    assert int(refused.headers["Retry-After"]) > 0


Age = Callable[[str, str], None]


@pytest.fixture
def age(context: Context) -> Age:
    def aged(where: str, column: str) -> None:
        with context.sessions() as session, session.begin():
            query = f"UPDATE uploads SET {column} = now() - interval '1 second' WHERE id = :id"  # noqa: S608
            session.execute(text(query), {"id": where.rpartition("/")[2]})

    return aged


def test_an_upload_that_nobody_goes_on_with_expires(caller: Caller, context: Context, age: Age) -> None:
    where, other = begin(caller, 10), begin(caller, 10)
    send(caller, where, 0, b"abc")
    age(where, "expires_at")
    assert head(caller, where).status_code == 410
    problem(send(caller, where, 3, b"d"), 410, "upload_expired")
    assert jobs.scavenge(context) == 1
    assert head(caller, where).status_code == 404
    assert offset(caller, other) == 0
    assert [path.name for path in caller.stored()] == [other.rpartition("/")[2]]


def test_each_byte_gives_an_upload_more_time(caller: Caller, context: Context) -> None:
    where = begin(caller, 10)
    with context.sessions() as session, session.begin():
        session.execute(text("UPDATE uploads SET expires_at = now() + interval '1 minute'"))
    before = caller.call("GET", where).get_json()["expires_at"]
    send(caller, where, 0, b"a")
    assert caller.call("GET", where).get_json()["expires_at"] > before


def test_an_upload_whose_bytes_were_lost_is_said_to_be(caller: Caller, context: Context) -> None:
    """As after a restore of a backup that lacks them."""
    where = begin(caller, 10)
    send(caller, where, 0, b"abc")
    (path,) = caller.stored()
    path.write_bytes(b"a")
    assert head(caller, where).status_code == 410
    path.unlink()
    problem(caller.call("GET", where), 410, "upload_lost")
