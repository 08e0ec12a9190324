"""What a job is told of its place and of its end, beside what then happens to it."""

from uuid import UUID

import pytest
from sqlalchemy import select, update

from core import jobs, keys
from core.context import Context
from core.database import from_now
from core.keys import Tenant
from core.states import Kind, StepStatus
from core.tables import Step
from tests.integration.conftest import LIGHT, MakeJob, assemble, segment, transcribe_all


def positions(context: Context, tenant: Tenant, *ids: UUID) -> list[int | None]:
    return [jobs.show(context, tenant, one)["queue_position"] for one in ids]


def test_the_position_is_the_order_in_which_jobs_are_taken_up(
    context: Context, tenant: Tenant, make_job: MakeJob
) -> None:
    """Of all tenants; one who comes later may stand before one who has many."""
    stranger = keys.ensure(context, keys.mint(), "another")
    mine = [make_job() for _ in range(4)]
    theirs, urgent = make_job(owner=stranger), make_job(priority="high")
    waiting = [*mine, urgent]
    told = dict(zip(waiting, positions(context, tenant, *waiting), strict=True))
    told[theirs] = jobs.show(context, stranger, theirs)["queue_position"]
    taken = []
    while steps := jobs.claim(context, LIGHT, [Kind.INGEST], []):
        taken += [step.job_id for step in steps]
    assert sorted(told, key=lambda one: told[one] or 0) == taken
    assert sorted(told.values()) == [1, 2, 3, 4, 5, 6]
    assert positions(context, tenant, *mine) == [None] * 4


def test_it_goes_down_as_others_are_taken_up(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    first, second, third = make_job(), make_job(), make_job()
    assert positions(context, tenant, first, second, third) == [1, 2, 3]
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    assert step.job_id == first
    assert positions(context, tenant, first, second, third) == [None, 1, 2]
    jobs.cancel(context, tenant, second)
    assert positions(context, tenant, second, third) == [None, 1]


def took(context: Context, job_id: UUID, seconds: float) -> None:
    """Each done chunk of this job, as if it took so long, one after the other, until now."""
    with context.sessions() as session, session.begin():
        of_job = (Step.job_id == job_id, Step.kind == Kind.TRANSCRIBE, Step.status == StepStatus.DONE)
        for number, step in enumerate(session.scalars(select(Step).where(*of_job))):
            step.started_at, step.finished_at = from_now(-seconds * (number + 1)), from_now(-seconds * number)


def test_the_end_is_foreseen_from_what_was_measured(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    before = make_job(chunks=4)
    transcribe_all(context)
    assemble(context)
    took(context, before, 10.0)  # 3 s of sound a second
    job_id = make_job(chunks=10, context="off")
    assert jobs.show(context, tenant, job_id)["eta_seconds"] == pytest.approx(100, abs=2)
    beside = make_job(chunks=2, context="off")
    assert jobs.show(context, tenant, beside)["eta_seconds"] == pytest.approx(40, abs=2), "half of the speed is its own"
    assert jobs.show(context, tenant, job_id)["eta_seconds"] == pytest.approx(120, abs=2)


def test_a_second_pass_is_expected_as_often_as_it_came(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    """From the jobs of its model: the latest steps may all be of one pass."""
    before = make_job(chunks=4)
    for number, step in enumerate(jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=4)):
        said = {"doubtful": number == 2, "tail": "a", "language": "en", "language_probability": 1.0}
        assert jobs.finish(context, step, said, jobs.record_segments(step.index, [dict(segment(" a"))]))
    took(context, before, 10.0)  # 3 s of sound a second
    (step,) = jobs.claim(context, "t", [Kind.REDECODE], ["demo"])
    assert jobs.finish(context, step, {"kept": False})
    assemble(context)
    with context.sessions() as session, session.begin():  # as if it had never been
        session.execute(update(Step).where(Step.kind == Kind.REDECODE).values(finished_at=from_now(-7200)))
    asked = jobs.show(context, tenant, make_job(chunks=4))["eta_seconds"]
    assert asked == pytest.approx(40 * 1.25, abs=2)


def test_nothing_is_foreseen_before_a_speed_was_measured(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    queued, begun = make_job(), make_job(chunks=2)
    shown = [jobs.show(context, tenant, one)["eta_seconds"] for one in (queued, begun)]
    assert shown == [None, None]
    transcribe_all(context)
    with context.sessions() as session, session.begin():
        long_ago = {"started_at": from_now(-7300), "finished_at": from_now(-7200)}
        session.execute(update(Step).where(Step.status == StepStatus.DONE).values(**long_ago))
    assert jobs.show(context, tenant, make_job(chunks=2))["eta_seconds"] is None, "it says little of today"
    assemble(context)
    assert jobs.show(context, tenant, begun)["eta_seconds"] is None, "it has ended"


def test_what_was_known_already_says_nothing_of_the_speed(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=2)
    steps = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=2)
    for step in steps:
        assert jobs.finish(context, step, {"cached": True}, jobs.record_segments(step.index, []))
    assert jobs.show(context, tenant, make_job(chunks=2))["eta_seconds"] is None
    assert jobs.show(context, tenant, job_id)["progress"] > 0.8
