"""Recordings over HTTP, before and without a job."""

import base64
import hashlib
import io
import wave
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import update
from werkzeug.test import TestResponse

from core import keys, recordings
from core.context import Context
from core.keys import Tenant
from core.recordings.sound import PIECE
from core.tables import Recording
from tests.fakes import media
from tests.integration.conftest import ingest
from tests.integration.web_api import Caller, problem, with_settings
from web import schemas
from worker.parts import pcm_key

KEY = {"Idempotency-Key": "0f9a-17"}


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return media.write(tmp_path_factory.mktemp("sound") / "a.wav", media.buzz(3.0)).read_bytes()


@pytest.fixture
def recording_id(caller: Caller, context: Context, tenant: Tenant, wav: bytes) -> str:
    incoming = context.blobs.receive(len(wav))
    incoming.write(wav)
    found: str = recordings.keep(context, tenant, incoming, "a.wav")["id"]
    return found


def test_a_job_of_a_recording_that_is_here(caller: Caller, recording_id: str, wav: bytes) -> None:
    named = caller.call("POST", "/v1/jobs", json={"recording_id": recording_id, "language": "en"}, headers=KEY)
    assert (named.status_code, named.json["recording"]["id"]) == (202, recording_id)
    assert named.headers["Location"] == f"/v1/jobs/{named.json['id']}"
    form = {"recording_id": recording_id, "language": "en"}
    for again in (
        caller.call("POST", "/v1/jobs", data=form, content_type="multipart/form-data", headers=KEY),
        caller.upload(data=wav, language="en", headers=KEY),
    ):
        assert (again.status_code, again.json["id"]) == (200, named.json["id"])
    assert len(caller.stored()) == 1


@pytest.mark.parametrize("given", ["no id", 7, ["x"], ""])
def test_a_recording_id_that_is_none(caller: Caller, given: object) -> None:
    refused = caller.call("POST", "/v1/jobs", json={"recording_id": given})
    assert problem(refused, 422, "invalid_request")["errors"][0]["field"] == "recording_id"


def test_what_does_not_go_with_a_recording_id(caller: Caller, recording_id: str) -> None:
    both = problem(caller.upload(recording_id=recording_id), 422, "invalid_request")
    encoded = problem(
        caller.call("POST", "/v1/jobs", json={"recording_id": recording_id, "audio": "UklGRg=="}),
        422,
        "invalid_request",
    )
    assert both["errors"][0]["field"] == encoded["errors"][0]["field"] == "recording_id"
    tracks = caller.call("POST", "/v1/jobs", json={"recording_id": recording_id, "tracks": [{}]})
    assert problem(tracks, 422, "invalid_request")["errors"][0]["field"] == "tracks"
    digest = {"X-Content-SHA256": "0" * 64}
    claimed = caller.call("POST", "/v1/jobs", json={"recording_id": recording_id}, headers=digest)
    assert problem(claimed, 422, "invalid_request")["errors"][0]["field"] == "X-Content-SHA256"


def test_a_job_of_a_recording_that_is_not_ones_own(caller: Caller, context: Context, recording_id: str) -> None:
    stranger = keys.mint()
    keys.ensure(context, stranger, "another")
    problem(Caller(context, stranger).call("POST", "/v1/jobs", json={"recording_id": recording_id}), 404, "not_found")
    problem(caller.call("POST", "/v1/jobs", json={"recording_id": str(uuid4())}), 404, "not_found")


def test_a_job_of_a_deleted_recording(caller: Caller, context: Context, tenant: Tenant, recording_id: str) -> None:
    recordings.delete(context, tenant, UUID(recording_id))
    problem(caller.call("POST", "/v1/jobs", json={"recording_id": recording_id}), 410, "deleted")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return media.silent_film(tmp_path_factory.mktemp("film") / "a.mkv").read_bytes()


