"""How many jobs of a tenant are at work at a time: the others wait, and come in as these end."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from sqlalchemy import func, select

from core import jobs, keys, tenants
from core.context import Context
from core.errors import InputError
from core.states import Kind, StepStatus
from core.tables import Job, Step
from tests.fakes.bells import Witness
from tests.integration.conftest import LIGHT, MakeJob, assemble, transcribe_all
from tests.integration.test_races import open_steps
from tests.integration.web_api import Caller, with_settings


def held(context: Context) -> list[UUID]:
    """In the order in which they were sent."""
    with context.sessions() as session:
        return list(session.scalars(select(Job.id).where(Job.held_at.is_not(None)).order_by(Job.id)))


def at_work(context: Context) -> int:
    with context.sessions() as session:
        claimable = Step.status.in_([StepStatus.QUEUED, StepStatus.RUNNING])
        return session.scalar(select(func.count(Step.job_id.distinct())).where(claimable)) or 0


def claimed(context: Context) -> set[UUID]:
    """The jobs whose recordings a worker gets, all at once."""
    return {step.job_id for step in jobs.claim(context, LIGHT, [Kind.INGEST], [], limit=50)}


def test_further_jobs_wait_and_are_not_refused(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    limited(2)
    made = [make_job() for _ in range(4)]
    assert held(context) == made[2:]
    assert [jobs.show(context, tenant, one)["status"] for one in made] == ["queued"] * 4
    assert claimed(context) == set(made[:2])


def test_the_end_of_one_lets_the_oldest_in(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    limited(1)
    first, second, third = (make_job() for _ in range(3))
    jobs.cancel(context, tenant, first)
    assert held(context) == [third]
    jobs.delete(context, tenant, second)
    assert held(context) == []
    assert claimed(context) == {third}


def test_completed_and_failed_jobs_make_room(
    context: Context, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    limited(1)
    make_job(chunks=1)
    others = [make_job() for _ in range(2)]
    transcribe_all(context)
    assert held(context) == others
    assemble(context)
    assert held(context) == others[1:]
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    assert jobs.fail(context, step, InputError("this is no recording"))
    assert held(context) == []


def test_a_held_job_is_cancelled_and_deleted_like_any(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    limited(1)
    first, second, third = (make_job() for _ in range(3))
    assert jobs.cancel(context, tenant, second)["status"] == "cancelled"
    jobs.delete(context, tenant, third)
    assert held(context) == []
    assert open_steps(context, second) == open_steps(context, third) == 0
    assert claimed(context) == {first}


def test_a_retry_waits_too(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    limited(1)
    done = make_job(chunks=2)
    transcribe_all(context)
    assemble(context)
    before = jobs.transcript(context, tenant, done)
    other = make_job()
    again = jobs.run_again(context, tenant, done, "transcribe")
    assert (again["status"], again["run"]) == ("queued", 2)
    assert jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=9) == []
    assert jobs.transcript(context, tenant, done) == before
    jobs.cancel(context, tenant, other)
    assert held(context) == []
    assert transcribe_all(context) == 2
    assert jobs.show(context, tenant, done)["status"] == "processing"
    assemble(context)
    assert jobs.show(context, tenant, done)["status"] == "completed"


def test_a_held_retry_that_is_cancelled_can_be_retried(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    limited(1)
    one = make_job(chunks=2)
    jobs.cancel(context, tenant, one)
    other = make_job()
    jobs.run_again(context, tenant, one)
    jobs.cancel(context, tenant, one)
    jobs.cancel(context, tenant, other)
    jobs.run_again(context, tenant, one)
    assert held(context) == []
    assert transcribe_all(context) == 2


def test_tenants_do_not_wait_for_each_other(
    context: Context, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    limited(1)
    other = keys.ensure(context, keys.mint(), "another")
    make_job()
    theirs = [make_job(owner=other) for _ in range(2)]
    assert held(context) == []
    assert set(theirs) <= claimed(context)


def test_held_jobs_take_no_part_of_the_share(
    context: Context, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    limited(1)
    first = make_job()
    for _ in range(9):
        make_job()
    jobs.sweep(context)
    with context.sessions() as session:
        assert session.get_one(Job, first).weight == 1.0


def test_a_job_that_waited_passes_nobody(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    """Its tags are of when it comes in."""
    limited(1)
    first, second = make_job(), make_job()
    other = keys.ensure(context, keys.mint(), "another")
    for _ in range(5):
        make_job(owner=other)
    claimed(context)
    with context.sessions() as session:
        latest = session.scalar(select(func.max(Step.fair_tag)).where(Step.status == StepStatus.RUNNING))
    jobs.cancel(context, tenant, first)
    with context.sessions() as session:
        assert session.scalar(select(Step.fair_tag).where(Step.job_id == second)) >= latest


def test_the_default_is_a_setting(context: Context, tenant: keys.Tenant, api_key: str) -> None:
    caller = Caller(with_settings(context, concurrent_jobs=1), api_key)
    assert [caller.upload().status_code for _ in range(3)] == [202] * 3
    assert len(held(context)) == 2
    tenants.change(context, "default", {"concurrent_jobs": 0})
    assert caller.upload().status_code == 202
    assert len(held(context)) == 2, "who sends a job lets no other in"
    jobs.sweep(context)
    assert held(context) == []


def test_a_higher_limit_is_seen_by_the_sweep(
    context: Context, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    limited(1)
    for _ in range(5):
        make_job()
    limited(3)
    assert jobs.sweep(context).released == 2
    limited(2)
    assert jobs.sweep(context).released == 0
    assert at_work(context) == 3, "what has begun is not stopped"


def test_a_job_let_in_is_rung_for(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    limited(1)
    first, _ = make_job(), make_job()
    bell = Witness(context.sessions)
    jobs.cancel(replace(context, bell=bell), tenant, first)
    assert bell.rung == [(Kind.INGEST, "")]
    assert bell.in_vain == []
