"""AssemblyAI's fields in, AssemblyAI's shapes out."""

import json
from typing import Any
from uuid import UUID

import assemblyai.types as theirs
import pytest

from core.errors import InvalidRequest
from core.languages import ENGLISH
from core.options import parse
from core.transcript import Segment, Speaker, Transcript, Utterance, Word
from web.assemblyai import described
from web.assemblyai.asked import NOT_HERE, TranscriptParams, asked, bcp_47, language_code, upload_of
from web.assemblyai.rendered import all_paragraphs, all_sentences, deleted, listed, search, transcript

URL = {"audio_url": "https://example.org/meeting.mp3"}
BASE = "http://scriptorium.example"
RECORDING = "0199b5a4-7c1e-7e55-9c2f-0123456789ab"


@pytest.mark.parametrize(
    ("body", "options"),
    [
        pytest.param({}, {}, id="nothing else"),
        pytest.param({"language_code": "en_us"}, {"language": "en-US"}, id="a language"),
        pytest.param({"language_code": "en_uk"}, {"language": "en-GB"}, id="their name of British English"),
        pytest.param({"language_codes": ["de"]}, {"language": "de"}, id="a list of one"),
        pytest.param({"language_detection": True}, {}, id="found out"),
        pytest.param(
            {"speaker_labels": True, "speakers_expected": 3}, {"diarization": True, "speakers": 3}, id="speakers"
        ),
        pytest.param(
            {"speaker_labels": True, "speaker_options": {"min_speakers_expected": 2, "max_speakers_expected": None}},
            {"diarization": True, "min_speakers": 2},
            id="from so many on",
        ),
        pytest.param({"speaker_labels": False}, {}, id="no speakers"),
        pytest.param({"word_boost": ["Ada"], "boost_param": "default"}, {"hotwords": ["Ada"]}, id="boosted words"),
        pytest.param({"keyterms_prompt": ["Ada"], "word_boost": []}, {"hotwords": ["Ada"]}, id="key terms"),
        pytest.param({"prompt": "Minutes."}, {"prompt": "Minutes."}, id="a prompt"),
        pytest.param(
            {"audio_start_from": 1500, "audio_end_at": 2500}, {"clip_start": 1.5, "clip_end": 2.5}, id="milliseconds"
        ),
        pytest.param({"multichannel": True}, {"channels": "separate"}, id="channels"),
        pytest.param({"dual_channel": True}, {"channels": "separate"}, id="their older word"),
        pytest.param({"speech_model": "slam-1"}, {}, id="their model is ours"),
        pytest.param({"speech_models": ["universal-3-pro", "universal-2"]}, {}, id="of any number"),
        pytest.param({"speech_models": ["demo", "best"]}, {"model": "demo"}, id="the first of ours"),
        pytest.param({"speech_model": "large-v3"}, {"model": "large-v3"}, id="one of ours"),
        pytest.param(
            {"punctuate": True, "format_text": True, "disfluencies": True, "temperature": 0.5}, {}, id="changes nothing"
        ),
        pytest.param(
            {"redact_pii": False, "sentiment_analysis": None, "redact_pii_policies": [], "speech_threshold": 0,
             "language_detection_options": {"code_switching": False, "expected_languages": None}},
            {}, id="what asks for nothing",
        ),
        pytest.param({"no_such_field": None}, {}, id="null is as good as absent"),
    ],
)  # fmt: skip
def test_fields_become_options(body: dict[str, Any], options: dict[str, Any]) -> None:
    found = asked({**URL, **body})
    assert (found.audio_url, found.options) == (URL["audio_url"], {"clip_start": 0.0, **options})
    parse(found.options)


