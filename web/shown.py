"""What of a request's parameters may stand in the audit trail. Pure.

The trail is kept for a year, outlives the job, and is read by others than the caller: so it says what was asked for,
and nothing of what was spoken. Hence two closed lists. A parameter of the first is shown where its value is one of the
words or numbers that it may have; anything else in its place (a key in the wrong field, a name in a filter) is not.
Of the second only the name is kept: prompts, hotwords, metadata and tags say what a recording is about, tracks and
participants who was there, a URL or a secret opens something, a file's name is whatever a person called it. A name in
neither list may be all of that itself, so such ones are counted.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from core.formats import FORMATS
from core.languages import ENGLISH
from core.models import KNOWN
from core.options import Options
from core.states import DeliveryStatus, Kind
from web.openai.asked import MODELS, TRANSCRIBE
from web.queries import QUERIES

OTHERS = "others"
"""Stands for the parameters that no route has: how many there were."""

_NUMBER = r"\d{1,10}(\.\d{1,6})?"
_FLAG = "true|false|1|0|True|False"
_ID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_MOMENT = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+ -]\d\d:?\d\d)?)?"
_LANGUAGE = f"(auto|{'|'.join(ENGLISH)})(-[A-Za-z]{{2,4}})*"
_PLACE = re.compile(rf"{_ID}|S\d{{1,4}}|\d{{1,9}}")
"""Of what stands in an address: an id, a speaker's label, a number."""


def _words(*words: str) -> str:
    return "|".join(map(re.escape, words))


_VALUES: dict[str, str] = {
    **dict.fromkeys(("wait", "limit", "after", "max_chars", "max_lines", "min_speakers", "max_speakers"), _NUMBER),
    **dict.fromkeys(("clip_start", "clip_end", "start", "end", "delete_after_seconds", "temperature"), _NUMBER),
    **dict.fromkeys(("diarization", "cache", "word_timestamps", "stream"), _FLAG),
    **dict.fromkeys(("overlap_seconds",), _NUMBER),
    **dict.fromkeys(("disabled", "ed25519"), _FLAG),
    **dict.fromkeys(("recording_id", "subject"), _ID),
    **dict.fromkeys(("from", "to", "since", "until"), _MOMENT),
    "speakers": f"{_NUMBER}|{_FLAG}",  # of a caption a flag, of a job a number
    "status": _words("queued", "processing", "completed", "failed", "cancelled", "error", *DeliveryStatus),
    "format": _words(*FORMATS),
    "response_format": _words(*TRANSCRIBE),
    "group_by": _words("day", "key", "tag", "model"),
    "grant_type": _words("client_credentials"),
    "stage": _words(*Kind),
    "task": _words("transcribe", "translate"),
    "channels": _words("mix", "separate"),
    "context": _words("auto", "off"),
    "vad": _words("silero", "webrtc"),
    "priority": _words("low", "normal", "high"),
    # Of another name only that there was one: it may be a folder of a machine. The job has it.
    "model": _words(*KNOWN, *MODELS),
    "language": _LANGUAGE,
}
_SHOWN = {name: re.compile(pattern) for name, pattern in _VALUES.items()}
_OF_QUERIES = {field.alias or name for query in QUERIES.values() for name, field in query.model_fields.items()}
_NAMED = (
    frozenset(Options.model_fields)
    | _OF_QUERIES
    | {*"name into labels source_url webhook scope client_id client_secret".split()}
    | {*"url secret events include description".split()}
)


def parameters(given: Iterable[tuple[str, Any]]) -> dict[str, str | None]:
    """By name. Of a name that comes twice, the last."""
    found: dict[str, str | None] = {}
    others = 0
    for sent, value in given:
        name = "metadata" if sent.startswith("metadata.") else sent
        if name in _SHOWN:
            found[name] = _text(value) if _SHOWN[name].fullmatch(_text(value)) else None
        elif name in _NAMED:
            found[name] = None
        else:
            others += 1
    return {**found, OTHERS: str(others)} if others else found


def ids(given: Mapping[str, Any]) -> dict[str, str | None]:
    """Of an address's variable parts: what is an id or a label; what else somebody wrote there only as its name."""
    return {name: text if _PLACE.fullmatch(text) else None for name, text in ((k, _text(v)) for k, v in given.items())}


def _text(value: Any) -> str:
    """A list or an object has no spelling that any pattern fits."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float | UUID) else ""
