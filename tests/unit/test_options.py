from typing import Any

import pytest

from core.errors import InvalidRequest
from core.options import Options, parse
from web.fields import options_of, plain


def test_nothing_asked_is_everything_by_default() -> None:
    assert parse({}) == Options()
    assert parse({}).whisper_language is None


@pytest.mark.parametrize(
    ("given", "field", "allowed"),
    [
        ({"priority": "urgent"}, "priority", ["low", "normal", "high"]),
        ({"vad": "magic"}, "vad", ["silero", "webrtc"]),
        ({"lnaguage": "en"}, "lnaguage", sorted(Options.model_fields)),
        ({"language": "english please"}, "language", None),
        ({"diarization": "perhaps"}, "diarization", None),
        ({"clip_start": -1}, "clip_start", None),
        ({"clip_end": float("inf")}, "clip_end", None),
        ({"clip_start": 5, "clip_end": 4}, "options", None),
        ({"metadata": {"k": 1}}, "metadata.k", None),
        ({"hotwords": "one, two"}, "hotwords", None),
        ({"channels": "left"}, "channels", ["mix", "separate"]),
        ({"tracks": [{"offset_seconds": -1}]}, "tracks.0.offset_seconds", None),
        ({"tracks": [{"offset": 3}]}, "tracks.0.offset", ["name", "offset_seconds"]),
        ({"tracks": [{}], "channels": "separate"}, "options", None),
        ({"tracks": [{}], "clip_start": 3}, "options", None),
        ({"participants": [{"participant": "Ada", "start": 5, "end": 4}]}, "participants.0", None),
        ({"participants": [{"name": "Ada"}]}, "participants.0.participant", None),
    ],
)
def test_a_bad_option_is_named_with_what_is_allowed(
    given: dict[str, Any], field: str, allowed: list[str] | None
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(given)
    fault = refused.value.details["errors"][0]
    assert (fault["field"], fault.get("allowed")) == (field, allowed)
    assert refused.value.message.startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("tag", "code"), [("en-GB", "en"), ("zh-CN", "zh"), ("cmn-Hans-CN", "zh"), ("YUE", "yue"), ("auto", None)]
)
def test_language_tags_become_the_codes_of_whisper(tag: str, code: str | None) -> None:
    assert parse({"language": tag}).whisper_language == code


def test_form_fields_become_what_the_options_want() -> None:
    fields = [
        ("diarization", "true"), ("word_timestamps", "0"), ("clip_start", "0.5"), ("language", "zh-CN"),
        ("hotwords", '["Ann", "Bob"]'), ("metadata", '{"room": "4"}'), ("tag", ""),
    ]  # fmt: skip
    found = parse(options_of(fields))
    assert found == Options(
        diarization=True, word_timestamps=False, clip_start=0.5, language="zh-CN", hotwords=("Ann", "Bob"),
        metadata={"room": "4"},
    )  # fmt: skip


def test_tracks_and_participants_are_json_also_one_by_one() -> None:
    fields = [("tracks", '{"name": "Ann"}'), ("tracks", '[{"offset_seconds": 2}]'), ("hotwords", "{braces}")]
    found = parse(options_of(fields))
    assert [(one.name, one.offset_seconds) for one in found.tracks] == [("Ann", 0.0), (None, 2.0)]
    assert found.hotwords == ("{braces}",)
    with pytest.raises(InvalidRequest, match="not valid JSON"):
        options_of([("participants", "Ann")])


def test_options_may_come_as_one_json_field_beside_others() -> None:
    assert options_of([("options", '{"language": "en", "tag": null}'), ("task", "translate")]) == {
        "language": "en",
        "task": "translate",
    }


def test_hotwords_may_come_one_a_field() -> None:
    assert options_of([("hotwords", "Ann"), ("hotwords", "Bob")]) == {"hotwords": ["Ann", "Bob"]}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ([("metadata", "room")], "metadata"),
        ([("metadata", "[1]")], "metadata"),
        ([("hotwords", '["Ann"')], "hotwords"),
        ([("options", "[" * 100_000)], "options"),
        ([("language", "en"), ("language", "zh")], "language"),
        ([("options", '{"language": "en"}'), ("language", "zh")], "language"),
        ([("tag", "a\0b")], "tag"),
        ([("options", '{"metadata": {"a": "\\ud800"}}')], "a"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(fields: list[tuple[str, str]], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        options_of(fields)
    assert refused.value.details["errors"][0]["field"] == field


def test_text_is_checked_however_deep_it_lies() -> None:
    deep: Any = "\0"
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(InvalidRequest):
        plain("options", deep)