REFUSED = (
    "auto_chapters auto_highlights content_safety entity_detection filter_profanity iab_categories redact_pii "
    "redact_pii_audio sentiment_analysis summarization"
).split()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        *(({name: True}, name) for name in REFUSED),
        ({"webhook_url": "https://example.org/hook"}, "webhook_url"),
        ({"custom_spelling": [{"from": ["a"], "to": "b"}]}, "custom_spelling"),
        ({"speech_understanding": {"request": {"translation": {}}, "response": 1}}, "speech_understanding"),
        ({"language_confidence_threshold": 0.5}, "language_confidence_threshold"),
        ({"language_detection_options": {"expected_languages": ["en"]}}, "language_detection_options"),
        ({"no_such_field": 1}, "no_such_field"),
        ({"punctuate": False}, "punctuate"),
        ({"format_text": False}, "format_text"),
        ({"boost_param": "high"}, "boost_param"),
        ({"word_boost": ["a"], "keyterms_prompt": ["b"]}, "word_boost"),
        ({"word_boost": "a"}, "word_boost"),
        ({"keyterms_prompt": ["a"] * 101}, "keyterms_prompt"),
        ({"prompt": "a" * 1001}, "prompt"),
        ({"prompt": "a\0"}, "prompt"),
        ({"temperature": 2}, "temperature"),
        ({"language_code": "plain english"}, "language_code"),
        ({"language_codes": ["plain english"]}, "language_codes"),
        ({"language_codes": ["en", "de"]}, "language_codes"),
        ({"language_code": "en", "language_codes": ["de"]}, "language_codes"),
        ({"language_code": "en", "language_detection": True}, "language_detection"),
        ({"speakers_expected": 2}, "speakers_expected"),
        ({"speaker_labels": True, "speakers_expected": 0}, "speakers_expected"),
        ({"speaker_labels": True, "speaker_options": {"min_speakers_expected": 3, "max_speakers_expected": 2}},
         "speaker_options"),
        ({"speaker_labels": True, "speaker_options": {"use_two_stage_clustering": True}},
         "speaker_options.use_two_stage_clustering"),
        ({"speaker_labels": True, "speaker_options": "two"}, "speaker_options"),
        ({"audio_start_from": -1}, "audio_start_from"),
        ({"audio_start_from": 10, "audio_end_at": 10}, "audio_end_at"),
        ({"audio_url": None}, "audio_url"),
        ({"audio_url": ""}, "audio_url"),
        ({"audio_url": ["a"]}, "audio_url"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        asked({**URL, **body})
    assert refused.value.details["errors"][0]["field"] == field
    assert refused.value.message.startswith(f"{field}: ")


def test_every_field_of_their_client_is_taken_or_refused_with_a_reason() -> None:
    assert set(theirs.RawTranscriptionConfig.model_fields) <= {*TranscriptParams.model_fields, *NOT_HERE}
    assert not set(TranscriptParams.model_fields) & set(NOT_HERE)


def test_language_codes_go_both_ways() -> None:
    for code in ("en_us", "en_uk", "en_au", "de_ch", "zh", "pt", *ENGLISH):
        assert language_code(bcp_47(code)) == code
    assert bcp_47("zh-cn") == "zh-CN"


@pytest.mark.parametrize(
    ("url", "known"),
    [
        (f"{BASE}/v2/upload/{RECORDING}", True),
        (f"http://10.0.0.1:8080/v2/upload/{RECORDING}", True),
        (f"https://proxy.example/scriptorium/v2/upload/{RECORDING.upper()}?a=b", True),
        (f"{BASE}/v2/upload/{RECORDING}/x", False),
        (f"{BASE}/v2/upload/{RECORDING[:-1]}", False),
        (f"{BASE}/?x=/v2/upload/{RECORDING}", False),
        (f"https://cdn.assemblyai.com/upload/{RECORDING}", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_an_upload_is_known_by_its_path(url: str, known: bool) -> None:
    """The server may have another name for each who asks; the id has not."""
    assert upload_of(url) == (UUID(RECORDING) if known else None)


def job(status: str = "completed", **more: Any) -> dict[str, Any]:
    """As much of a job as is read."""
    options = {"language": "auto", "diarization": False, "channels": "mix", **more.pop("options", {})}
    return {
        "id": "0199b5a4-0000-7000-8000-000000000001", "status": status, "options": options,
        "recording": {"id": RECORDING, "channels": 2}, "source_url": None, "model": {"name": "demo", "revision": "1"},
        "language": "en", "language_probability": 0.9, "error": None, "created_at": "2026-11-02T21:49:25.586Z",
        "finished_at": "2026-11-02T21:50:25.586Z", **more,
    }  # fmt: skip


def told(text: str, start: float, speaker: str | None = None, channel: int | None = None) -> Segment:
    words = tuple(
        Word(start + n / 2, start + n / 2 + 0.4996, f" {one}", 0.8, speaker) for n, one in enumerate(text.split())
    )
    return Segment(start, words[-1].end, f" {text}", "en", -0.1, 0.0, words, speaker, channel)


def document(*segments: Segment, named: str | None = None) -> dict[str, Any]:
    labels = list(dict.fromkeys(one.speaker for one in segments if one.speaker))
    speakers = tuple(Speaker(label, 1.0, named if label == "S2" else None) for label in labels)
    said = tuple(Utterance(one.start, one.end, one.speaker, one.text.strip(), one.words) for one in segments)
    made = Transcript(61.6, "en", segments, 10.0, utterances=said if labels else (), speakers=speakers)
    return made.to_json("job")


MEETING = (told("Hello there.", 0.0, "S1"), told("Good morning to you.", 2.0, "S2"), told("Fine.", 5.0, "S1"))


def test_a_transcript_is_one_that_their_client_reads() -> None:
    answer = transcript(job(options={"diarization": True}), document(*MEETING), BASE)
    read = theirs.TranscriptResponse.model_validate(answer)
    assert (read.status, read.text, read.audio_duration) == ("completed", "Hello there. Good morning to you. Fine.", 62)
    assert (read.language_code, read.language_confidence, read.speech_model_used) == ("en", 0.9, "demo")
    assert read.audio_url == f"{BASE}/v2/upload/{RECORDING}"
    assert answer["words"][1] == {
        "text": "there.", "start": 500, "end": 1000, "confidence": 0.8, "speaker": "A", "channel": None
    }  # fmt: skip
    assert [(one["speaker"], one["text"], one["start"], len(one["words"])) for one in answer["utterances"]] == [
        ("A", "Hello there.", 0, 2),
        ("B", "Good morning to you.", 2000, 4),
        ("A", "Fine.", 5000, 1),
    ]
    assert "error" not in answer


def test_every_word_is_in_one_utterance() -> None:
    answer = transcript(job(options={"diarization": True}), document(*MEETING), BASE)
    assert [word for one in answer["utterances"] for word in one["words"]] == answer["words"]


def test_without_speakers_there_are_no_utterances() -> None:
    answer = transcript(job(), document(told("Hello there.", 0.0)), BASE)
    assert (answer["utterances"], {one["speaker"] for one in answer["words"]}) == (None, {None})


def test_a_speaker_that_has_a_name_is_called_by_it() -> None:
    answer = transcript(job(options={"diarization": True}), document(*MEETING, named="Ada"), BASE)
    assert [one["speaker"] for one in answer["utterances"]] == ["A", "Ada", "A"]


@pytest.mark.parametrize(("diarized", "names"), [(False, ["1", "2"]), (True, ["1A", "2B"])])
def test_channels_heard_apart_are_counted_from_one(diarized: bool, names: list[str]) -> None:
    made = document(told("Hello there.", 0.0, "S1", 0), told("Good morning.", 0.1, "S2", 1))
    asked_for = {"channels": "separate", "diarization": diarized}
    answer = transcript(job(options=asked_for), made, BASE)
    assert [(one["channel"], one["speaker"]) for one in answer["utterances"]] == list(zip("12", names, strict=True))
    assert (answer["multichannel"], answer["audio_channels"]) == (True, 2)
    assert [one["text"] for one in answer["words"]] == ["Hello", "Good", "there.", "morning."]
    assert [one["text"] for one in answer["utterances"]] == ["Hello there.", "Good morning."]


def test_what_was_asked_is_answered() -> None:
    options = {
        "language": "en-GB", "diarization": True, "speakers": 2, "clip_start": 1.5, "clip_end": 9.0,
        "hotwords": ["Ada"], "prompt": "Minutes.", "model": "demo",
    }  # fmt: skip
    answer = transcript(job("queued", options=options, language=None, language_probability=None), None, BASE)
    kept = theirs.TranscriptionConfig(
        **{name: answer[name] for name in theirs.RawTranscriptionConfig.model_fields if answer.get(name) is not None}
    )
    assert (kept.language_code, kept.speaker_labels, kept.speakers_expected) == ("en_uk", True, 2)
    assert (kept.audio_start_from, kept.audio_end_at, answer["keyterms_prompt"]) == (1500, 9000, ["Ada"])
    assert (answer["status"], answer["text"], answer["words"], answer["language_detection"]) == (
        "queued", None, None, False
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [("failed", {"message": "it is no recording"}, "it is no recording"), ("cancelled", None, "the job was cancelled")],
)
def test_what_failed_says_why(status: str, error: dict[str, Any] | None, said: str) -> None:
    answer = transcript(job(status, error=error), None, BASE)
    assert (answer["status"], answer["error"]) == ("error", said)
    assert listed(job(status, error=error), BASE)["completed"] is None


def test_silence_has_a_confidence_all_the_same() -> None:
    answer = transcript(job(), document(), BASE)
    assert (answer["text"], answer["words"], answer["confidence"]) == ("", [], 0.0)
    theirs.SentencesResponse.model_validate(all_sentences(job(), document()))


def test_sentences_and_paragraphs_are_what_their_client_reads() -> None:
    made, asked_for = document(*MEETING), job(options={"diarization": True})
    sentences = theirs.SentencesResponse.model_validate(all_sentences(asked_for, made)).sentences
    assert [(one.text, one.speaker, len(one.words)) for one in sentences] == [
        ("Hello there.", "A", 2), ("Good morning to you.", "B", 4), ("Fine.", "A", 1)
    ]  # fmt: skip
    paragraphs = theirs.ParagraphsResponse.model_validate(all_paragraphs(asked_for, made)).paragraphs
    assert [one.text for one in paragraphs] == [one.text for one in sentences]


def test_words_are_found_by_their_places() -> None:
    found = search(job(), document(*MEETING), ["hello", "Good morning", "never said", "fine"])
    read = theirs.WordSearchMatchResponse.model_validate(found)
    assert (read.total_count, [one.text for one in read.matches]) == (3, ["hello", "Good morning", "fine"])
    assert (read.matches[1].indexes, read.matches[1].timestamps) == ([2], [(2000, 3000)])


def test_where_a_recording_was_fetched_is_said() -> None:
    by_url = job(source_url="https://example.org/meeting.mp3")
    assert transcript(by_url, None, BASE)["audio_url"] == "https://example.org/meeting.mp3"


def test_a_list_item_has_times_as_they_write_them() -> None:
    found = theirs.TranscriptItem.model_validate(listed(job(), BASE))
    assert (found.created, found.completed) == ("2026-11-02T21:49:25.586000", "2026-11-02T21:50:25.586000")
    assert found.resource_url == f"{BASE}/v2/transcript/{found.id}"


ALWAYS = (
    "id speech_model language_model acoustic_model status audio_url webhook_auth auto_highlights redact_pii "
    "summarization language_confidence_threshold language_confidence"
).split()
"""Fields that AssemblyAI's OpenAPI document says are always there."""


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(transcript(job(options={"diarization": True}), document(*MEETING), BASE), id="completed"),
        pytest.param(transcript(job("queued", language=None), None, BASE), id="queued"),
        pytest.param(transcript(job("failed", error={"message": "no"}), None, BASE), id="failed"),
        pytest.param(deleted("an id"), id="deleted"),
    ],
)
def test_a_transcript_is_as_both_describe_it(answer: dict[str, Any]) -> None:
    described.TranscriptAnswer.model_validate(answer, strict=True)
    assert set(ALWAYS) <= set(answer)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_other_answers_are_as_described() -> None:
    made = document(*MEETING)
    described.SentenceList.model_validate(all_sentences(job(), made), strict=True)
    described.ParagraphList.model_validate(all_paragraphs(job(), made), strict=True)
    described.WordMatches.model_validate(search(job(), made, ["hello"]), strict=True)
    described.TranscriptItem.model_validate(listed(job(), BASE), strict=True)


def test_what_is_deleted_is_something_their_client_reads() -> None:
    read = theirs.TranscriptResponse.model_validate(deleted("an id"))
    assert (read.id, read.status, read.text, read.words) == ("an id", "completed", "Deleted by user.", None)
