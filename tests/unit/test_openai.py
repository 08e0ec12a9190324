"""OpenAI's fields in, OpenAI's shapes out."""

import json
from typing import Any

import pytest

from core.errors import InvalidRequest
from core.languages import english_name
from core.options import parse
from web.openai.asked import MODELS, Asked, asked
from web.openai.rendered import events, rendered
from web.openai.waiting import Told

MODEL = ("model", "whisper-1")


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        pytest.param([], {}, id="nothing else"),
        pytest.param([("language", "de")], {"language": "de"}, id="a language"),
        pytest.param([("languages[]", "de")], {"language": "de"}, id="a list of one"),
        pytest.param([("languages[]", "de"), ("languages[]", "en")], {}, id="one of several is found out"),
        pytest.param([("keywords[]", "Ada"), ("keywords", "Bob")], {"hotwords": ["Ada", "Bob"]}, id="keywords"),
        pytest.param([("prompt", "Minutes.")], {"prompt": "Minutes."}, id="a prompt"),
        pytest.param([("chunking_strategy", "auto")], {}, id="chunks are ours to cut"),
        pytest.param(
            [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "0.5")], {}, id="all"
        ),
        pytest.param([("response_format", "diarized_json")], {"diarization": True}, id="speakers by format"),
        pytest.param([("diarization", "true"), ("speakers", "2")], {"diarization": "true", "speakers": "2"}, id="ours"),
        pytest.param([("temperature", "0.4"), ("stream", "false")], {}, id="what changes nothing"),
    ],
)
def test_fields_become_options(fields: list[tuple[str, str]], options: dict[str, Any]) -> None:
    found = {name: value for name, value in asked([MODEL, *fields]).options.items() if value not in (None, "")}
    assert found == options
    parse(found)


def test_a_model_of_this_server_keeps_its_name() -> None:
    assert asked([("model", "large-v3")]).options["model"] == "large-v3"
    assert {asked([("model", name)]).options["model"] for name in MODELS} == {None}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ([], "model"),
        ([MODEL, MODEL], "model"),
        ([MODEL, ("temperature", "warm")], "temperature"),
        ([MODEL, ("temperature", "nan")], "temperature"),
        ([MODEL, ("stream", "perhaps")], "stream"),
        ([MODEL, ("response_format", "pdf")], "response_format"),
        ([MODEL, ("volume", "11")], "volume"),
        ([MODEL, ("tracks", "[]")], "tracks"),
        ([MODEL, ("prompt[]", "a")], "prompt[]"),
        ([MODEL, ("Größe", "a")], "Größe"),
        ([MODEL, ("prompt", "a\0")], "prompt"),
        ([MODEL, ("keywords[]", "a\0")], "hotwords"),
    ],
)
def test_what_is_wrong_is_named(fields: list[tuple[str, str]], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        asked(fields)
    assert refused.value.details["errors"][0]["field"] == field


def test_a_translation_has_no_speakers() -> None:
    with pytest.raises(InvalidRequest):
        asked([MODEL, ("response_format", "diarized_json")], translate=True)
    assert asked([MODEL], translate=True).options["task"] == "translate"


def word(text: str, start: float, speaker: str | None) -> dict[str, Any]:
    return {"word": f" {text}", "start": start, "end": start + 0.4, "confidence": 0.9, "speaker": speaker}


SEGMENT = {
    "start": 1.25, "end": 2.0, "text": " Hello there", "avg_logprob": -0.2, "no_speech_prob": 0.01, "confidence": 0.9,
    "speaker": "S1", "words": [word("Hello", 1.25, "S1"), word("there", 1.7, "S1")],
}  # fmt: skip
DOCUMENT = {
    "text": "Hello there", "language": "zh", "duration": 2.5, "segments": [SEGMENT],
    "utterances": [{"start": 1.25, "end": 2.0, "speaker": "S1", "text": "Hello there"}],
    "speakers": [{"label": "S1", "name": None}, {"label": "S2", "name": "Ada"}],
}  # fmt: skip
EMPTY = {**DOCUMENT, "text": "", "language": None, "segments": [], "utterances": [], "speakers": []}


def shown(format: str, document: dict[str, Any] = DOCUMENT, **more: Any) -> Any:
    return json.loads(rendered(document, Asked({}, format, **more))[0])


def test_each_format_has_its_shape() -> None:
    assert shown("json") == {"text": "Hello there", "usage": {"type": "duration", "seconds": 2.5}}
    verbose = shown("verbose_json", words=True)
    assert (verbose["language"], verbose["segments"][0]["seek"], verbose["words"][1]["word"]) == (
        "chinese",
        125,
        "there",
    )
    assert "segments" not in shown("verbose_json", words=True, segments=False)
    (segment,) = shown("diarized_json")["segments"]
    assert (segment["speaker"], segment["id"], segment["type"]) == ("A", "seg_0", "transcript.text.segment")
    named = {**DOCUMENT, "speakers": [{"label": "S1", "name": "Grace"}]}
    assert shown("diarized_json", named)["segments"][0]["speaker"] == "Grace"
    assert rendered(DOCUMENT, Asked({}, "text")) == ("Hello there\n", "text/plain; charset=utf-8")


@pytest.mark.parametrize("format", ["json", "verbose_json", "diarized_json"])
def test_silence_is_a_transcript_too(format: str) -> None:
    assert shown(format, EMPTY)["text"] == ""
    assert [one["type"] for one in events(EMPTY, Asked({}, format))] == ["transcript.text.done"]


def test_a_translation_is_in_english_whatever_was_spoken() -> None:
    body, _ = rendered(DOCUMENT, Asked({"task": "translate"}, "verbose_json"))
    assert (json.loads(body)["language"], json.loads(body)["task"]) == ("english", "translate")


def test_languages_have_english_names() -> None:
    assert [english_name(code) for code in ("en", "ht", "xx", None)] == ["english", "haitian creole", "xx", ""]


def page(revision: int, *segments: tuple[str, str, float]) -> dict[str, Any]:
    listed = [{"id": place, "text": text, "start": end - 1, "end": end} for place, text, end in segments]
    return {"revision": revision, "segments": listed}


def test_a_stream_says_chunks_in_their_order_and_nothing_twice() -> None:
    told = Told()
    assert told.more(page(1, ("2.0", " three", 3.0)), settled=0) == [], "two chunks are still to be heard"
    assert told.more(page(2, ("0.0", " one", 1.0)), settled=1) == [" one"]
    assert told.more(page(3, ("0.0", " one, again", 1.0)), settled=1) == [], "a text cannot be taken back"
    assert told.more(page(3), settled=3) == [" three"], "the second chunk was silence"
    rest = [{"text": " one", "start": 0.0}, {"text": " three", "start": 2.0}, {"text": " four", "start": 3.0}]
    assert told.rest(rest) == [" four"]
    assert told.revision == 3