def raw(caller: Caller, data: bytes, path: str = "/v1/recordings", **headers: str) -> TestResponse:
    given = {"Content-Type": "audio/wav", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return caller.call("POST", path, data=data, headers=given)


def test_it_is_kept_however_it_is_sent(caller: Caller, wav: bytes) -> None:
    encoded = {"audio": base64.b64encode(wav).decode(), "filename": "../../a.wav"}
    answers = [
        caller.upload("/v1/recordings", data=wav),
        caller.upload("/v1/recordings", part="audio", data=wav),
        caller.call("POST", "/v1/recordings", json=encoded),
        raw(caller, wav, Content_Disposition="attachment; filename*=UTF-8''C%3A%5C%C3%BCber%20woche.wav"),
        raw(caller, wav, "/v1/recordings?filename=/etc/b.wav", Content_Type="application/octet-stream"),
        raw(caller, wav, Content_Type="video/mp4"),
    ]
    assert [one.status_code for one in answers] == [201] * 6
    assert [one.json["filename"] for one in answers] == [
        "weekly meeting.wav", "weekly meeting.wav", "a.wav", "über woche.wav", "b.wav", "audio",
    ]  # fmt: skip
    for one in answers:
        schemas.RecordingInfo.model_validate(one.json)
        assert (one.json["duration"], one.json["sha256"]) == (3.0, hashlib.sha256(wav).hexdigest())
        assert one.headers["Location"] == f"/v1/recordings/{one.json['id']}"
        assert caller.call("GET", one.headers["Location"]).json == one.json
    assert len(caller.stored()) == 6
    page = caller.call("GET", "/v1/recordings?limit=4").json
    assert [one["id"] for one in page["recordings"]] == [one.json["id"] for one in answers[:1:-1]]
    rest = caller.call("GET", f"/v1/recordings?cursor={page['next_cursor']}").json
    assert (len(rest["recordings"]), rest["next_cursor"]) == (2, None)
    problem(caller.call("GET", "/v1/recordings?cursor=x"), 422, "invalid_request")


@pytest.mark.parametrize("name", ["filename", "ids", "language", "tracks", "recording_id"])
def test_a_recording_has_no_options(caller: Caller, wav: bytes, name: str) -> None:
    fields = {name: "x"} if name != "tracks" else {"tracks": "[{}]"}
    refused = problem(caller.upload("/v1/recordings", data=wav, **fields), 422, "invalid_request")
    assert refused["errors"][0]["field"] == name
    if name != "filename":
        refused = problem(raw(caller, wav, f"/v1/recordings?{name}=[{{}}]"), 422, "invalid_request")
        assert refused["errors"][0]["field"] == name
    assert not caller.stored()


def test_what_is_no_recording_is_not_kept(caller: Caller, film: bytes) -> None:
    problem(raw(caller, b""), 422, "empty_file")
    problem(raw(caller, b"<html>" * 100), 422, "invalid_media")
    problem(raw(caller, film), 422, "no_audio_stream")
    problem(caller.call("POST", "/v1/recordings", data=b"x", content_type="text/plain"), 415, "unsupported_media_type")
    assert not caller.stored()
    assert caller.call("GET", "/v1/recordings").json == {"recordings": [], "next_cursor": None}


def test_a_body_that_breaks_off_is_not_kept(caller: Caller, wav: bytes) -> None:
    """gunicorn's stream just ends then."""
    for path in ("/v1/recordings", "/v1/jobs"):
        stream = {"wsgi.input": io.BytesIO(wav[:5000]), "wsgi.input_terminated": True, "CONTENT_LENGTH": str(len(wav))}
        broken = caller.call("POST", path, environ_overrides={**stream, "CONTENT_TYPE": "audio/wav"})
        problem(broken, 400, "bad_request")
    assert not caller.stored()


def test_no_more_than_the_limit_is_read(context: Context, tenant: Tenant, api_key: str, wav: bytes) -> None:
    small = Caller(with_settings(context, max_upload_bytes=5000), api_key)
    problem(raw(small, wav), 413, "upload_too_large")
    stream = {"wsgi.input": io.BytesIO(wav), "wsgi.input_terminated": True, "CONTENT_TYPE": "audio/wav"}
    problem(small.call("POST", "/v1/recordings", environ_overrides=stream), 413, "upload_too_large")


def test_digests_and_keys_hold_for_recordings_too(caller: Caller, wav: bytes) -> None:
    digest = base64.b64encode(hashlib.sha256(wav).digest()).decode()
    right = {"Content_Digest": f"sha-256=:{digest}:", "X_Content_SHA256": hashlib.sha256(wav).hexdigest()}
    first, again = (raw(caller, wav, Idempotency_Key="k", **right) for _ in range(2))
    assert (first.status_code, again.status_code, again.json) == (201, 200, first.json)
    assert first.headers["Location"] == again.headers["Location"]
    problem(raw(caller, wav + b"\0\0", Idempotency_Key="k"), 422, "idempotency_mismatch")
    problem(raw(caller, wav + b"\0\0", **right), 422, "digest_mismatch")
    problem(raw(caller, wav, Idempotency_Key="two words"), 422, "invalid_request")
    assert len(caller.stored()) == 1
    caller.call("DELETE", first.headers["Location"])
    problem(raw(caller, wav, Idempotency_Key="k"), 410, "deleted")


def test_a_job_of_a_raw_body(caller: Caller, wav: bytes) -> None:
    made = raw(caller, wav, "/v1/jobs?language=en&hotwords=Ann&hotwords=Bob&filename=b.wav", Idempotency_Key="k")
    assert (made.status_code, made.json["options"]["language"]) == (202, "en")
    assert (made.json["options"]["hotwords"], made.json["recording"]["filename"]) == (["Ann", "Bob"], "b.wav")
    same = caller.upload(data=wav, headers={"Idempotency-Key": "k"}, language="en", hotwords='["Ann", "Bob"]')
    assert (same.status_code, same.json["id"]) == (200, made.json["id"])
    unknown = problem(raw(caller, wav, "/v1/jobs?colour=blue"), 422, "invalid_request")
    assert unknown["errors"][0]["field"] == "colour"


def test_delete(caller: Caller, context: Context, recording_id: str) -> None:
    path = f"/v1/recordings/{recording_id}"
    job = caller.call("POST", "/v1/jobs", json={"recording_id": recording_id}).json
    problem(caller.call("DELETE", path), 409, "recording_in_use")
    caller.call("POST", f"/v1/jobs/{job['id']}/cancel")
    assert [caller.call("DELETE", path).status_code for _ in range(2)] == [204, 204]
    problem(caller.call("GET", path), 410, "deleted")
    problem(caller.call("GET", f"{path}/audio"), 410, "deleted")
    problem(caller.call("POST", f"/v1/jobs/{job['id']}/retry"), 409, "recording_deleted")
    assert not caller.stored()


def test_another_tenants_recordings_are_not_there(caller: Caller, context: Context, recording_id: str) -> None:
    stranger = keys.mint()
    keys.ensure(context, stranger, "another")
    other, path = Caller(context, stranger), f"/v1/recordings/{recording_id}"
    for method, asked in (("GET", path), ("DELETE", path), ("GET", f"{path}/audio"), ("GET", f"{path}/audio?end=1")):
        problem(other.call(method, asked), 404, "not_found")
    assert other.call("GET", "/v1/recordings").json["recordings"] == []


def test_its_own_bytes_are_played(caller: Caller, recording_id: str, wav: bytes) -> None:
    path = f"/v1/recordings/{recording_id}/audio"
    whole = caller.call("GET", path)
    assert (whole.status_code, whole.data, whole.content_type) == (200, wav, "audio/wav")
    assert (whole.headers["Content-Length"], whole.headers["Accept-Ranges"]) == (str(len(wav)), "bytes")
    assert whole.headers["ETag"] == f'"{hashlib.sha256(wav).hexdigest()}"'
    assert whole.headers["Content-Disposition"] == "attachment; filename=\"a.wav\"; filename*=UTF-8''a.wav"
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    head = caller.call("HEAD", path, headers={"Range": "bytes=0-1"})
    assert (head.status_code, head.data) == (200, b"")
    for name in ("Content-Length", "ETag", "Accept-Ranges", "Content-Type", "Content-Disposition"):
        assert head.headers[name] == whole.headers[name]
    unchanged = caller.call("GET", path, headers={"If-None-Match": whole.headers["ETag"]})
    assert (unchanged.status_code, unchanged.data) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("0-0", 0, 0), ("10-19", 10, 19), ("-7", -7, -1), ("90000-", 90000, -1), ("0-999999", 0, -1)],
)
def test_a_part_of_it(caller: Caller, recording_id: str, wav: bytes, asked: str, first: int, last: int) -> None:
    first, last = first % len(wav), last % len(wav)
    part = caller.call("GET", f"/v1/recordings/{recording_id}/audio", headers={"Range": f"bytes={asked}"})
    assert (part.status_code, part.data) == (206, wav[first : last + 1])
    assert part.headers["Content-Range"] == f"bytes {first}-{last}/{len(wav)}"
    assert part.headers["Content-Length"] == str(last - first + 1)


