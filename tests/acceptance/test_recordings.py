"""Upload first, transcribe later: through the real server."""

import io
import wave

import numpy as np
import pytest
from numpy.typing import NDArray

from core.settings import Settings
from scriptorium import ApiError, Client
from tests.acceptance.conftest import MEETING
from tests.acceptance.running import Up
from worker.audio import decode


@pytest.fixture(scope="module")
def sound() -> NDArray[np.int16]:
    return np.frombuffer(b"".join(decode(MEETING, Settings(), tolerant=False, check=lambda: None)), "<i2")


def heard(clip: bytes) -> NDArray[np.int16]:
    with wave.open(io.BytesIO(clip)) as opened:
        assert (opened.getnchannels(), opened.getframerate()) == (1, 16_000)
        return np.frombuffer(opened.readframes(opened.getnframes()), "<i2")


def test_a_recording_is_sent_transcribed_played_and_deleted(
    client: Client, server: Up, sound: NDArray[np.int16]
) -> None:
    kept = client.upload(MEETING)
    assert kept["duration"] == pytest.approx(len(sound) / 16_000, abs=0.05)
    assert (kept["codec"], kept["container"], kept["channels"]) == ("flac", "flac", 1)
    before = heard(client.clip(kept["id"], 61.25, 63.0))
    job = client.wait(client.submit_recording(kept["id"], language="en")["id"])
    assert (job["status"], job["recording"]["id"]) == ("completed", kept["id"])
    text = client.transcript(job["id"])["text"]
    assert len(text.split()) > 50
    after = heard(client.clip(kept["id"], 61.25, 63.0))
    assert np.array_equal(before, sound[980_000:1_008_000])
    assert np.array_equal(after, before)
    with server.http() as http:
        part = http.get(f"/v1/recordings/{kept['id']}/audio", headers={"Range": "bytes=1000-1999"})
        assert (part.status_code, part.content) == (206, MEETING.read_bytes()[1000:2000])
        with http.stream("GET", f"/v1/recordings/{kept['id']}/audio") as whole:
            assert whole.headers["Content-Type"] == "audio/flac"
            assert whole.read() == MEETING.read_bytes()
        head = http.head(f"/v1/recordings/{kept['id']}/audio")
        assert (head.headers["Content-Length"], head.content) == (str(MEETING.stat().st_size), b"")
    client.delete_recording(kept["id"])
    assert client.transcript(job["id"])["text"] == text
    for refused, call in (("deleted", client.recording), ("deleted", client.clip)):
        with pytest.raises(ApiError) as answered:
            call(kept["id"])
        assert (answered.value.status, answered.value.code) == (410, refused)
    with pytest.raises(ApiError) as again:
        client.retry(job["id"], "ingest")
    assert again.value.code == "recording_deleted"


def test_bare_bytes_are_a_recording(server: Up) -> None:
    with server.http() as http:
        sent = http.post(
            "/v1/recordings", params={"filename": "m.flac"}, content=MEETING.read_bytes(),
            headers={"Content-Type": "audio/flac"},
        )  # fmt: skip
        assert (sent.status_code, sent.json()["filename"]) == (201, "m.flac")
        assert http.delete(sent.headers["Location"]).status_code == 204
        refused = http.post("/v1/recordings", content=b"no sound", headers={"Content-Type": "audio/flac"})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_media")
