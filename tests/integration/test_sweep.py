"""The reconciler: what dead workers and lost messages leave behind."""

import pytest
from sqlalchemy import select, text, update

from core import jobs, keys
from core.context import Context
from core.errors import EngineError, Gone
from core.states import Kind
from core.tables import Job, Recording, Step, SweepState
from tests.integration.conftest import MakeJob, assemble, transcribe_all
from tests.integration.test_races import end_leases, make_due


def test_a_dead_workers_step_runs_again_and_the_others_do_not(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    job_id = make_job(chunks=3)
    jobs.sweep(context)
    (dead, *_) = jobs.claim(context, "dead", [Kind.TRANSCRIBE], ["demo"])
    assert transcribe_all(context) == 2
    end_leases(context)
    assert jobs.sweep(context).reaped == 1
    make_due(context)
    assert transcribe_all(context) == 1
    assemble(context)
    assert jobs.show(context, tenant, job_id)["status"] == "completed"
    with context.sessions() as session:
        attempts = session.scalars(select(Step.attempt).where(Step.kind == Kind.TRANSCRIBE).order_by(Step.index)).all()
    assert attempts == [2 if index == dead.index else 1 for index in range(3)]


def test_three_kills_end_a_step(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=1)
    jobs.sweep(context)
    for _ in range(3):
        assert jobs.claim(context, "dies", [Kind.TRANSCRIBE], ["demo"])
        end_leases(context)
        jobs.sweep(context)
        make_due(context)
    shown = jobs.show(context, tenant, job_id)
    assert (shown["status"], shown["error"]["code"]) == ("failed", "worker_lost")


def test_after_an_outage_live_workers_get_one_lease_to_renew(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=1)
    (step,) = jobs.claim(context, "alive", [Kind.TRANSCRIBE], ["demo"])
    jobs.sweep(context)
    end_leases(context)
    with context.sessions() as session, session.begin():
        session.execute(update(SweepState).values(swept_at=SweepState.swept_at - text("interval '1 hour'")))
    assert jobs.sweep(context).reaped == 0
    assert jobs.heartbeat(context, "alive", [step]) == {step.id}
    assert jobs.sweep(context).reaped == 0


def test_a_heartbeat_keeps_a_step(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=1)
    jobs.sweep(context)
    (step,) = jobs.claim(context, "slow", [Kind.TRANSCRIBE], ["demo"])
    end_leases(context)
    jobs.heartbeat(context, "slow", [step])
    assert jobs.sweep(context).reaped == 0


def test_due_work_is_rung_only_for_idle_workers_that_serve_it(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=5)
    assert jobs.sweep(context).rung == 0
    jobs.register(context, "other", [Kind.TRANSCRIBE], ["large-v3"], {})
    assert jobs.sweep(context).rung == 0
    for number in range(2):
        jobs.register(context, f"t-{number}", [Kind.TRANSCRIBE], ["demo"], {})
    assert jobs.sweep(context).rung == 2


def test_deleted_audio_is_erased_again_when_no_worker_can_write(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    job_id = make_job()
    jobs.delete(context, tenant, job_id)
    with context.sessions() as session, session.begin():
        recording = session.execute(select(Recording)).scalar_one()
        late = f"{recording.prefix}/pcm-x/00000.s16"
        recording.deleted_at = text("clock_timestamp() - interval '1 hour'")  # type: ignore[assignment]
    context.blobs.put(late, [b"written by a worker that had not heard"])
    assert jobs.sweep(context).erased == 1
    assert not context.blobs.exists(late)
    assert jobs.sweep(context).erased == 0


def test_sweeps_that_piled_up_are_one(context: Context, make_job: MakeJob) -> None:
    """Beat goes on while the upkeep worker is down."""
    make_job(chunks=1)
    jobs.register(context, "t", [Kind.TRANSCRIBE], ["demo"], {})
    assert jobs.sweep(context, spacing=60).rung == 1
    assert jobs.sweep(context, spacing=60) == jobs.Swept()
    assert jobs.sweep(context).rung == 1


def test_a_first_kill_is_tried_again_at_once(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=1)
    jobs.sweep(context)
    assert jobs.claim(context, "dead", [Kind.TRANSCRIBE], ["demo"])
    end_leases(context)
    jobs.sweep(context)
    assert jobs.claim(context, "next", [Kind.TRANSCRIBE], ["demo"])


def test_a_model_that_nobody_serves_for_days_fails_the_job(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    waiting, served = make_job(chunks=1, model="large-v3"), make_job(chunks=1)
    jobs.register(context, "t", [Kind.TRANSCRIBE], ["demo"], {})
    assert jobs.sweep(context).unserved == 0
    with context.sessions() as session, session.begin():
        session.execute(update(Step).values(due_at=Step.due_at - text("interval '4 days'")))
    assert jobs.sweep(context).unserved == 0, "the server has just started: its transcribers may be loading"
    with context.sessions() as session, session.begin():
        session.execute(update(SweepState).values(reap_after=SweepState.reap_after - text("interval '1 hour'")))
    assert jobs.sweep(context).unserved == 1
    shown = jobs.show(context, tenant, waiting)
    assert (shown["status"], shown["error"]["code"], shown["error"]["retryable"]) == (
        "failed",
        "model_not_served",
        True,
    )
    assert jobs.show(context, tenant, served)["status"] == "processing"
    assert jobs.run_again(context, tenant, waiting)["status"] == "processing"
    assert jobs.sweep(context).unserved == 0


def test_a_job_is_deleted_when_its_time_has_come(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    soon, later = make_job(chunks=1, delete_after_seconds=0), make_job(chunks=1, delete_after_seconds=3600)
    assert jobs.sweep(context).expired == 0
    transcribe_all(context)
    assemble(context)
    assert jobs.sweep(context).expired == 1
    with pytest.raises(Gone):
        jobs.show(context, tenant, soon)
    assert jobs.show(context, tenant, later)["status"] == "completed"


def test_a_lease_renewed_meanwhile_is_not_reaped(context: Context, make_job: MakeJob) -> None:
    """The sweep reads ended leases, then puts them back one by one: the worker may have come to itself in between."""
    job_id = make_job(chunks=1)
    jobs.sweep(context)
    (step,) = jobs.claim(context, "slow", [Kind.TRANSCRIBE], ["demo"])
    end_leases(context)
    jobs.heartbeat(context, "slow", [step])
    assert not jobs.retry(context, step, EngineError("its lease had ended"), killed=True)
    with context.sessions() as session:
        assert session.get_one(Step, step.id).status == "running"
        assert session.get_one(Job, job_id).late_results == 0