def test_ranges_of_a_long_recording_cross_pieces(
    caller: Caller, context: Context, tenant: Tenant, tmp_path: Path
) -> None:
    data = media.write(tmp_path / "a.wav", media.buzz(30.0)).read_bytes()
    path = raw(caller, data).headers["Location"] + "/audio"
    assert len(data) > 3 * PIECE
    assert caller.call("GET", path).data == data
    for first, last in ((PIECE - 1, PIECE), (5, 2 * PIECE + 5), (PIECE, 2 * PIECE - 1), (2 * PIECE, len(data) - 1)):
        part = caller.call("GET", path, headers={"Range": f"bytes={first}-{last}"})
        assert part.data == data[first : last + 1]


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=5-1", "lines=0-1", "bytes", "bytes=x-", "bytes=--1", "bytes=-999999"]
)
def test_what_is_no_single_range_gets_the_whole(caller: Caller, recording_id: str, wav: bytes, asked: str) -> None:
    whole = caller.call("GET", f"/v1/recordings/{recording_id}/audio", headers={"Range": asked})
    assert (whole.status_code, whole.data) == (200, wav)


@pytest.mark.parametrize("asked", ["bytes=999999-", "bytes=999999-1000000"])
def test_a_range_that_is_not_there(caller: Caller, recording_id: str, wav: bytes, asked: str) -> None:
    refused = caller.call("GET", f"/v1/recordings/{recording_id}/audio", headers={"Range": asked})
    problem(refused, 416, "requested_range_not_satisfiable")
    assert refused.headers["Content-Range"] == f"bytes */{len(wav)}"


