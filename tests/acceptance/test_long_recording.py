"""Half an hour, cut and shared out: no word is lost or doubled at a cut, and two recordings go on side by side.

The recording carries its own words as tones, and the recognizer reads them back with their times: whatever is missing
or twice in the transcript was lost or doubled by the product.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from scriptorium import Client
from tests.acceptance.running import Up, serving
from tests.fakes import tones

MINUTES = 30


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tones.Spoken]]:
    path = tmp_path_factory.mktemp("tones") / "half-an-hour.wav"
    return path, tones.make(path, MINUTES * 60.0)


@pytest.fixture(scope="module")
def reader(spoken: tuple[Path, list[tones.Spoken]]) -> Iterator[Up]:
    """A server whose recognizer reads the tones."""
    engine = {"SCRIPTORIUM_ENGINES": json.dumps({"reference": "tests.fakes.recognizers:load"})}
    model = f"reference:{spoken[0].with_suffix('.json')}"
    with serving("--model", model, **engine) as running:
        yield running


@pytest.fixture(scope="module")
def done(reader: Up, spoken: tuple[Path, list[tones.Spoken]]) -> tuple[list[str], list[dict[str, object]]]:
    """Two jobs of the same recording, at once, through to their transcripts."""
    with reader.client() as client:
        ids = [client.submit(spoken[0], vad="webrtc")["id"] for _ in range(2)]
        return ids, [_transcript(client, job_id) for job_id in ids]


def _transcript(client: Client, job_id: str) -> dict[str, object]:
    job = client.wait(job_id)
    assert (job["status"], job["error"]) == ("completed", None)
    return client.transcript(job_id)


def test_every_word_once_and_in_order(
    done: tuple[list[str], list[dict[str, object]]], spoken: tuple[Path, list[tones.Spoken]]
) -> None:
    for transcript in done[1]:
        assert str(transcript["text"]).split() == [one.word.strip() for one in spoken[1]]


def test_every_word_at_its_time(
    done: tuple[list[str], list[dict[str, object]]], spoken: tuple[Path, list[tones.Spoken]]
) -> None:
    """A chunk's offset is right to a few frames, half an hour in."""
    segments = done[1][0]["segments"]
    assert isinstance(segments, list)
    starts = [word["start"] for segment in segments for word in segment["words"]]
    assert max(abs(start - one.start) for start, one in zip(starts, spoken[1], strict=True)) < 0.1


def test_no_word_is_torn_where_nobody_pauses(reader: Up, tmp_path: Path) -> None:
    """Minutes without a silence must be cut inside speech: both sides hear a second of each other."""
    talk = tones.make(tmp_path / "talk.wav", 240, sentence=(400, 400), pause=(0.3, 0.4))
    with reader.client() as client:
        job_id = client.submit(tmp_path / "talk.wav", vad="webrtc", word_timestamps=False)["id"]
        transcript = _transcript(client, job_id)
    assert str(transcript["text"]).split() == [one.word.strip() for one in talk]
    segments = transcript["segments"]
    assert isinstance(segments, list)
    assert sum("forced_cut" in one["flags"] for one in segments) >= 12
    assert not any(one["words"] for one in segments), "they were needed at the seams only"


def test_both_recordings_were_transcribed_side_by_side(
    done: tuple[list[str], list[dict[str, object]]], reader: Up
) -> None:
    """Neither waited for the other's end, as they would in a queue."""
    with psycopg.connect(reader.database_url) as connection:
        spans = [
            connection.execute(
                "SELECT min(started_at), max(finished_at), count(*) FROM steps"
                " WHERE job_id = %s AND kind = 'transcribe'",
                [job_id],
            ).fetchone()
            for job_id in done[0]
        ]
    (first, second) = spans
    assert first is not None
    assert second is not None
    assert first[2] == second[2] >= MINUTES * 2
    assert second[0] < first[1]
    assert first[0] < second[1]
