"""`/v1/usage`: what a tenant used, and what it may."""

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from core import usage
from core.scopes import Scope
from web import queries
from web.answers import answer
from web.scope import authenticate, context, needs, tenant

routes = APIBlueprint("usage", __name__, url_prefix="/v1", tag="Usage")
routes.before_request(authenticate)


class Sums(BaseModel):
    """Of completed runs; what failed or was cancelled costs nothing."""

    jobs: int
    audio_seconds: float = Field(description="Billed: each recording once a job, with its first run that completed.")
    compute_seconds: float = Field(description="In which workers were busy with these jobs.")
    cached_seconds: float = Field(description="Of `audio_seconds`: chunks that the chunk cache knew.")


class Group(Sums):
    group: str | None = Field(description="The day, the key's id, the tag or the model; null for jobs without.")


class Month(BaseModel):
    """The present calendar month, in UTC."""

    allowed_seconds: float | None = Field(description="Of audio; null: no limit.")
    used_seconds: float
    under_way_seconds: float = Field(description="Of jobs that are not completed, as far as their length is known.")
    resets_at: str


class UsageOut(BaseModel):
    group_by: str
    first: str = Field(alias="from")
    to: str
    usage: list[Group] = Field(description="In the order of `group`, null last.")
    totals: Sums = Field(description="Of all groups, also those of other pages.")
    month: Month
    next_cursor: str | None


@routes.get("/usage")
@routes.input(queries.UsageQuery, location="query", arg_name="query")
@routes.output(UsageOut)
@needs(Scope.USAGE_READ)
def report(query: queries.UsageQuery) -> Response:
    """What was used, by day, key, tag or model

    Entered when a job completes, and kept when it is deleted.
    """
    days = query.first, query.to
    return answer(usage.report(context(), tenant(), query.group_by, *days, limit=query.limit, cursor=query.cursor))
