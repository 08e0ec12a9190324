"""What a client of AssemblyAI asks for -> options of a job. Pure."""

import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import fault
from web.fields import plain, refusal

UPLOADS = "/v2/upload/"
"""Where uploads are said to lie; nothing is served there."""
_UPLOAD = re.compile(".*" + re.escape(UPLOADS) + r"([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/?")
_CODE = r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$"
_THEIRS = re.compile(r"best|nano|slam-1|universal(-[a-z0-9-]+)?")
"""AssemblyAI's own models: they mean this server's, so that a client needs no other name."""
_MOST_WORDS = 100
"""As many as `core.options.Options` takes."""

_NO_REASON = "is not done by this server; leave it out"
NOT_HERE = {
    **dict.fromkeys(
        "auto_chapters auto_highlights content_safety content_safety_confidence custom_spelling custom_topics domain "
        "entity_detection filter_profanity iab_categories keyterms_prompt_options language_detection_results "
        "redact_pii redact_pii_audio redact_pii_audio_options redact_pii_audio_quality redact_pii_policies "
        "redact_pii_return_unredacted redact_pii_sub remove_audio_tags sentiment_analysis speech_understanding "
        "speed_boost summarization summary_model summary_type topics".split(),
        _NO_REASON,
    ),
    **dict.fromkeys(
        ("webhook_url", "webhook_auth_header_name", "webhook_auth_header_value"),
        "no webhook is sent for a transcript; ask GET /v2/transcript/{id} until it has ended",
    ),
    **dict.fromkeys(
        ("language_confidence_threshold", "speech_threshold"),
        "no transcript is refused for its score; look at language_confidence and audio_duration instead",
    ),
    "language_detection_options": "the language is found out without options; leave it out, or send language_code",
}
"""Fields of AssemblyAI's that ask for what is not here, and what to do instead. Taken where they ask for nothing."""


