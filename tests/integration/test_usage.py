"""The ledger of usage, what is read from it, and the month's quota."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, event, insert, select, update
from sqlalchemy.exc import DBAPIError
from uuid6 import uuid7

from core import jobs, keys
from core.context import Context
from core.errors import InvalidRequest
from core.states import Kind
from core.tables import ApiKey, UsageRow
from tests.integration.conftest import LIGHT, MakeJob, assemble, segment, transcribe_all
from tests.integration.test_races import at_once
from tests.integration.web_api import Caller, problem


def entries(context: Context) -> list[UsageRow]:
    with context.sessions() as session:
        return list(session.scalars(select(UsageRow).order_by(UsageRow.job_id, UsageRow.run)))


def complete(context: Context, make_job: MakeJob, **options: Any) -> UUID:
    """A minute of audio, in two chunks."""
    job_id = make_job(chunks=2, **options)
    transcribe_all(context)
    assemble(context)
    return job_id


def test_a_completed_job_is_entered(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = complete(context, make_job, tag="clinic")
    (row,) = entries(context)
    assert (row.job_id, row.run, row.tenant_id, row.subject) == (job_id, 1, tenant.id, tenant.subject)
    assert (row.tag, row.model, row.day) == ("clinic", "demo", datetime.now(UTC).date())
    assert (row.audio_seconds, row.cached_seconds) == (60.0, 0.0)
    stages = jobs.show(context, tenant, job_id)["stages"].values()
    assert row.compute_seconds == pytest.approx(sum(stage["seconds"] for stage in stages), abs=0.01)


def test_chunks_that_were_known_are_told_apart(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=3)
    for step in jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=3):
        result = {"model": {"name": "demo"}, "cached": step.index != 1}
        assert jobs.finish(context, step, result, jobs.record_segments(step.index, [segment(" word")]))
    assemble(context)
    (row,) = entries(context)
    assert (row.audio_seconds, row.cached_seconds) == (90.0, 60.0)


def test_what_did_not_complete_costs_nothing(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    jobs.cancel(context, tenant, make_job(chunks=1))
    jobs.delete(context, tenant, make_job(chunks=1))
    make_job()
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    assert jobs.fail(context, step, InvalidRequest("no sound"))
    assert entries(context) == []


def test_a_recording_is_billed_once_a_job(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = complete(context, make_job)
    jobs.run_again(context, tenant, job_id, "transcribe")
    transcribe_all(context)
    assemble(context)
    first, second = entries(context)
    assert [(row.run, row.audio_seconds) for row in (first, second)] == [(1, 60.0), (2, 0.0)]
    assert second.compute_seconds > 0


def test_a_retry_that_completes_is_billed(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=2)
    jobs.cancel(context, tenant, job_id)
    jobs.run_again(context, tenant, job_id)
    transcribe_all(context)
    assemble(context)
    assert [(row.run, row.audio_seconds) for row in entries(context)] == [(2, 60.0)]


def test_an_entry_outlives_its_job(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    jobs.delete(context, tenant, complete(context, make_job))
    assert [row.audio_seconds for row in entries(context)] == [60.0]


def test_the_database_refuses_to_change_it(context: Context, make_job: MakeJob) -> None:
    complete(context, make_job)
    for change in (update(UsageRow).values(audio_seconds=0.0), delete(UsageRow)):
        with context.sessions() as session, pytest.raises(DBAPIError, match="only added to"):
            session.execute(change)


def test_a_run_that_ends_twice_is_entered_once(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    """Two workers hold its last step; and its owner runs it again at that moment."""
    for _ in range(8):
        job_id = make_job(chunks=1)
        transcribe_all(context)
        (first,) = jobs.claim(context, "first", [Kind.ASSEMBLE], [])
        jobs.hand_back(context, first)
        (second,) = jobs.claim(context, "second", [Kind.ASSEMBLE], [])

        def end(step: jobs.Claimed) -> bool:
            document = dict.fromkeys(("text", "language", "language_probability", "confidence", "model"))
            return jobs.finish(context, step, {}, jobs.record_transcript({**document, "model": {"name": "demo"}}))

        def again(job_id: UUID = job_id) -> Any:
            return jobs.run_again(context, tenant, job_id)

        at_once(*(lambda step=step: end(step) for step in (first, second, second)))
        with pytest.raises(Exception, match="nothing of this job is missing"):
            again()
        mine = [row for row in entries(context) if row.job_id == job_id]
        assert [(row.run, row.audio_seconds) for row in mine] == [(1, 30.0)]


def test_a_finish_that_is_not_committed_enters_nothing(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=1)
    transcribe_all(context)
    (step,) = jobs.claim(context, LIGHT, [Kind.ASSEMBLE], [])

    class Killed(BaseException):
        pass

    def kill(_session: Any) -> None:
        raise Killed

    event.listen(context.sessions.class_, "before_commit", kill)
    try:
        with pytest.raises(Killed):
            jobs.finish(context, step, {})
    finally:
        event.remove(context.sessions.class_, "before_commit", kill)
    assert entries(context) == []
    assert jobs.finish(context, step, {})
    assert len(entries(context)) == 1


def enter(context: Context, tenant: keys.Tenant, day: str, audio: float = 60.0, **more: Any) -> None:
    row = {"job_id": uuid7(), "run": 1, "tenant_id": tenant.id, "day": day, "model": "demo", "subject": "a"}
    sums = {"audio_seconds": audio, "compute_seconds": 6.0, "cached_seconds": 0.0}
    with context.sessions() as session, session.begin():
        session.execute(insert(UsageRow).values({**row, **sums, **more}))


def told(caller: Caller, query: str) -> dict[str, Any]:
    answer = caller.call("GET", f"/v1/usage?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_usage_by_day_and_by_everything_else(context: Context, tenant: keys.Tenant, caller: Caller) -> None:
    enter(context, tenant, "2026-01-31")
    enter(context, tenant, "2026-02-01", tag="b", subject="k1")
    enter(context, tenant, "2026-02-01", tag="a", model="small", audio=30.0, cached_seconds=10.0)
    enter(context, tenant, "2026-02-28", tag="b")
    enter(context, tenant, "2026-03-01")
    found = told(caller, "group_by=day&from=2026-02-01&to=2026-02-28")
    assert [(one["group"], one["jobs"], one["audio_seconds"]) for one in found["usage"]] == [
        ("2026-02-01", 2, 90.0),
        ("2026-02-28", 1, 60.0),
    ]
    assert found["totals"] == {"jobs": 3, "audio_seconds": 150.0, "compute_seconds": 18.0, "cached_seconds": 10.0}
    for group_by, groups in (("tag", ["a", "b"]), ("model", ["demo", "small"]), ("key", ["a", "k1"])):
        assert [one["group"] for one in told(caller, f"group_by={group_by}&to=2026-02-28")["usage"]] == groups


def test_usage_in_pages(context: Context, tenant: keys.Tenant, caller: Caller) -> None:
    for tag in ("b", "ä\n", "a", None, ""):
        enter(context, tenant, "2026-02-01", tag=tag)
    seen, cursor = [], ""
    while cursor is not None:
        page = told(caller, f"group_by=tag&to=2026-02-28&limit=2{cursor and '&cursor=' + cursor}")
        assert page["totals"]["jobs"] == 5
        seen += [one["group"] for one in page["usage"]]
        cursor = page["next_cursor"]
    assert seen == ["", "a", "b", "ä\n", None]


def test_without_days_it_is_this_month(context: Context, caller: Caller, make_job: MakeJob) -> None:
    complete(context, make_job)
    today = datetime.now(UTC).date()
    found = told(caller, "")
    assert (found["from"], found["to"]) == (today.replace(day=1).isoformat(), today.isoformat())
    assert found["usage"][0]["group"] == today.isoformat()
    assert found["month"]["used_seconds"] == found["totals"]["audio_seconds"] == 60.0
    assert found["month"]["allowed_seconds"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-02-02&to=2026-02-01", "from"),
        ("from=2024-01-01&to=2026-02-01", "from"),
        ("from=yesterday", "from"),
        ("group_by=hour", "group_by"),
        ("limit=0", "limit"),
        ("cursor=%FF%FF", "cursor"),
        ("cursor=AA==", "cursor"),
        ("first=2026-02-01", "first"),
    ],
)
def test_a_bad_question_names_the_field(caller: Caller, query: str, field: str) -> None:
    refused = problem(caller.call("GET", f"/v1/usage?{query}"), 422, "invalid_request")
    assert [one["field"] for one in refused["errors"]] == [field]


def test_a_tenant_sees_its_own_alone(context: Context, tenant: keys.Tenant) -> None:
    enter(context, tenant, "2026-02-01")
    other = Caller(context, keys.create(context, "another", "x", ["usage:read"])[0])
    assert told(other, "to=2026-02-28")["totals"]["jobs"] == 0


def test_usage_takes_its_own_scope(context: Context) -> None:
    reader = Caller(context, keys.create(context, "default", "x", ["jobs:read", "jobs:write"])[0])
    assert "usage:read" in problem(reader.call("GET", "/v1/usage"), 403, "insufficient_scope")["detail"]


def test_a_key_is_named_by_its_id(context: Context, caller: Caller, make_job: MakeJob) -> None:
    complete(context, make_job)
    with context.sessions() as session:
        key_id = session.scalars(select(ApiKey.id)).one()
    assert [one["group"] for one in told(caller, "group_by=key")["usage"]] == [str(key_id)]
