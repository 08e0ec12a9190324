"""The shapes that the API takes beside a recording: parameters, and small JSON bodies."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from core.captions import BROADCAST, MIN_COLUMNS
from core.formats import FORMATS
from core.states import Kind
from core.usage import GroupBy
from web.schemas import JobStatus

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


class PageQuery(Query):
    status: JobStatus | None = None
    tag: str | None = Field(None, max_length=200)
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before.")


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


class SegmentsQuery(Query):
    after: int = Field(0, ge=0, le=2**53, description="The `revision` of an earlier answer.")


class UsageQuery(Query):
    group_by: GroupBy = Field(GroupBy.DAY, description="What each entry of `usage` sums up.")
    first: date | None = Field(
        None, alias="from", description="The first day, in UTC; the first of the month of `to` where absent."
    )
    to: date | None = Field(None, description="The last day, in UTC; today where absent.")
    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=2000, description="`next_cursor` of the page before.")


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
    model.__name__: model for model in (WaitQuery, AsrQuery, PageQuery, TranscriptQuery, SegmentsQuery, UsageQuery)
}
