"""What happens to jobs is written down once, in order, and read without a gap."""

import threading
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from core import jobs
from core.context import Context
from core.database import from_now, transaction
from core.errors import InputError
from core.jobs import notices
from core.jobs.rows import Rings, locked
from core.keys import Tenant
from core.states import Kind
from core.tables import EventRow, Job
from core.webhooks import feed, upkeep
from core.webhooks.types import EventType
from tests.integration.conftest import LIGHT, MakeJob, assemble, transcribe_all
from tests.integration.test_races import at_once
from tests.integration.web_api import Caller, with_settings
from tests.integration.webhooks_api import types

CREATED, STARTED, COMPLETED = (1, "job.created"), (1, "job.started"), (1, "job.completed")


def completed(context: Context, make_job: MakeJob) -> UUID:
    job_id = make_job(chunks=1)
    transcribe_all(context)
    assemble(context)
    return job_id


def test_a_job_that_completes(context: Context, make_job: MakeJob) -> None:
    assert types(context, completed(context, make_job)) == [CREATED, STARTED, COMPLETED]


def test_a_job_that_fails(context: Context, make_job: MakeJob) -> None:
    job_id = make_job()
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    assert jobs.fail(context, step, InputError("no sound"))
    assert types(context, job_id) == [CREATED, STARTED, (1, "job.failed")]


