"""The parameters that the API takes in an address."""

import re
from datetime import date
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from core.captions import BROADCAST, MIN_COLUMNS
from core.formats import FORMATS
from core.recordings import LONGEST_CLIP
from core.usage import GroupBy
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


def _day(given: object) -> object:
    """The same of days."""
    if isinstance(given, str) and not _DATE.match(given):
        raise ValueError("must be a day such as 2026-03-01")
    return given


_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\Z")
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
Day = Annotated[date, BeforeValidator(_day), Field(ge=date(1970, 1, 1), le=date(2999, 12, 31))]
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


class TranscriptsQuery(Query):
    """As AssemblyAI calls them."""

    limit: int = Field(10, ge=1, le=200)
    status: Literal["queued", "processing", "completed", "error"] | None = None
    created_on: Day | None = Field(None, description="A day in UTC.")
    before_id: UUID | None = Field(None, description="Only older ones.")
    after_id: UUID | None = Field(None, description="Only newer ones, and of those the oldest.")
    throttled_only: bool = Field(False, description="Nothing is throttled here: with `true` the list is empty.")


class CaptionsQuery(Query):
    chars_per_caption: int | None = Field(
        None,
        ge=MIN_COLUMNS,
        le=1000,
        description="The captions are single lines then. Chinese, Japanese and Korean characters count twice.",
    )


class WordsQuery(Query):
    """How long `words` may be, the request line says, which has 8190 bytes."""

    words: str = Field(
        min_length=1, description="Words, and phrases of at most five words, with commas in between; at most 100."
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


class UsageQuery(Query):
    group_by: GroupBy = Field(GroupBy.DAY, description="What each entry of `usage` sums up.")
    first: Day | None = Field(
        None, alias="from", description="The first day, in UTC; the first of the month of `to` where absent."
    )
    to: Day | None = Field(None, description="The last day, in UTC; today where absent.")
    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=2000, description="`next_cursor` of the page before.")


class FeedQuery(Query):
    after: int = Field(0, ge=0, le=2**53, description="The `position` of the last that you have.")
    limit: int = Field(100, ge=1, le=1000)


class AuditQuery(FeedQuery):
    subject: str | None = Field(None, max_length=200, description="Only calls with the key of this id.")
    begin: Moment | None = Field(None, alias="from", description="Calls that arrived then or later; RFC 3339.")
    end: Moment | None = Field(None, alias="to", description="Calls that arrived before; RFC 3339.")


class DeliveriesQuery(RecordingsQuery):
    status: DeliveryState | None = None


QUERIES: dict[str, type[Query]] = {
    model.__name__: model
    for model in (
        WaitQuery,
        AsrQuery,
        PageQuery,
        RecordingsQuery,
        ClipQuery,
        TranscriptsQuery,
        CaptionsQuery,
        WordsQuery,
        TranscriptQuery,
        SegmentsQuery,
        EventsQuery,
        AuditQuery,
        UsageQuery,
        DeliveriesQuery,
        FeedQuery,
    )
}