class SpeakerHints(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    min_speakers_expected: int | None = Field(None, ge=1, le=100)
    max_speakers_expected: int | None = Field(None, ge=1, le=100)


class TranscriptParams(BaseModel):
    """Null is as good as absent. Times in milliseconds. AssemblyAI's other fields are taken where they ask for nothing
    (false, null, 0, empty)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    audio_url: str = Field(
        min_length=1, max_length=8000, description="The `upload_url` of an upload, or where to fetch the recording."
    )
    speech_models: list[str] | None = Field(
        None, max_length=20, description="The first counts. AssemblyAI's names mean this server's own model."
    )
    speech_model: str | None = Field(None, max_length=200)
    language_code: str | None = Field(None, pattern=_CODE, description="Such as `en_us`; found out where absent.")
    language_codes: list[str] | None = Field(None, max_length=1)
    language_detection: bool | None = None
    speaker_labels: bool | None = None
    speakers_expected: int | None = Field(None, ge=1, le=100)
    speaker_options: SpeakerHints | None = None
    multichannel: bool | None = None
    dual_channel: bool | None = None
    audio_start_from: int | None = Field(None, ge=0)
    audio_end_at: int | None = Field(None, gt=0)
    keyterms_prompt: list[str] | None = Field(None, max_length=_MOST_WORDS)
    word_boost: list[str] | None = Field(None, max_length=_MOST_WORDS)
    boost_param: Literal["default"] | None = None
    prompt: str | None = Field(None, max_length=1000, description="Text that sets the style; not an instruction.")
    temperature: float | None = Field(None, ge=0, le=1, description="Changes nothing: a decode begins at 0.")
    punctuate: bool | None = None
    format_text: bool | None = None
    disfluencies: bool | None = Field(None, description="Changes nothing: the model writes as it was taught to.")

    @field_validator("punctuate", "format_text")
    @classmethod
    def _always(cls, value: bool | None) -> bool | None:
        if value is False:
            raise ValueError("cannot be turned off: the model writes as it was taught to")
        return value


@dataclass(frozen=True)
class Asked:
    """`options` for `core.options.parse`."""

    audio_url: str
    options: dict[str, Any]


def asked(body: dict[str, Any]) -> Asked:
    """Raises InvalidRequest, which names the field as it was sent."""
    params = _params(plain("body", body))
    options = {
        **_language(params),
        **_speakers(params),
        **_clip(params),
        "model": _model(params),
        "hotwords": _words(params),
        "prompt": params.prompt,
        "channels": "separate" if params.multichannel or params.dual_channel else None,
    }
    return Asked(params.audio_url.strip(), {name: value for name, value in options.items() if value is not None})


def upload_of(audio_url: str) -> UUID | None:
    """The recording of an `upload_url`, by whatever name this server was called then; None for any other URL."""
    try:
        found = _UPLOAD.fullmatch(urlsplit(audio_url).path)
    except ValueError:
        return None
    return UUID(found[1]) if found else None


def bcp_47(code: str) -> str:
    """`en_us` -> `en-US`. Their `uk` of English is `GB` to everybody else."""
    language, *rest = re.split("[_-]", code)
    regions = ["GB" if (language.lower(), one.lower()) == ("en", "uk") else one for one in rest]
    return "-".join([language.lower(), *(one.upper() if len(one) == 2 else one for one in regions)])


def language_code(tag: str) -> str:
    """The other way round."""
    return {"en-GB": "en_uk"}.get(tag, tag.replace("-", "_").lower())


def _params(body: dict[str, Any]) -> TranscriptParams:
    given: dict[str, Any] = {}
    for name, value in body.items():
        known = name in TranscriptParams.model_fields
        if not known and not _asks_nothing(value):
            raise fault(name, NOT_HERE.get(name, "is not a parameter of this request"))
        if known and value is not None:
            given[name] = _without_nulls(value)
    try:
        return TranscriptParams.model_validate(given)
    except ValidationError as error:
        raise refusal(error, TranscriptParams) from error


def _asks_nothing(value: Any) -> bool:
    if isinstance(value, dict):
        return all(not inner for inner in value.values())
    return not value


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if inner is not None}
    return value


def _language(params: TranscriptParams) -> dict[str, Any]:
    codes = [code for code in (params.language_code, *(params.language_codes or ())) if code]
    if len(codes) > 1:
        raise fault("language_codes", "does not go with language_code; send one of the two")
    if codes and params.language_detection:
        raise fault("language_detection", "does not go with a language; send one of the two")
    if codes and not re.match(_CODE, codes[0]):
        raise fault("language_codes", "must hold a code such as en_us")
    return {"language": bcp_47(codes[0])} if codes else {}


def _speakers(params: TranscriptParams) -> dict[str, Any]:
    hints = params.speaker_options or SpeakerHints()
    low, high, count = hints.min_speakers_expected, hints.max_speakers_expected, params.speakers_expected
    field = "speakers_expected" if count is not None else "speaker_options"
    if not params.speaker_labels:
        if (low, high, count) != (None, None, None):
            raise fault(field, "needs speaker_labels: true")
        return {}
    if not (low or 1) <= (count or low or 1) <= (high or 100):
        raise fault(field, "fits no number of speakers")
    return {"diarization": True, "speakers": count, "min_speakers": low, "max_speakers": high}


def _clip(params: TranscriptParams) -> dict[str, Any]:
    start, end = params.audio_start_from or 0, params.audio_end_at
    if end is not None and end <= start:
        raise fault("audio_end_at", "must be greater than audio_start_from")
    return {"clip_start": start / 1000, "clip_end": None if end is None else end / 1000}


def _model(params: TranscriptParams) -> str | None:
    name = params.speech_models[0] if params.speech_models else params.speech_model
    return None if name is None or _THEIRS.fullmatch(name) else name


def _words(params: TranscriptParams) -> list[str] | None:
    if params.keyterms_prompt and params.word_boost:
        raise fault("word_boost", "does not go with keyterms_prompt; send one of the two")
    return params.keyterms_prompt or params.word_boost or None
