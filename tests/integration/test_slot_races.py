"""Jobs that come, end and are run again at once, under a tenant's limit: never too many at work, and none forgotten."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from core import jobs, keys
from core.context import Context
from core.jobs.rows import locked
from core.states import Kind
from core.tables import Job, Tenant
from tests.integration.conftest import LIGHT, MakeJob, transcribe_all
from tests.integration.test_races import at_once
from tests.integration.test_slots import at_work, claimed, held


def test_submits_at_once_never_exceed_it(context: Context, make_job: MakeJob, limited: Callable[[int], None]) -> None:
    limited(2)
    for _ in range(4):
        at_once(*[make_job] * 6)
        assert at_work(context) == 2
    assert len(held(context)) == 22


def test_ends_at_once_let_as_many_in(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    limited(3)
    made = [make_job() for _ in range(18)]
    for ends in range(0, 15, 3):
        ending = made[ends : ends + 3]
        at_once(*(lambda job_id=job_id: jobs.cancel(context, tenant, job_id) for job_id in ending))
        assert at_work(context) == 3
        assert held(context) == made[ends + 6 :]


def test_submits_ends_and_retries_at_once(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    """No deadlock, never too many, and after a sweep none too few."""
    limited(2)
    made = [make_job() for _ in range(8)]
    for number in range(6):
        first, second, third = made[number : number + 3]
        at_once(
            lambda one=first: jobs.cancel(context, tenant, one),
            lambda one=second: jobs.delete(context, tenant, one),
            lambda one=first: jobs.run_again(context, tenant, one),
            lambda one=third: jobs.cancel(context, tenant, one),
            make_job,
            lambda: jobs.sweep(context),
        )
        assert at_work(context) <= 2
        jobs.sweep(context)
        assert at_work(context) == 2
        made[number + 1 : number + 3] = [make_job(), make_job()]


def test_finishes_and_submits_at_once(context: Context, make_job: MakeJob, limited: Callable[[int], None]) -> None:
    limited(2)
    for _ in range(5):
        make_job(chunks=1), make_job(chunks=1)
        transcribe_all(context)
        ends = jobs.claim(context, LIGHT, [Kind.ASSEMBLE], [], limit=2)
        document: dict[str, Any] = dict.fromkeys(("text", "language", "language_probability", "confidence"))
        record = jobs.record_transcript({**document, "model": {"name": "demo"}})
        done = at_once(
            *(lambda step=step, record=record: jobs.finish(context, step, {}, record) for step in ends),
            make_job,
            make_job,
            make_job,
        )
        assert done[:2] == [True, True]
        assert at_work(context) == 2
        assert len(held(context)) == 1
        limited(0)
        jobs.sweep(context)
        with context.sessions() as session:
            rest = list(session.scalars(select(Job.id).where(Job.status == "queued")))
            tenant = keys.Tenant(session.scalars(select(Tenant.id)).one(), "default")
        for job_id in rest:
            jobs.cancel(context, tenant, job_id)
        limited(2)


def test_a_held_job_that_somebody_works_on_is_for_the_sweep(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, limited: Callable[[int], None]
) -> None:
    """Who lets a job in holds its tenant, and would wait for ever for one who holds the job and wants the tenant."""
    limited(1)
    first, second = make_job(), make_job()
    with context.sessions() as session, session.begin():
        locked(session, second)
        jobs.cancel(context, tenant, first)
    assert held(context) == [second]
    assert jobs.sweep(context).released == 1
    assert claimed(context) == {second}