def test_if_range(caller: Caller, recording_id: str, wav: bytes) -> None:
    path, asked = f"/v1/recordings/{recording_id}/audio", {"Range": "bytes=0-9"}
    same = caller.call("GET", path, headers={**asked, "If-Range": f'"{hashlib.sha256(wav).hexdigest()}"'})
    other = caller.call("GET", path, headers={**asked, "If-Range": '"another"'})
    assert (same.status_code, same.data, other.status_code, other.data) == (206, wav[:10], 200, wav)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ('a"b\\c.wav', "c.wav"),
        ("x\r\nSet-Cookie: a=b.wav", "x__Set-Cookie: a=b.wav"),
        ("会议.wav", ".wav"),
        ("\u202egpj.exe", "_gpj.exe"),
        ("a;b%20.wav", "a;b_20.wav"),
    ],
)
def test_no_name_gets_out_of_its_header(caller: Caller, wav: bytes, name: str, plain: str) -> None:
    sent = {"audio": base64.b64encode(wav).decode(), "filename": name}
    path = caller.call("POST", "/v1/recordings", json=sent).headers["Location"]
    said = caller.call("GET", f"{path}/audio").headers["Content-Disposition"]
    assert said.startswith(f"attachment; filename=\"{plain}\"; filename*=UTF-8''")
    assert said.isascii()


def test_a_recording_that_nobody_looked_into_is_bytes(caller: Caller) -> None:
    job = caller.upload(data=b"<html><script>").json
    played = caller.call("GET", f"/v1/recordings/{job['recording']['id']}/audio")
    assert (played.content_type, played.data) == ("application/octet-stream", b"<html><script>")


def test_bytes_that_are_missing_are_said_to_be(caller: Caller, context: Context, recording_id: str) -> None:
    context.blobs.delete_prefix(f"recordings/{recording_id}")
    problem(caller.call("GET", f"/v1/recordings/{recording_id}/audio"), 500, "audio_missing")


