"""What a client of OpenAI's audio API asks for -> options of a job, and the shape of the answer. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import fault
from core.options import Options
from web.fields import options_of, plain

TRANSCRIBE = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
TRANSLATE = TRANSCRIBE[:5]
STREAMED = ("json", "text", "diarized_json")
GRANULARITIES = ("word", "segment")
MODELS = (
    "whisper-1",
    "gpt-transcribe",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
    "gpt-4o-transcribe-diarize",
)
"""OpenAI's own names: they mean this server's model, so that a client needs no other."""
DIARIZING = "gpt-4o-transcribe-diarize"

_LISTS = frozenset(
    "timestamp_granularities include known_speaker_names known_speaker_references languages keywords".split()
)
_SINGLE = frozenset("model language prompt response_format stream temperature".split())
_OWN = frozenset(Options.model_fields) - {"model", "language", "prompt", "task", "tracks", "channels"}
"""Options of a job that may be sent beside OpenAI's fields, as `extra_body`."""
_NAME = re.compile(r"^([a-z_]+)(?:\[([a-z_]*)\])?$")


@dataclass(frozen=True)
class Asked:
    """`options` for `core.options.parse`. `words`, `segments`: the lists that `verbose_json` shall have."""

    options: dict[str, Any]
    format: str = "json"
    stream: bool = False
    words: bool = False
    segments: bool = True


def asked(fields: Sequence[tuple[str, str]], *, translate: bool = False) -> Asked:
    """Raises InvalidRequest, which names the field as it was sent."""
    given = _gathered(fields)
    format = _format(given, TRANSLATE if translate else TRANSCRIBE)
    granularities = _granularities(given, format)
    stream = _flag(given, "stream")
    if stream and format not in STREAMED:
        raise fault("stream", f"does not go with response_format {format}", allowed=list(STREAMED))
    _refuse_what_is_not_here(given)
    _temperature(given)
    options = _options(given, diarize=format == "diarized_json")
    if translate:
        options["task"] = "translate"
    return Asked(options, format, stream, "word" in granularities, not granularities or "segment" in granularities)


def _gathered(fields: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """By name, with or without brackets. Which silences end a chunk is ours to choose, so `chunking_strategy`, also
    with its own fields in brackets, changes nothing."""
    found: dict[str, list[str]] = {}
    for sent, text in fields:
        match = _NAME.match(sent)
        name = match[1] if match else sent
        if name == "chunking_strategy":
            continue
        if match is None or (match[2] or (match[2] == "" and name not in _LISTS)):
            raise fault(sent, "is not a parameter of this request")
        if text.strip():
            found.setdefault(name, []).append(text)
    return found


def _one(given: dict[str, list[str]], name: str) -> str | None:
    values = given.get(name, [])
    if len(values) > 1:
        raise fault(name, "is given twice")
    return values[0] if values else None


def _format(given: dict[str, list[str]], allowed: Sequence[str]) -> str:
    format = _one(given, "response_format") or "json"
    if format not in allowed:
        raise fault("response_format", f"{format!r} is not a format of this request", allowed=list(allowed))
    return format


def _granularities(given: dict[str, list[str]], format: str) -> list[str]:
    found = given.get("timestamp_granularities", [])
    for one in found:
        if one not in GRANULARITIES:
            raise fault("timestamp_granularities", f"{one!r} is not a granularity", allowed=list(GRANULARITIES))
    if found and format != "verbose_json":
        raise fault("timestamp_granularities", "needs response_format verbose_json")
    return found


def _flag(given: dict[str, list[str]], name: str) -> bool:
    said = (_one(given, name) or "false").lower()
    if said not in ("true", "false", "1", "0"):
        raise fault(name, "must be true or false")
    return said in ("true", "1")


def _temperature(given: dict[str, list[str]]) -> None:
    """Every decode begins at 0, which is repeatable, and is warmer only where a text is doubtful."""
    said = _one(given, "temperature")
    try:
        fits = said is None or 0 <= float(said) <= 1
    except ValueError:
        fits = False
    if not fits:
        raise fault("temperature", "must be a number from 0 to 1")


def _refuse_what_is_not_here(given: dict[str, list[str]]) -> None:
    if given.get("include"):
        raise fault("include", "token probabilities are not kept; verbose_json has the confidence of every word")
    if given.get("known_speaker_names") or given.get("known_speaker_references"):
        message = "voices are not compared with samples here; send neither, and name the speakers of the job afterwards"
        raise fault("known_speaker_names", message)


def _options(given: dict[str, list[str]], *, diarize: bool) -> dict[str, Any]:
    model = _one(given, "model")
    if model is None:
        raise fault("model", "is missing: send the name of a model, such as whisper-1 for this server's own")
    languages = [_one(given, "language")] if given.get("language") else given.get("languages", [])
    own = [(name, text) for name, texts in given.items() if name not in _LISTS | _SINGLE for text in texts]
    for name, _ in own:
        if name not in _OWN:
            raise fault(name, "is not a parameter of this request")
    options = options_of(own)
    options |= {"model": None if model in MODELS else model, "prompt": _one(given, "prompt") or ""}
    if len(languages) == 1:
        options["language"] = languages[0]
    if given.get("keywords"):
        options["hotwords"] = given["keywords"]
    if diarize or model == DIARIZING:
        options["diarization"] = True
    return plain("options", options)
