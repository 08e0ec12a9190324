"""AssemblyAI's own client, unmodified, against the real processes."""

import functools
import io
import re
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import assemblyai as aai
import pytest

from scriptorium import Client
from tests.acceptance.conftest import MEETING
from tests.acceptance.running import Up, serving

SAID = "hello everyone"
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")  # their client's own calls


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """A web server that has the recording; its address."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(MEETING.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


@pytest.fixture(scope="module")
def up(elsewhere: str) -> Iterator[Up]:
    told = {"SCRIPTORIUM_DIARIZER": "demo", "SCRIPTORIUM_OUTGOING_ALLOW": elsewhere}
    with serving(**told) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def settings(up: Up) -> Iterator[None]:
    """As their users do it."""
    before = aai.settings.model_copy()
    with up.client() as here:
        aai.settings.base_url = here.url
    aai.settings.api_key = (up.folder / "api-key").read_text().strip()
    aai.settings.polling_interval = 0.2
    yield
    aai.Client.get_default().http_client.close()
    for name in ("base_url", "api_key", "polling_interval"):
        setattr(aai.settings, name, getattr(before, name))


@pytest.fixture
def native(up: Up) -> Iterator[Client]:
    with up.client() as made:
        yield made


@pytest.fixture(scope="module")
def meeting() -> aai.Transcript:
    config = aai.TranscriptionConfig(speaker_labels=True, speakers_expected=3, language_code="en_us")
    found = aai.Transcriber().transcribe(str(MEETING), config)
    assert found.status == aai.TranscriptStatus.completed, found.error
    return found


def text_of(transcript: aai.Transcript) -> str:
    assert transcript.status == aai.TranscriptStatus.completed, transcript.error
    assert transcript.text
    return transcript.text.lower()


def test_a_file_is_transcribed_with_speakers(meeting: aai.Transcript) -> None:
    assert text_of(meeting).startswith(SAID)
    assert meeting.words
    assert meeting.utterances
    assert (meeting.audio_duration, meeting.speech_model_used) == (97, "demo")
    assert 0 < (meeting.confidence or 0) <= 1
    assert {one.speaker for one in meeting.utterances} == {"A", "B", "C"}
    assert [one.text for one in meeting.utterances[0].words[:2]] == [one.text for one in meeting.words[:2]]
    assert all(0 <= one.start <= one.end <= 98_000 for one in meeting.words)
    assert (meeting.json_response or {})["language_code"] == "en_us"


def test_bytes_and_open_files_are_transcribed() -> None:
    for data in (MEETING.read_bytes(), io.BytesIO(MEETING.read_bytes())):
        assert text_of(aai.Transcriber().transcribe(data)).startswith(SAID)


def test_the_default_config_finds_out_the_language() -> None:
    found = aai.Transcriber().transcribe(str(MEETING))
    assert (found.json_response or {})["language_code"] == "en"
    assert found.utterances is None


def test_a_recording_that_lies_at_a_url(elsewhere: str) -> None:
    url = f"http://{elsewhere}/{MEETING.name}"
    found = aai.Transcriber().transcribe(f"{url}?signature=1")
    assert text_of(found).startswith(SAID)
    assert found.audio_url == url


def test_part_of_a_recording() -> None:
    config = aai.TranscriptionConfig(audio_start_from=10_000, audio_end_at=30_000)
    found = aai.Transcriber(config=config).transcribe(str(MEETING))
    assert found.words
    assert all(one.start >= 9_500 and one.end <= 30_500 for one in found.words)


def test_captions(meeting: aai.Transcript) -> None:
    assert meeting.export_subtitles_srt().startswith("1\n00:00:0")
    narrow = meeting.export_subtitles_vtt(chars_per_caption=24)
    assert narrow.startswith("WEBVTT")
    lines = [line for line in narrow.splitlines() if line and "-->" not in line][1:]
    assert len(lines) > 20
    assert all(len(line) <= 24 for line in lines)


def test_sentences_and_paragraphs_hold_every_word(meeting: aai.Transcript) -> None:
    assert meeting.words
    every = [(one.text, one.start) for one in meeting.words]
    for passages in (meeting.get_sentences(), meeting.get_paragraphs()):
        assert sorted(((word.text, word.start) for one in passages for word in one.words), key=lambda one: one[1]) == (
            sorted(every, key=lambda one: one[1])
        )
        assert all(one.text and one.speaker in {"A", "B", "C"} for one in passages)
    assert len(meeting.get_paragraphs()) <= len(meeting.get_sentences())


def test_words_are_found(meeting: aai.Transcript) -> None:
    assert meeting.words
    found = meeting.word_search(["Hello", SAID, "antidisestablishmentarianism"])
    assert [one.text for one in found] == ["Hello", SAID]
    assert found[1].indexes[0] == 0
    plain = [re.sub(r"\W", "", one.text).lower() for one in meeting.words]
    assert [plain[index] for index in found[0].indexes] == ["hello"] * found[0].count


def test_the_list_is_read_page_by_page(meeting: aai.Transcript) -> None:
    made = [aai.Transcriber().submit(MEETING.read_bytes()).id for _ in range(2)]
    params, seen = aai.ListTranscriptParameters(limit=2), []
    page = aai.Transcriber().list_transcripts(params)
    while True:
        seen += page.transcripts
        params.before_id = page.page_details.before_id_of_prev_url
        if params.before_id is None:
            break
        page = aai.Transcriber().list_transcripts(params)
    ids = [one.id for one in seen]
    assert (ids[:2], len(set(ids))) == (made[::-1], len(ids))
    assert meeting.id in ids
    done = aai.ListTranscriptParameters(status=aai.TranscriptStatus.completed, limit=200)
    assert meeting.id in [one.id for one in aai.Transcriber().list_transcripts(done).transcripts]


def test_what_is_deleted_is_gone(native: Client) -> None:
    found = aai.Transcriber().transcribe(MEETING.read_bytes())
    assert found.id
    assert aai.Transcript.delete_by_id(found.id).text == "Deleted by user."
    with pytest.raises(aai.TranscriptError, match="was deleted"):
        aai.Transcript.get_by_id(found.id)
    assert found.id not in [one["id"] for one in native.jobs()["jobs"]]


def test_what_is_no_recording_ends_as_an_error(tmp_path: Path) -> None:
    notes = tmp_path / "notes.mp3"
    notes.write_text("these are words, not a recording of words\n" * 50)
    found = aai.Transcriber().transcribe(str(notes))
    assert found.status == aai.TranscriptStatus.error
    assert found.error
    assert (found.text, found.words) == (None, None)


def test_what_is_not_done_here_is_named() -> None:
    config = aai.TranscriptionConfig(sentiment_analysis=True)
    with pytest.raises(aai.TranscriptError, match="sentiment_analysis: is not done by this server"):
        aai.Transcriber(config=config).transcribe(MEETING.read_bytes())
    with pytest.raises(aai.TranscriptError, match="audio_url: "):
        aai.Transcriber().transcribe("http://127.0.0.1:1/meeting.flac")


def test_a_wrong_key_is_refused() -> None:
    client = aai.Client(api_key="wrong")
    with client.http_client, pytest.raises(aai.TranscriptError, match="API key"):
        aai.Transcriber(client=client).transcribe(MEETING.read_bytes())
