"""A meeting that was recorded participant by participant, or channel by channel, through the real processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scriptorium import Client
from tests.acceptance.running import Up, run
from tests.fakes import parted


@pytest.fixture
def client(server: Up) -> Iterator[Client]:
    with server.client() as made:
        yield made


def person(client: Client, folder: Path, name: str, cut: float = 0.0) -> Path:
    """Their track, from `cut` seconds on."""
    return parted.written(folder / f"{name}.wav", [parted.alone(name)[round(cut * 16_000) :]])


def texts(transcript: dict[str, Any]) -> dict[str, list[str]]:
    """Speaker -> what they say, utterance by utterance."""
    found: dict[str, list[str]] = {}
    for one in transcript["utterances"]:
        found.setdefault(one["speaker"], []).append(one["text"])
    return found


def right(transcript: dict[str, Any], named: dict[str, str]) -> float:
    """Share of the words that were heard where the person who is named says something."""
    spoken = {name: parted.words(name) for name in parted.PEOPLE}
    words = [word for segment in transcript["segments"] for word in segment["words"]]
    assert len(words) > 150
    good = [
        any(
            start - 0.5 < (word["start"] + word["end"]) / 2 < end + 0.5
            for _, start, end in spoken[named[word["speaker"]]]
        )
        for word in words
    ]
    return sum(good) / len(good)


def test_one_recording_a_participant(client: Client, tmp_path: Path) -> None:
    """The second joined late: an offset puts their track in its place."""
    tracks = [
        person(client, tmp_path, "clara"),
        person(client, tmp_path, "victor", 6.0),
        person(client, tmp_path, "ben"),
    ]
    told = [{"name": "Clara"}, {"name": "Victor", "offset_seconds": 6.0}, {"name": "Ben"}]
    job = client.wait(client.submit_tracks(tracks, tracks=told)["id"])
    assert (job["status"], job["warnings"]) == ("completed", [])
    assert [(one["name"], one["offset_seconds"]) for one in job["tracks"]] == [("Clara", 0), ("Victor", 6), ("Ben", 0)]
    assert job["stages"]["ingest"]["status"] == "completed"
    transcript = client.transcript(job["id"])
    assert [(one["label"], one["name"]) for one in transcript["speakers"]] == [
        ("S1", "Clara"), ("S2", "Victor"), ("S3", "Ben")
    ]  # fmt: skip
    assert right(transcript, dict(zip(("S1", "S2", "S3"), parted.PEOPLE, strict=True))) > 0.97
    assert {segment["channel"] for segment in transcript["segments"]} == {0, 1, 2}
    starts = [segment["start"] for segment in transcript["segments"]]
    assert starts == sorted(starts)
    assert transcript["duration"] == pytest.approx(97, abs=1)
    assert "<v Victor>" in client.rendered(job["id"], "vtt")
    assert "Ben: " in client.rendered(job["id"], "txt")
    assert " Clara " in client.rendered(job["id"], "rttm")


def test_each_channel_is_a_speaker(client: Client, tmp_path: Path) -> None:
    stereo = parted.written(tmp_path / "call.wav", [parted.alone("clara"), parted.alone("victor", "ben")])
    job = client.wait(client.submit(stereo, channels="separate")["id"])
    assert (job["status"], job["warnings"]) == ("completed", [])
    assert [one["channel"] for one in job["tracks"]] == [0, 1]
    transcript = client.transcript(job["id"])
    assert [one["label"] for one in transcript["speakers"]] == ["S1", "S2"]
    clara = [word for segment in transcript["segments"] for word in segment["words"] if word["speaker"] == "S1"]
    spoken = parted.words("clara")
    inside = [any(s - 0.5 < (w["start"] + w["end"]) / 2 < e + 0.5 for _, s, e in spoken) for w in clara]
    assert len(clara) > 40
    assert sum(inside) / len(inside) > 0.97


def test_stereo_that_is_mono_twice_is_heard_once(client: Client, tmp_path: Path) -> None:
    sound = parted.meeting()[: 30 * 16_000]
    quieter = (sound * 0.5).astype(np.int16)
    job = client.wait(
        client.submit(parted.written(tmp_path / "twice.wav", [sound, quieter]), channels="separate")["id"]
    )
    assert [one["code"] for one in job["warnings"]] == ["dual_mono"]
    assert (job["status"], job["tracks"]) == ("completed", [])
    said = len(client.transcript(job["id"])["text"].split())
    assert 40 < said < 70, "the reference has 55 words in these 30 s; heard twice they would be 110"


def test_what_a_microphone_hears_of_others_is_said_once(client: Client, tmp_path: Path) -> None:
    """Each track holds the others too, 20 dB below: what two tracks heard is kept on the louder one, and not lost. Some
    faint copies the demonstration model takes for other words, which nothing can know for copies."""
    everybody = parted.meeting().astype(np.float64)
    tracks = [
        parted.written(tmp_path / f"{name}.wav", [(parted.alone(name) * 0.9 + everybody * 0.1).astype(np.int16)])
        for name in parted.PEOPLE
    ]
    job = client.wait(client.submit_tracks(tracks)["id"])
    assert job["status"] == "completed", job["error"]
    transcript = client.transcript(job["id"])
    names = {one["label"]: one["name"] for one in transcript["speakers"]}
    assert right(transcript, names) > 0.85
    dropped = [gap for gap in transcript["coverage"]["suppressed"] if "cross_talk" in gap["reasons"]]
    words = [word for segment in transcript["segments"] for word in segment["words"]]
    assert len(words) < 1.25 * 212
    assert len(dropped) > 30
    assert all(gap["text"] for gap in dropped)


def test_a_track_that_is_no_recording_costs_only_itself(client: Client, tmp_path: Path) -> None:
    good, bad = person(client, tmp_path, "clara"), tmp_path / "notes.wav"
    bad.write_text("these are words, not a recording of words\n" * 50)
    job = client.wait(client.submit_tracks([good, bad])["id"])
    assert job["status"] == "completed"
    assert [one["code"] for one in job["warnings"]] == ["track_failed"]
    assert {one["name"] for one in client.transcript(job["id"])["speakers"]} == {"clara"}


def test_the_command_line_sends_tracks(server: Up, tmp_path: Path, client: Client) -> None:
    files = [str(person(client, tmp_path, name)) for name in ("clara", "victor")]
    done = run("transcribe", "--tracks", *files, "--data", str(server.folder))
    assert done.returncode == 0, done.stderr
    assert "clara: Hello everyone" in done.stdout
    assert "victor: " in done.stdout
