"""The shapes that the API takes beside a recording: parameters, and small JSON bodies."""

import re
from typing import Annotated, Any, get_args

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from core.captions import BROADCAST, MIN_COLUMNS
from core.formats import FORMATS
from core.recordings import LONGEST_CLIP
from core.states import Kind
from web.schemas import DeliveryState, JobStatus

LONGEST_WAIT = 60.0
"""Seconds."""


class Query(BaseModel):
    """A parameter that is not known is refused: a filter with a typing error must not answer with everything."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _of(knob: str) -> str:
    return f" Only with {', '.join(name for name, one in FORMATS.items() if knob in one.knobs)}."


class WaitQuery(Query):
    wait: float = Field(0, ge=0, description=f"Seconds to wait for a change; {LONGEST_WAIT:g} at most.")


class AsrQuery(Query):
    wait: float = Field(30, ge=0, description=f"Seconds to wait for the transcript; {LONGEST_WAIT:g} at most.")


def _moment(given: object) -> object:
    """What is no RFC 3339 would be taken too: seconds since 1970, days without a time."""
    if not isinstance(given, str) or not _RFC_3339.match(given):
        raise ValueError("must be a time with its offset as RFC 3339 has it, such as 2026-01-31T12:00:00Z; + is %2B")
    return given


_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\Z")
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
METADATA = "metadata."
"""Before the key of a filter."""


class PageQuery(Query):
    """`metadata` is given as parameters `metadata.KEY`."""

    status: tuple[JobStatus, ...] = Field((), description="One, or several with commas between them.")
    tag: str | None = Field(None, max_length=200)
    metadata: dict[str, Annotated[str, Field(max_length=1000)]] = Field(
        default_factory=dict, max_length=10, description="`metadata.KEY=VALUE`: all that are given must hold."
    )
    created_after: Moment | None = Field(None, description="From this moment on, RFC 3339 with its offset.")
    created_before: Moment | None = Field(None, description="Before this moment.")
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before.")

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, given: dict[str, Any]) -> dict[str, Any]:
        asked = {name.removeprefix(METADATA): text for name, text in given.items() if name.startswith(METADATA)}
        rest = {name: text for name, text in given.items() if not name.startswith(METADATA)}
        return {"metadata": asked, **rest}

    @field_validator("metadata", mode="before")
    @classmethod
    def _keys(cls, given: object) -> object:
        if not isinstance(given, dict) or not all(0 < len(key) <= 100 for key in given):
            raise ValueError("is asked for by its keys, at most 100 characters each, as in metadata.room=blue")
        return given

    @field_validator("status", mode="before")
    @classmethod
    def _several(cls, given: object) -> object:
        found = given.split(",") if isinstance(given, str) else given
        if isinstance(found, list) and not all(one in get_args(JobStatus) for one in found):
            raise PydanticCustomError("literal_error", "is one of the statuses, or several with commas between them")
        return found


class RecordingsQuery(Query):
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before.")


class ClipQuery(Query):
    """Seconds from the start of the recording."""

    start: float | None = Field(None, ge=0, description="Where a clip begins; at the recording's start where absent.")
    end: float | None = Field(
        None,
        gt=0,
        description=f"Where it ends, {LONGEST_CLIP:g} s later at most; at the recording's end where absent.",
    )


class TranscriptQuery(Query):
    format: str = Field(
        "json", description="One of " + ", ".join(FORMATS) + ".", json_schema_extra={"enum": list(FORMATS)}
    )
    max_chars: int | None = Field(
        None,
        ge=MIN_COLUMNS,
        le=200,
        description=f"Of a line of a caption, without the speaker's name; {BROADCAST.columns} where absent. Chinese, "
        "Japanese and Korean characters count twice." + _of("max_chars"),
    )
    max_lines: int | None = Field(
        None, ge=1, le=4, description=f"Of a caption; {BROADCAST.lines} where absent." + _of("max_lines")
    )
    speakers: bool | None = Field(
        None, description="`false` leaves the speakers' names out, where they are known." + _of("speakers")
    )


KNOBS = ("max_chars", "max_lines", "speakers")
"""Of a transcript; each is refused where the format does not have it."""


class EventsQuery(Query):
    last_event_id: str | None = Field(
        None, max_length=100, description="The id of the last event that came, where no header can be sent."
    )


class SegmentsQuery(Query):
    after: int = Field(0, ge=0, le=2**53, description="The `revision` of an earlier answer.")


class AuditQuery(Query):
    after: int = Field(0, ge=0, le=2**53, description="The `position` of the last entry that you have.")
    limit: int = Field(100, ge=1, le=1000)
    subject: str | None = Field(None, max_length=200, description="Only calls with the key of this id.")
    begin: AwareDatetime | None = Field(None, alias="from", description="Calls that arrived then or later; RFC 3339.")
    end: AwareDatetime | None = Field(None, alias="to", description="Calls that arrived before; RFC 3339.")


class WebhooksQuery(Query):
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before.")


class DeliveriesQuery(WebhooksQuery):
    status: DeliveryState | None = None


class FeedQuery(Query):
    after: int = Field(0, ge=0, le=2**53, description="The `position` of the last event that you have.")
    limit: int = Field(100, ge=1, le=1000)


class RetryBody(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: str | None = Field(
        None,
        description="Run this one and what follows it again, also where it succeeded: " + ", ".join(Kind) + ".",
    )


class SpeakerName(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = Field(
        description="What the speaker is called; `null` takes a name away."
    )


class SpeakerMerge(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    into: str = Field(max_length=100, description="The label that stays.")
    labels: list[str] = Field(min_length=1, max_length=100, description="The labels that become that one.")


QUERIES: dict[str, type[Query]] = {
    model.__name__: model
    for model in (
        WaitQuery,
        AsrQuery,
        PageQuery,
        RecordingsQuery,
        ClipQuery,
        TranscriptQuery,
        SegmentsQuery,
        EventsQuery,
        AuditQuery,
        WebhooksQuery,
        DeliveriesQuery,
        FeedQuery,
    )
}
