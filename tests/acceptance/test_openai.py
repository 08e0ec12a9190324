"""OpenAI's own client, unmodified, against the real processes: every format, streams, and uploads that come twice."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import AuthenticationError, BadRequestError, OpenAI

from scriptorium import Client
from tests.acceptance.conftest import MEETING
from tests.acceptance.running import Up, serving

SAID = "hello everyone"


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    with serving(SCRIPTORIUM_DIARIZER="demo") as running:
        yield running


@pytest.fixture(scope="module")
def openai(up: Up) -> Iterator[OpenAI]:
    with up.client() as here:
        key = (up.folder / "api-key").read_text().strip()
        with OpenAI(base_url=f"{here.url}/v1", api_key=key) as client:
            yield client


@pytest.fixture
def native(up: Up) -> Iterator[Client]:
    with up.client() as made:
        yield made


def transcribe(openai: OpenAI, **asked: Any) -> Any:
    with MEETING.open("rb") as file:
        return openai.audio.transcriptions.create(file=file, model=asked.pop("model", "whisper-1"), **asked)


def test_json_is_the_default(openai: OpenAI) -> None:
    found = transcribe(openai)
    assert found.text.lower().startswith(SAID)
    assert found.usage.seconds == pytest.approx(97, abs=1)


@pytest.mark.parametrize(("format", "begins"), [("text", "Hello"), ("srt", "1\n00:00:0"), ("vtt", "WEBVTT")])
def test_texts_and_captions_come_as_they_are(openai: OpenAI, format: str, begins: str) -> None:
    found = transcribe(openai, response_format=format)
    assert isinstance(found, str)
    assert found.startswith(begins)
    assert SAID in found.lower()


def test_verbose_json_has_all_fields_words_and_their_speakers(openai: OpenAI) -> None:
    found = transcribe(
        openai,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        extra_body={"diarization": "true"},
    )
    assert (found.language, round(found.duration)) == ("english", 97)
    assert [one.id for one in found.segments] == list(range(len(found.segments)))
    assert all(one.avg_logprob <= 0 and one.compression_ratio > 0 and one.end >= one.start for one in found.segments)
    words = [one.model_dump() for one in found.words]
    assert words[0]["word"].lower() == "hello"
    assert {"S1", "S2", "S3"} == {word["speaker"] for word in words}
    assert all(0 <= word["confidence"] <= 1 for word in words)


def test_segments_alone_where_nothing_else_is_asked(openai: OpenAI) -> None:
    found = transcribe(openai, response_format="verbose_json")
    assert found.segments
    assert found.words is None


def test_diarized_json_says_who(openai: OpenAI) -> None:
    found = transcribe(
        openai, model="gpt-4o-transcribe-diarize", response_format="diarized_json", chunking_strategy="auto"
    )
    assert [one.speaker for one in found.segments][:2] == ["A", "B"]
    assert {one.speaker for one in found.segments} == {"A", "B", "C"}
    assert found.segments[0].text.lower().startswith(SAID)


def test_a_stream_says_the_text_piece_by_piece(openai: OpenAI) -> None:
    events = list(transcribe(openai, stream=True, extra_body={"cache": "false", "tag": "streamed"}))
    deltas = [one.delta for one in events if one.type == "transcript.text.delta"]
    assert len(deltas) > 5
    assert events[-1].type == "transcript.text.done"
    told, whole = "".join(deltas).split(), events[-1].text.split()
    assert len(told) == pytest.approx(len(whole), rel=0.1)
    assert told[:3] == whole[:3]


def test_a_stream_of_speakers_ends_with_their_segments(openai: OpenAI) -> None:
    events = list(transcribe(openai, stream=True, response_format="diarized_json"))
    segments = [one for one in events if one.type == "transcript.text.segment"]
    assert {one.speaker for one in segments} == {"A", "B", "C"}


def test_bare_bytes_are_looked_into(openai: OpenAI) -> None:
    found = openai.audio.transcriptions.create(file=MEETING.read_bytes(), model="whisper-1")
    assert found.text.lower().startswith(SAID)


def test_the_same_upload_twice_at_once_is_one_job(openai: OpenAI, native: Client) -> None:
    found: list[str] = []

    def send() -> None:
        found.append(transcribe(openai, prompt="twice", extra_body={"tag": "twice", "cache": "false"}).text)

    both = [threading.Thread(target=send) for _ in range(3)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(set(found)) == 1
    assert len(native.jobs(tag="twice")["jobs"]) == 1


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"response_format": "docx"}, "response_format"),
        ({"model": "no-such-model"}, "model"),
        ({"temperature": 3}, "temperature"),
        ({"timestamp_granularities": ["word"]}, "timestamp_granularities"),
        ({"response_format": "verbose_json", "timestamp_granularities": ["letter"]}, "timestamp_granularities"),
        ({"stream": True, "response_format": "srt"}, "stream"),
        ({"language": "english please"}, "language"),
        ({"include": ["logprobs"]}, "include"),
        ({"known_speaker_names": ["Ada"]}, "known_speaker_names"),
        ({"extra_body": {"volume": "11"}}, "volume"),
    ],
)
def test_what_is_wrong_is_named_and_not_sent_again(openai: OpenAI, asked: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        transcribe(openai, **asked)
    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"
    assert refused.value.response.headers["x-should-retry"] == "false"


def test_what_is_no_recording_is_told_once(openai: OpenAI, native: Client, tmp_path: Path) -> None:
    notes = tmp_path / "notes.wav"
    notes.write_text("these are words, not a recording of words\n" * 50)
    with notes.open("rb") as file, pytest.raises(BadRequestError) as refused:
        openai.audio.transcriptions.create(file=file, model="whisper-1", extra_body={"tag": "notes"})
    assert refused.value.code == "invalid_media"
    assert len(native.jobs(tag="notes")["jobs"]) == 1


def test_a_wrong_key_is_refused(openai: OpenAI) -> None:
    with pytest.raises(AuthenticationError):
        transcribe(openai.with_options(api_key="sk_wrong"))


def test_the_model_list_is_one_that_the_client_reads(openai: OpenAI) -> None:
    assert "demo" in [one.id for one in openai.models.list()]


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # of OpenAI's own service
def test_a_translation_is_answered_in_english(openai: OpenAI) -> None:
    """The demonstration model translates nothing: what is tested is the way there and back."""
    with MEETING.open("rb") as file:
        found = openai.audio.translations.create(file=file, model="whisper-1", response_format="verbose_json")
    assert found.language == "english"
    assert found.duration == pytest.approx(97, abs=1)
