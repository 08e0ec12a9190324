"""Who spoke, through the real processes: with a fake that hears another speaker every ten seconds, and with
pyannote.audio on networks that hear tones. How well voices are told apart is for a real pipeline to show."""

import json
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scriptorium import Client, embedded
from scriptorium.scoring.files import speech
from scriptorium.scoring.report import Policy, Score, compared
from tests.acceptance.conftest import MEETING
from tests.acceptance.running import Up
from tests.fakes import tone_speakers
from tests.fakes.tone_speakers import Speech

TURN = 10.0


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    told = {
        "SCRIPTORIUM_ENGINES": json.dumps({"tens": "tests.fakes.diarizers:load"}),
        "SCRIPTORIUM_DIARIZER": "tens:any",
    }
    with embedded.temporary() as folder:
        up = Up(folder, extra=told).launch()
        try:
            with up.ready().client() as made:
                yield made
        finally:
            assert up.stop() == 0, up.said()


def test_every_word_has_its_speaker(client: Client) -> None:
    job = client.wait(client.submit(MEETING, diarization=True)["id"])
    assert (job["status"], job["warnings"]) == ("completed", [])
    transcript = client.transcript(job["id"])
    assert [one["label"] for one in transcript["speakers"]] == ["S1", "S2"]
    words = [word for segment in transcript["segments"] for word in segment["words"]]
    inside = [word for word in words if word["start"] % TURN > 1 and word["end"] % TURN < TURN - 1]
    assert len(inside) > 50
    right = [word["speaker"] == f"S{int(word['start'] // TURN) % 2 + 1}" for word in inside]
    assert sum(right) / len(right) > 0.95
    assert all(0 <= word["speaker_confidence"] <= 1 for word in words if word["speaker"])
    assert "".join(one["text"].replace(" ", "") for one in transcript["utterances"]) == "".join(
        word["word"].replace(" ", "") for word in words
    )
    assert "<v S1>" in client.rendered(job["id"], "vtt")
    assert client.rendered(job["id"], "rttm").startswith(f"SPEAKER {job['id']} 1 0.000 10.000")


def test_without_times_of_words_segments_still_have_speakers(client: Client) -> None:
    job = client.wait(client.submit(MEETING, diarization=True, word_timestamps=False)["id"])
    transcript = client.transcript(job["id"])
    assert {segment["speaker"] for segment in transcript["segments"]} == {"S1", "S2"}
    assert not any(segment["words"] for segment in transcript["segments"])


def test_who_did_not_ask_gets_none(client: Client) -> None:
    transcript = client.transcript(client.wait(client.submit(MEETING)["id"])["id"])
    assert (transcript["speakers"], transcript["utterances"], transcript["turns"]) == ([], [], [])


SAID = (Speech(0.5, 9.0, 0), Speech(9.5, 20.0, 1), Speech(20.5, 31.0, 0), Speech(31.5, 39.5, 2))
"""Tones that take turns."""


def test_pyannote_finds_them_in_a_process_of_its_own(begin: Callable[..., Up], tmp_path: Path) -> None:
    """The unmodified library, with networks that hear tones instead of voices. The transcriber hears no words there."""
    conversation = tone_speakers.conversation(SAID, 40.0)
    sound = tmp_path / "tones.wav"
    with wave.open(str(sound), "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(tone_speakers.RATE)
        written.writeframes((conversation * 32767).astype("<i2").tobytes())
    folder = tone_speakers.pipeline_folder(tmp_path / "pipeline")
    up = begin(SCRIPTORIUM_DIARIZER=str(folder)).ready()
    with up.client() as client:
        job = client.wait(client.submit(sound, diarization=True, max_speakers=3)["id"])
        assert (job["status"], job["warnings"]) == ("completed", [])
        assert job["stages"]["diarize"]["status"] == job["stages"]["cluster"]["status"] == "completed"
        turns = client.transcript(job["id"])["turns"]
    assert turns
    assert {turn["speaker"] for turn in turns} <= {"S1", "S2", "S3"}
    heard = sum(turn["end"] - turn["start"] for turn in turns)
    assert abs(heard - sum(one.end - one.start for one in SAID)) < 3


def test_the_demonstration_pipeline_finds_them_and_the_meeting_system_names_them(begin: Callable[..., Up]) -> None:
    """What the meeting system showed: who spoke, 0.8 s late, one of them not at all in the second half."""
    turns = [line.split() for line in MEETING.with_suffix(".rttm").read_text().splitlines()]
    told = [
        {"participant": one[7].title(), "start": float(one[3]) + 0.8, "end": float(one[3]) + float(one[4]) + 0.8}
        for one in turns
        if one[7] != "ben" or float(one[3]) < 50
    ]
    with begin(SCRIPTORIUM_DIARIZER="demo").ready().client() as client:
        job = client.wait(client.submit(MEETING, diarization=True, participants=told)["id"])
        assert (job["status"], job["warnings"]) == ("completed", [])
        assert "participants" not in job["options"]
        transcript = client.transcript(job["id"])
    assert [one["name"] for one in transcript["speakers"]] == ["Clara", "Victor", "Ben"]
    assert all(one["name_score"] > 0.7 for one in transcript["speakers"])
    reference = speech(MEETING.with_suffix(".stm").read_text(), ".stm", "REF")
    found = {one.name: one for one in compared(reference, speech(json.dumps(transcript), ".json", "HYP"), Policy())}
    if isinstance(der := found["DER"], Score):
        assert der.rate < 0.1
    if isinstance(who := found["cpWER"], Score):  # needs a compiler where it is installed
        assert who.rate < 0.2
