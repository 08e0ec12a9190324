"""Lists of jobs: filters, pages that stay as they are, and what a page costs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from core import jobs, keys
from core.context import Context
from core.keys import Tenant
from core.states import Kind
from core.tables import Job
from tests.integration.conftest import MakeJob, transcribe_all
from tests.integration.queries import counted
from tests.integration.web_api import Caller, problem

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def listed(caller: Caller) -> Callable[..., list[str]]:
    """The ids that a query gives, all pages of it."""

    def ask(**query: Any) -> list[str]:
        found, cursor = list[str](), None
        while True:
            asked = {**query, "limit": 2, **({"cursor": cursor} if cursor else {})}
            page = caller.call("GET", "/v1/jobs", query_string=asked).json
            found += [one["id"] for one in page["jobs"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    return ask


def at(context: Context, job_id: UUID, moment: datetime) -> None:
    with context.sessions() as session, session.begin():
        session.execute(update(Job).where(Job.id == job_id).values(created_at=moment))


def test_by_metadata(listed: Callable[..., list[str]], context: Context, make_job: MakeJob) -> None:
    blue = [make_job(metadata={"room": "blue", "team": team, "a.b": "1"}) for team in ("x", "y", "x", "y")]
    red = make_job(metadata={"room": "red"})
    make_job()
    make_job(owner=keys.ensure(context, keys.mint(), "another"), metadata={"room": "blue", "team": "x"})
    newest = [str(one) for one in blue[::-1]]
    assert listed(**{"metadata.room": "blue"}) == newest
    assert listed(**{"metadata.room": "blue", "metadata.team": "x"}) == newest[1::2]
    assert listed(**{"metadata.room": "blue", "metadata.team": "x", "metadata.a.b": "1"}) == newest[1::2]
    assert listed(**{"metadata.room": "red"}) == [str(red)]
    assert listed(**{"metadata.room": "bl"}) == []
    assert listed(**{"metadata.room": ""}) == []
    assert listed(**{"metadata.%": "blue"}) == []


def test_by_time(listed: Callable[..., list[str]], context: Context, make_job: MakeJob) -> None:
    """From the first moment on, up to the second and without it; offsets count."""
    made = [make_job() for _ in range(4)]
    for number, job_id in enumerate(made):
        at(context, job_id, NOON + timedelta(hours=number))
    first, second, third, fourth = map(str, made)
    assert listed(created_after="2026-01-31T12:00:00Z", created_before="2026-01-31T14:00:00Z") == [second, first]
    assert listed(created_after="2026-01-31T14:00:00+01:00") == [fourth, third, second]
    assert listed(created_before="2026-01-31T12:00:00.001z") == [first]
    assert listed(created_after="2026-01-31T14:00:00Z", created_before="2026-01-31T14:00:00Z") == []
    assert listed(created_after="0001-01-01T00:00:00+14:00", created_before="9999-12-31T23:59:59-14:00")[0] == fourth


def test_by_status(listed: Callable[..., list[str]], context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    processing = make_job(chunks=1)
    queued, cancelled = make_job(), make_job(tag="mine")
    jobs.cancel(context, tenant, cancelled)
    assert listed(status="cancelled") == [str(cancelled)]
    assert listed(status="queued,cancelled") == [str(cancelled), str(queued)]
    assert listed(status="queued,cancelled,processing", tag="mine") == [str(cancelled)]
    assert listed(status="processing") == [str(processing)]


def test_a_cursor_holds_with_filters(caller: Caller, make_job: MakeJob) -> None:
    """What comes meanwhile stands before the first page; nothing is listed twice."""
    made = [str(make_job(metadata={"n": str(number % 2)})) for number in range(6)]
    first = caller.call("GET", "/v1/jobs?metadata.n=1&limit=2").json
    make_job(metadata={"n": "1"})
    second = caller.call("GET", f"/v1/jobs?metadata.n=1&limit=2&cursor={first['next_cursor']}").json
    assert [one["id"] for one in first["jobs"] + second["jobs"]] == made[5::-2]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("metadata=x", "metadata"),
        ("metadata.=x", "metadata"),
        (f"metadata.{'k' * 101}=x", "metadata"),
        (f"metadata.k={'x' * 1001}", "metadata.k"),
        ("&".join(f"metadata.k{number}=x" for number in range(11)), "metadata"),
        ("metadata.k=%00", "k"),
        ("metadata.k=a&metadata.k=b", "metadata.k"),
        ("status=queued&status=failed", "status"),
        ("status=queued,done", "status"),
        ("status=", "status"),
        ("created_after=2026-01-31T12:00:00", "created_after"),
        ("created_after=2026-01-31T12:00:00+01:00", "created_after"),  # + is a space there
        ("created_after=2026-01-31", "created_after"),
        ("created_after=1769860800", "created_after"),
        ("created_after=2026-02-31T12:00:00Z", "created_after"),
        ("created_before=yesterday", "created_before"),
        ("metadata_k=x", "metadata_k"),
        ("created_since=2026-01-31T12:00:00Z", "created_since"),
    ],
)
def test_a_bad_filter_is_named(caller: Caller, query: str, field: str) -> None:
    (fault,) = problem(caller.call("GET", f"/v1/jobs?{query}"), 422, "invalid_request")["errors"]
    assert fault["field"] == field


def test_the_filters_are_described(caller: Caller) -> None:
    told = caller.call("GET", "/openapi.json").json["paths"]
    found = {one["name"]: one for one in told["/v1/jobs"]["get"]["parameters"]}
    assert set(found) == {"status", "tag", "metadata", "created_after", "created_before", "limit", "cursor"}
    assert found["metadata"]["schema"]["propertyNames"]["pattern"].startswith(r"^metadata\.")
    assert (found["status"]["explode"], found["metadata"]["explode"]) == (False, True)
    assert found["created_after"]["schema"]["anyOf"][0]["format"] == "date-time"
    events = told["/v1/jobs/{job_id}/events"]["get"]
    assert set(events["responses"]) >= {"200", "204", "401", "404", "410", "422", "503"}
    assert set(events["responses"]["200"]["content"]) == {"text/event-stream"}
    assert {"Last-Event-ID", "last_event_id"} <= {one["name"] for one in events["parameters"]}


def test_a_page_costs_as_many_queries_however_long_it_is(
    caller: Caller, context: Context, tenant: Tenant, make_job: MakeJob
) -> None:
    """Of every sort: queued, under way, ended, with tracks, with speakers."""
    for _ in range(3):
        apart = make_job(channels="separate")
        (step,) = jobs.claim(context, "light", [Kind.INGEST], [])
        assert step.job_id == apart
        assert jobs.separate(context, step, [0, 1], None)
        jobs.cancel(context, tenant, apart)
        make_job(chunks=2, diarization=True)
    transcribe_all(context)
    for number in range(6):
        job_id = make_job(tag=f"{number}")
        if number % 2:
            jobs.cancel(context, tenant, job_id)
    asked = []
    for limit in (8, 12):
        caller.call("GET", "/v1/jobs?limit=1")
        with counted(context) as found:
            page = caller.call("GET", f"/v1/jobs?limit={limit}").json["jobs"]
        assert len(page) == limit
        assert {one["status"] for one in page} == {"queued", "processing", "cancelled"}
        assert any(one["tracks"] for one in page)
        asked.append(len(found))
    assert asked[0] == asked[1] <= 9, found
