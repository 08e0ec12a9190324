"""What a caller may ask of a job. Parsed and validated once, then frozen; stored with the job as JSON."""

import re
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from core.errors import InvalidRequest
from core.outgoing import LONGEST
from core.tracks import MOST_TRACKS
from core.webhooks.types import JobEvent

_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")


class Track(BaseModel):
    """One participant's recording. `offset_seconds`: when it begins, in the job's time."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    offset_seconds: float = Field(0.0, ge=0, le=86_400)
    name: str | None = Field(None, min_length=1, max_length=200)


class Participant(BaseModel):
    """Who the meeting system thought was speaking, and when, in seconds of the job's time."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    participant: str = Field(min_length=1, max_length=200)
    start: float = Field(ge=0)
    end: float = Field(gt=0)

    @model_validator(mode="after")
    def _order(self) -> "Participant":
        if self.end <= self.start:
            raise ValueError("end must be greater than start")
        return self


class Webhook(BaseModel):
    """Whom to tell of this job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(min_length=1, max_length=LONGEST)
    secret: SecretStr | None = Field(
        None, description="`whsec_` and 24 to 64 bytes in base64. Without one, one is made and shown once."
    )
    events: tuple[JobEvent, ...] = Field((), max_length=20, description="What of; its ends where absent.")
    include: tuple[Literal["transcript"], ...] = Field((), max_length=1)


class Options(BaseModel):
    """Times in seconds from the start of the recording."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: str | None = Field(None, max_length=200, description="A model's name; the server's own where absent.")
    language: str = Field("auto", description="BCP-47 such as `en` or `zh-CN`, or `auto`.")
    task: Literal["transcribe", "translate"] = "transcribe"
    diarization: bool = Field(False, description="Find out who spoke.")
    speakers: int | None = Field(None, ge=1, le=100, description="How many speak, where that is known.")
    min_speakers: int | None = Field(None, ge=1, le=100)
    max_speakers: int | None = Field(None, ge=1, le=100)
    channels: Literal["mix", "separate"] = Field(
        "mix", description="Whether each channel is a speaker, or a group of speakers, of its own."
    )
    tracks: tuple[Track, ...] = Field(
        (),
        max_length=MOST_TRACKS,
        description="One for each part `tracks` of the body, in their order: when it begins, whose.",
    )
    participants: tuple[Participant, ...] = Field(
        (), max_length=10_000, description="Who the meeting system heard when: names for the speakers. Not shown again."
    )
    word_timestamps: bool = True
    hotwords: tuple[str, ...] = Field((), max_length=100)
    prompt: str = Field("", max_length=1000)
    context: Literal["auto", "off"] = Field(
        "auto", description="Whether doubtful chunks are heard again, knowing what was said before them."
    )
    cache: bool = Field(
        True, description="Whether chunks that were heard before, for the same caller, are taken from there."
    )
    vad: Literal["silero", "webrtc"] | None = None
    clip_start: float = Field(0.0, ge=0)
    clip_end: float | None = Field(None, gt=0)
    priority: Literal["low", "normal", "high"] = "normal"
    webhook: Webhook | None = Field(None, description="Whom to tell of this job, beside the tenant's webhooks.")
    metadata: dict[str, str] = Field(default_factory=dict, max_length=50)
    tag: str | None = Field(None, max_length=200)
    delete_after_seconds: int | None = Field(
        None, ge=0, le=315_360_000, description="Once ended, the job is deleted so many seconds later."
    )

    @field_validator("language")
    @classmethod
    def _language(cls, value: str) -> str:
        if value == "auto" or _LANGUAGE.match(value):
            return value
        raise ValueError("must be a BCP-47 language tag such as en or zh-CN, or auto")

    @field_validator("metadata")
    @classmethod
    def _metadata(cls, value: dict[str, str]) -> dict[str, str]:
        if any(len(key) > 100 or len(text) > 1000 for key, text in value.items()):
            raise ValueError("keys are at most 100 characters, values at most 1000")
        return value

    @model_validator(mode="after")
    def _clip(self) -> "Options":
        if self.clip_end is not None and self.clip_end <= self.clip_start:
            raise ValueError("clip_end must be greater than clip_start")
        return self

    @model_validator(mode="after")
    def _hints(self) -> "Options":
        hints = {"speakers": self.speakers, "min_speakers": self.min_speakers, "max_speakers": self.max_speakers}
        given = {name: number for name, number in hints.items() if number is not None}
        if given and not self.diarization:
            raise ValueError(f"{', '.join(given)} needs diarization=true")
        low, high = self.min_speakers or 1, self.max_speakers or 100
        if not low <= (self.speakers or low) <= high:
            said = " and ".join(f"{name}={number}" for name, number in given.items())
            raise ValueError(f"no number of speakers fits {said}")
        return self

    @model_validator(mode="after")
    def _tracks(self) -> "Options":
        unfit = {
            "channels=separate": self.channels == "separate",
            "clip_start": self.clip_start > 0,
            "clip_end": self.clip_end is not None,
        }
        if self.tracks and any(unfit.values()):
            raise ValueError(f"{', '.join(name for name, holds in unfit.items() if holds)} does not go with tracks")
        return self

    @property
    def whisper_language(self) -> str | None:
        """Whisper's code: the primary subtag, in lower case; None for `auto`. `cmn` is Whisper's `zh`."""
        if self.language == "auto":
            return None
        primary = self.language.split("-")[0].lower()
        return {"cmn": "zh", "zho": "zh"}.get(primary, primary)


def parse(given: dict[str, Any]) -> Options:
    """Raises InvalidRequest whose `errors` name each field and, where there is a list, the allowed values."""
    try:
        return Options.model_validate(given)
    except ValidationError as error:
        found = [described(one) for one in error.errors()]
        raise InvalidRequest("; ".join(f"{one['field']}: {one['message']}" for one in found), errors=found) from error


def described(error: Any, model: type[BaseModel] = Options) -> dict[str, Any]:
    """One of pydantic's errors as `{"field", "message", "allowed"?}`."""
    field = ".".join(str(part) for part in error["loc"]) or "options"
    if error["type"] == "extra_forbidden":
        inner = _INNER.get(str(error["loc"][0]), model) if len(error["loc"]) > 1 else model
        return {
            "field": field,
            "message": "is not an option",
            "allowed": sorted(field.alias or name for name, field in inner.model_fields.items()),
        }
    found: dict[str, Any] = {"field": field, "message": error["msg"].removeprefix("Value error, ")}
    if error["type"] == "literal_error":
        found["allowed"] = _choices(_annotation(error["loc"], model))
    return found


_INNER: dict[str, type[BaseModel]] = {"tracks": Track, "participants": Participant, "webhook": Webhook}


def _annotation(where: tuple[str | int, ...], model: type[BaseModel]) -> Any:
    """Of the field that an error is about, or of one inside it."""
    first, *inner = [part for part in where if isinstance(part, str)]
    found = _INNER[first].model_fields[inner[0]] if inner else model.model_fields[first]
    return found.annotation


def _choices(annotation: Any) -> list[str]:
    """Of a Literal, also inside an Optional."""
    inner = get_args(annotation)
    return [text for one in inner for text in ([one] if isinstance(one, str) else _choices(one))]