def test_a_job_that_is_cancelled_and_then_deleted(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    job_id = make_job()
    for _ in range(2):
        jobs.cancel(context, tenant, job_id)
    for _ in range(2):
        jobs.delete(context, tenant, job_id)
    assert types(context, job_id) == [CREATED, (1, "job.cancelled"), (1, "job.deleted")]


def test_a_job_that_is_deleted_while_it_runs(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=1)
    jobs.delete(context, tenant, job_id)
    assert types(context, job_id) == [CREATED, STARTED, (1, "job.cancelled"), (1, "job.deleted")]


def test_a_retry_completes_again(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    job_id = completed(context, make_job)
    jobs.run_again(context, tenant, job_id, "assemble")
    assemble(context)
    assert types(context, job_id)[3:] == [(2, "job.started"), (2, "job.completed")]


def test_a_job_that_deletes_itself(context: Context, make_job: MakeJob) -> None:
    job_id = make_job(chunks=1, delete_after_seconds=0)
    transcribe_all(context)
    assemble(context)
    jobs.sweep(context)
    assert types(context, job_id)[-1] == (1, "job.deleted")


def test_the_payload_is_the_job_as_the_api_shows_it(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    job_id = completed(context, make_job)
    last = feed.page(context, tenant)["events"][-1]
    shown = jobs.show(context, tenant, job_id)
    assert last["type"] == "job.completed"
    assert last["data"] == {"job": shown, "sequence": 3}
    assert last["timestamp"].endswith("Z")


def test_what_cannot_happen_twice_a_run_is_refused_by_the_database(context: Context, make_job: MakeJob) -> None:
    job_id = completed(context, make_job)

    def again() -> None:
        with transaction(context.sessions) as session:
            job = locked(session, job_id)
            assert job is not None
            notices.emit(session, job, EventType.JOB_COMPLETED, Rings(context))

    with pytest.raises(IntegrityError):
        again()


def test_cancel_delete_and_finish_at_once_write_each_event_once(
    context: Context, tenant: Tenant, make_job: MakeJob
) -> None:
    for _ in range(10):
        job_id = make_job()
        (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
        at_once(
            lambda job_id=job_id: jobs.cancel(context, tenant, job_id) if not _deleted(context, job_id) else None,
            lambda step=step: jobs.fail(context, step, InputError("no sound")),
            lambda step=step: jobs.fail(context, step, InputError("no sound")),
        )
        found = types(context, job_id)
        assert found[:2] == [CREATED, STARTED]
        assert len(found) == 3
        assert found[2][1] in ("job.cancelled", "job.failed")


def _deleted(context: Context, job_id: UUID) -> bool:
    with context.sessions() as session:
        return session.get_one(Job, job_id).deleted_at is not None


def test_two_that_claim_a_jobs_first_steps_say_once_that_it_started(context: Context, make_job: MakeJob) -> None:
    for _ in range(10):
        job_id = make_job()
        at_once(*[lambda job_id=job_id: jobs.claims.started(context, {job_id})] * 3)  # type: ignore[attr-defined]
        assert types(context, job_id) == [CREATED, STARTED]


def test_a_deleted_job_leaves_nothing_in_its_events(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=1, metadata={"room": "blue"}, tag="secret tag")
    transcribe_all(context)
    assemble(context)
    jobs.delete(context, tenant, job_id)
    with context.sessions() as session:
        payloads = session.scalars(select(EventRow.payload).where(EventRow.job_id == job_id)).all()
    assert len(payloads) == 4
    assert not any(one in text for text in payloads for one in ("blue", "secret tag", "meeting.wav"))
    events = feed.page(context, tenant)["events"]
    assert [one["data"]["sequence"] for one in events] == [1, 2, 3, 4]
    assert {one["data"]["job"]["id"] for one in events} == {str(job_id)}


def test_a_reader_passes_over_nothing_that_commits_late(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    """One event is written first and commits last."""
    job_id, written, go = make_job(), threading.Event(), threading.Event()

    def slow() -> None:
        with transaction(context.sessions) as session:
            job = locked(session, job_id)
            assert job is not None
            notices.emit(session, job, EventType.JOB_STARTED, Rings(context))
            written.set()
            assert go.wait(30)

    def read() -> list[tuple[int, str]]:
        try:
            assert written.wait(30)
            other = make_job()
            before = feed.page(context, tenant)
        finally:
            go.set()
        assert {one["data"]["job"]["id"] for one in before["events"]} == {str(job_id), str(other)}
        assert len(before["events"]) == 2
        return [before["next_after"]]

    _, (after,) = at_once(slow, read)
    late = feed.page(context, tenant, after)["events"]
    assert [(one["type"], one["data"]["job"]["id"]) for one in late] == [("job.started", str(job_id))]


def test_readers_at_once_see_one_order(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    for _ in range(5):
        make_job()
    pages = at_once(*[lambda: feed.page(context, tenant)] * 4)
    assert all(one == pages[0] for one in pages)
    assert [one["position"] for one in pages[0]["events"]] == [1, 2, 3, 4, 5]


def test_a_cursor_survives_the_end_of_all_that_was_before(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    make_job()
    after = feed.page(context, tenant)["next_after"]
    with context.sessions() as session, session.begin():
        session.execute(update(EventRow).values(created_at=from_now(-31 * 86_400)))
    assert upkeep.expire(context) == 1
    assert feed.page(context, tenant, after) == {"events": [], "next_after": after}
    make_job()
    assert [one["position"] for one in feed.page(context, tenant, after)["events"]] == [after + 1]


def test_events_over_http(context: Context, caller: Caller, make_job: MakeJob) -> None:
    for _ in range(3):
        make_job()
    first: dict[str, Any] = caller.call("GET", "/v1/events?limit=2").get_json()
    rest = caller.call("GET", f"/v1/events?after={first['next_after']}").get_json()
    assert [one["position"] for one in (*first["events"], *rest["events"])] == [1, 2, 3]
    assert caller.call("GET", f"/v1/events?after={rest['next_after']}").get_json()["events"] == []
    with context.sessions() as session:
        assert session.scalar(select(func.count()).select_from(EventRow).where(EventRow.position.is_(None))) == 0


def test_a_retry_that_is_held_back_starts_when_it_is_taken_up(
    context: Context, tenant: Tenant, make_job: MakeJob
) -> None:
    job_id = completed(context, make_job)
    one = with_settings(context, concurrent_jobs=1)
    other = make_job()
    assert jobs.run_again(one, tenant, job_id, "assemble")["status"] == "queued"
    assert types(context, job_id)[3:] == []
    jobs.cancel(one, tenant, other)
    assemble(one)
    assert types(context, job_id)[3:] == [(2, "job.started"), (2, "job.completed")]


def test_reading_and_deleting_at_once_wait_for_each_other_not_in_a_circle(
    context: Context, tenant: Tenant, make_job: MakeJob
) -> None:
    """A reader holds the tenant and gives places to events; a deletion holds events and wants the tenant for a slot."""
    one = with_settings(context, concurrent_jobs=2)
    for _ in range(5):
        made = [make_job() for _ in range(4)]
        at_once(
            *[lambda job_id=job_id: jobs.delete(one, tenant, job_id) for job_id in made],
            *[lambda: feed.page(one, tenant)] * 3,
        )
    events: list[dict[str, Any]] = []
    while some := feed.page(one, tenant, events[-1]["position"] if events else 0)["events"]:
        events += some
    with context.sessions() as session:
        total = session.scalar(select(func.count()).select_from(EventRow))
    assert [one["position"] for one in events] == list(range(1, (total or 0) + 1))
    assert len({one["id"] for one in events}) == total == 60
