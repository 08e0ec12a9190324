"""One recording in, its transcript out."""

import wave
from pathlib import Path

import jiwer
import pytest

from core.settings import Settings
from scriptorium import ApiError, Client
from scriptorium.demo import REFERENCE, plain_words
from tests.acceptance.conftest import MEETING
from tests.acceptance.running import ROOT
from worker.audio import decode


def test_a_meeting_becomes_its_transcript(client: Client) -> None:
    sent: list[tuple[int, int]] = []
    job = client.submit(MEETING, progress=lambda so_far, total: sent.append((so_far, total)), language="en", tag="a")
    assert sent[-1] == (MEETING.stat().st_size,) * 2
    seen: list[float] = []
    job = client.wait(job["id"], seen=lambda one: seen.append(one["progress"]))
    assert (job["status"], job["error"]) == ("completed", None)
    assert seen == sorted(seen)
    transcript = client.transcript(job["id"])
    starts = [word["start"] for segment in transcript["segments"] for word in segment["words"]]
    assert starts == sorted(starts)
    assert 0 <= starts[0] < starts[-1] <= job["recording"]["duration"]
    assert transcript["model"]["name"] == "demo"
    billed = [one for one in client.usage("tag")["usage"] if one["group"] == "a"]
    assert [one["audio_seconds"] for one in billed] == [transcript["usage"]["seconds"]]
    assert billed[0]["compute_seconds"] > 0


def test_the_demonstration_model_hears_the_meeting(client: Client) -> None:
    """A floor that catches breakage; how good the model is stands beside it."""
    job = client.wait(client.submit(MEETING)["id"])
    heard = client.transcript(job["id"])["text"]
    wrong = jiwer.wer(" ".join(plain_words(REFERENCE.read_text())), " ".join(plain_words(heard)))
    assert wrong <= 0.2


def test_two_jobs_at_once_give_the_same_words(client: Client) -> None:
    first, second = client.submit(MEETING)["id"], client.submit(MEETING)["id"]
    assert {client.wait(first)["status"], client.wait(second)["status"]} == {"completed"}
    assert client.transcript(first)["text"] == client.transcript(second)["text"]
    assert {first, second} <= {job["id"] for job in client.jobs()["jobs"]}


def test_a_recording_that_changes_its_language_keeps_both(client: Client, tmp_path: Path) -> None:
    """Per segment; a chunk whose language was a guess takes the recording's."""
    pieces = [
        b"".join(decode(path, Settings(), tolerant=False, check=lambda: None))[: 60 * 32_000]
        for path in (MEETING, ROOT / "samples" / "mandarin.flac")
    ]
    with wave.open(str(tmp_path / "both.wav"), "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(16_000)
        written.writeframes(b"".join(pieces))
    job = client.wait(client.submit(tmp_path / "both.wav", cache=False)["id"])
    transcript = client.transcript(job["id"])
    assert (job["language"], transcript["language"]) == ("en", "en")
    assert {one["language"] for one in transcript["segments"] if one["start"] < 59} == {"en"}
    assert {one["language"] for one in transcript["segments"] if one["start"] > 61} == {"zh"}
    assert "李先生" in transcript["text"]


def test_formats_segments_and_deletion(client: Client) -> None:
    job_id = client.wait(client.submit(MEETING)["id"])["id"]
    assert client.rendered(job_id, "vtt").startswith("WEBVTT")
    page = client.segments(job_id)
    assert page["final"]
    assert client.segments(job_id, after=page["revision"])["segments"] == []
    client.delete(job_id)
    with pytest.raises(ApiError) as refused:
        client.job(job_id)
    assert refused.value.status == 410


def test_an_option_that_does_not_exist_is_named(client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        client.submit(MEETING, colour="blue")
    assert (refused.value.status, refused.value.errors[0]["field"]) == (422, "colour")