def samples(answered: TestResponse) -> NDArray[np.int16]:
    assert (answered.status_code, answered.content_type) == (200, "audio/wav"), answered.text
    assert answered.headers["Content-Length"] == str(len(answered.data))
    answered.close()
    with wave.open(io.BytesIO(answered.data)) as clip:
        assert (clip.getnchannels(), clip.getsampwidth(), clip.getframerate()) == (1, 2, 16_000)
        return np.frombuffer(clip.readframes(clip.getnframes()), "<i2")


def test_a_clip_of_what_no_job_has_heard(caller: Caller, recording_id: str, wav: bytes) -> None:
    path = f"/v1/recordings/{recording_id}/audio"
    with wave.open(io.BytesIO(wav)) as whole:
        sound = np.frombuffer(whole.readframes(whole.getnframes()), "<i2")
    for asked, first, last in (("start=1.25&end=2", 20_000, 32_000), ("start=2.5", 40_000, None), ("end=0.5", 0, 8000)):
        assert np.array_equal(samples(caller.call("GET", f"{path}?{asked}")), sound[first:last])


def test_a_clip_of_what_a_job_has_decoded(caller: Caller, context: Context, recording_id: str) -> None:
    """From its PCM: the recording itself is not read. The first part ends after a minute."""
    job_id = UUID(caller.call("POST", "/v1/jobs", json={"recording_id": recording_id}).json["id"])
    ingest(context, job_id, 1, 70.0)
    pcm = np.random.default_rng(1).integers(-9000, 9000, 70 * 16_000).astype("<i2")
    for part, stored in enumerate((pcm[: 60 * 16_000], pcm[60 * 16_000 :])):
        context.blobs.put(pcm_key(UUID(recording_id), "test-strict", part), [stored.tobytes()])
    path = f"/v1/recordings/{recording_id}/audio"
    assert np.array_equal(samples(caller.call("GET", f"{path}?start=59.5&end=60.5")), pcm[952_000:968_000])
    assert np.array_equal(samples(caller.call("GET", f"{path}?start=69")), pcm[69 * 16_000 :])


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("start=2&end=1", "end"),
        ("start=1&end=1", "end"),
        ("start=4", "start"),
        ("end=3.5", "end"),
        ("start=-1", "start"),
        ("start=nan", "start"),
        ("end=inf", "end"),
        ("start=1&stop=2", "stop"),
    ],
)
def test_a_clip_that_is_none(caller: Caller, recording_id: str, asked: str, field: str) -> None:
    refused = problem(caller.call("GET", f"/v1/recordings/{recording_id}/audio?{asked}"), 422, "invalid_request")
    assert refused["errors"][0]["field"] == field


def test_a_clip_is_no_longer_than_ten_minutes(caller: Caller, context: Context, recording_id: str) -> None:
    with context.sessions() as session, session.begin():
        session.execute(update(Recording).values(duration=4000.0))
    path = f"/v1/recordings/{recording_id}/audio"
    for asked in ("", "&end=3700"):
        refused = problem(caller.call("GET", f"{path}?start=3.0{asked}"), 422, "invalid_request")
        assert refused["errors"][0]["field"] == "end"
    problem(caller.call("GET", f"{path}?start=3600"), 422, "clip_beyond_end")


def test_a_clip_of_what_cannot_be_decoded(caller: Caller) -> None:
    job = caller.upload(data=b"no media at all" * 100).json
    path = f"/v1/recordings/{job['recording']['id']}/audio"
    problem(caller.call("GET", f"{path}?end=1"), 422, "invalid_media")
    problem(caller.call("GET", f"{path}?start=1"), 422, "invalid_request")


def test_only_so_many_clips_at_once(
    caller: Caller, context: Context, recording_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.recordings.sound.PATIENCE", 0.01)
    taken = 0
    while context.clips.acquire(blocking=False):
        taken += 1
    try:
        refused = caller.call("GET", f"/v1/recordings/{recording_id}/audio?end=1")
    finally:
        context.clips.release(taken)
    problem(refused, 503, "busy")
    assert int(refused.headers["Retry-After"]) > 0
