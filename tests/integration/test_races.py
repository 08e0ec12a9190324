"""Two processes at one state: threads with their own connections, let loose at once, many times."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update

from core import jobs, keys
from core.context import Context
from core.states import Kind, StepStatus
from core.tables import Job, Recording, SegmentRow, Step
from tests.integration.conftest import LIGHT, MakeJob, assemble, segment, transcribe_all


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Runs each call in a thread of its own; all start together."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(run, call) for call in calls]]


def claim_one(context: Context, worker: str) -> list[jobs.Claimed]:
    return jobs.claim(context, worker, [Kind.TRANSCRIBE], ["demo"])


def finish(context: Context, step: jobs.Claimed) -> bool:
    return jobs.finish(context, step, {}, jobs.record_segments(step.index, [segment(f" {step.index}")]))


def test_no_step_is_claimed_twice(context: Context, make_job: MakeJob) -> None:
    for _ in range(3):
        make_job(chunks=8)
    taken: list[UUID] = []

    def drain(worker: str) -> Callable[[], None]:
        def run() -> None:
            while steps := jobs.claim(context, worker, [Kind.TRANSCRIBE], ["demo"], limit=2):
                taken.extend(step.id for step in steps)

        return run

    at_once(*(drain(f"t-{number}") for number in range(6)))
    assert len(taken) == len(set(taken)) == 24


def test_the_last_two_chunks_at_once_never_strand_a_job(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    """Without the lock on the job's row each finish misses the other's, and nobody plans the assembly."""
    for _ in range(15):
        job_id = make_job(chunks=2)
        one, two = (claim_one(context, f"t-{number}")[0] for number in range(2))
        assert at_once(lambda one=one: finish(context, one), lambda two=two: finish(context, two)) == [True, True]
        assemble(context)
        assert jobs.show(context, tenant, job_id)["status"] == "completed"
        with context.sessions() as session:
            planned = select(func.count()).select_from(Step).where(Step.job_id == job_id, Step.kind == Kind.ASSEMBLE)
            assert session.scalar(planned) == 1


def test_one_result_wins_when_two_workers_hold_a_step(context: Context, make_job: MakeJob) -> None:
    for _ in range(10):
        job_id = make_job(chunks=1)
        (first,) = claim_one(context, "first")
        jobs.hand_back(context, first)
        (second,) = claim_one(context, "second")
        won = at_once(lambda one=first: finish(context, one), lambda two=second: finish(context, two))
        assert won == [False, True]
        with context.sessions() as session:
            assert session.scalar(select(func.count()).select_from(SegmentRow).where(SegmentRow.job_id == job_id)) == 1


def test_finish_and_cancel_leave_a_whole_state(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    for _ in range(10):
        job_id = make_job(chunks=1)
        (step,) = claim_one(context, "t")
        at_once(lambda step=step: finish(context, step), lambda job_id=job_id: jobs.cancel(context, tenant, job_id))
        assemble(context)
        assert jobs.show(context, tenant, job_id)["status"] == "cancelled"
        assert open_steps(context, job_id) == 0


def test_finish_and_the_sweep_that_reaps_it(context: Context, make_job: MakeJob) -> None:
    """Either the result stands or the step runs again; never both, never neither."""
    for _ in range(10):
        job_id = make_job(chunks=1)
        (step,) = claim_one(context, "slow")
        jobs.sweep(context)
        end_leases(context)
        done, _ = at_once(lambda step=step: finish(context, step), lambda: jobs.sweep(context))
        if not done:
            make_due(context)
            transcribe_all(context)
        assert len(jobs.current_segments(context, job_id)) == 1
        assemble(context)


def test_two_sweeps_reap_a_step_once(context: Context, make_job: MakeJob) -> None:
    for _ in range(5):
        job_id = make_job(chunks=1)
        claim_one(context, "dead")
        jobs.sweep(context)
        end_leases(context)
        swept = at_once(*(lambda: jobs.sweep(context),) * 3)
        assert sum(one.reaped for one in swept) == 1
        with context.sessions() as session:
            kills = session.scalar(select(Step.kills).where(Step.job_id == job_id, Step.kind == Kind.TRANSCRIBE))
            assert kills == 1
        make_due(context)
        transcribe_all(context)
        assemble(context)


def test_deleting_the_last_two_jobs_of_a_recording_erases_it(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    for _ in range(10):
        first, second = make_job(), make_job()
        with context.sessions() as session, session.begin():
            shared = session.get_one(Job, first).recording_id
            session.execute(update(Job).where(Job.id == second).values(recording_id=shared))
        at_once(*(lambda job_id=job_id: jobs.delete(context, tenant, job_id) for job_id in (first, second)))
        with context.sessions() as session:
            assert session.get_one(Recording, shared).deleted_at is not None
        assert not context.blobs.exists(f"recordings/{shared}/source")


def test_two_ingests_of_one_job_cannot_both_emit(context: Context, make_job: MakeJob) -> None:
    job_id = make_job()
    (first,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    jobs.hand_back(context, first)
    (second,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    new = [
        jobs.NewStep(Kind.TRANSCRIBE, index, 30.0, {"start": 30.0 * index, "end": 30.0 * index + 30})
        for index in range(20)
    ]
    answers = at_once(*(lambda step=step: jobs.emit(context, step, "g", new) for step in (first, second, second)))
    assert answers == [False, True, True]
    assert open_steps(context, job_id) == 21


def test_a_heartbeat_and_a_cancel_do_not_wait_for_each_other(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    """Both change several steps of the job: in different orders they would end in a deadlock."""
    for _ in range(10):
        job_id = make_job(chunks=12)
        held = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=12)
        kept, _ = at_once(
            lambda held=held[::-1]: jobs.heartbeat(context, "t", held),
            lambda job_id=job_id: jobs.cancel(context, tenant, job_id),
        )
        assert kept in (set(), {step.id for step in held})


def open_steps(context: Context, job_id: UUID) -> int:
    with context.sessions() as session:
        now = Step.status.in_([StepStatus.QUEUED, StepStatus.RUNNING])
        return session.scalar(select(func.count()).select_from(Step).where(Step.job_id == job_id, now)) or 0


def end_leases(context: Context) -> None:
    shift(context, Step.lease_until)


def make_due(context: Context) -> None:
    shift(context, Step.due_at)


def shift(context: Context, column: Any) -> None:
    with context.sessions() as session, session.begin():
        session.execute(update(Step).where(column.is_not(None)).values({column: column - text("interval '1 hour'")}))
