"""Each line that keeps work from being lost or done twice, looked at by itself: `make mutations` takes these lines away
one at a time, and these tests must see it, every time. Where two processes meet, the one waits for the other."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import redis
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from core import jobs, keys
from core.bell import queue_name
from core.context import Context
from core.options import parse
from core.states import RECOGNIZED, Kind
from core.tables import Job, SegmentRow, Step, TranscriptRow
from tests.fakes.bells import Witness
from tests.integration.conftest import LIGHT, MakeJob, assemble, holding, ingest, segment, transcribe_all, until
from worker.pulse import RECYCLED, Pulse

PATIENCE = 30.0
"""Seconds until a test gives up; none waits as long when all is well."""


def claim_chunks(context: Context, limit: int = 1) -> list[jobs.Claimed]:
    return jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit)


def heard(step: jobs.Claimed) -> Any:
    return jobs.record_segments(step.index, [segment(f" {step.index}")])


def blocked(context: Context) -> bool:
    """Whether a connection of this database waits for another's lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with context.sessions() as session:
        return bool(session.scalar(waiting))


def test_a_finish_sees_what_the_other_finish_did(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    """The second waits with its first look at the job until the first has committed."""
    job_id = make_job(chunks=2)
    one, two = (claim_chunks(context)[0] for _ in range(2))
    began = threading.Event()
    second: list[Future[bool]] = []

    def while_the_other_begins(session: Session, job: Job) -> None:
        second.append(pool.submit(jobs.finish, context, two, {}, lambda *_: began.set()))
        until(lambda: began.is_set() or blocked(context))
        assert not began.is_set(), "two workers were at the job's counters at once"

    with ThreadPoolExecutor(1) as pool:
        assert jobs.finish(context, one, {}, while_the_other_begins)
        assert second[0].result(timeout=PATIENCE)
    assemble(context)
    assert jobs.show(context, tenant, job_id)["status"] == "completed"


def test_a_claim_passes_over_what_another_is_taking(context: Context, make_job: MakeJob) -> None:
    """It neither takes it nor waits for it."""
    make_job(chunks=2)
    with context.sessions() as session, ThreadPoolExecutor(1) as pool:
        first = session.scalars(select(Step).where(Step.kind == Kind.TRANSCRIBE, Step.index == 0).with_for_update())
        taken = first.one().id
        claiming = pool.submit(claim_chunks, context)
        until(lambda: claiming.done() or blocked(context))
        waited = not claiming.done()
        session.rollback()
        (step,) = claiming.result(timeout=PATIENCE)
    assert not waited, "a claim waited for another"
    assert step.id != taken


def test_a_step_in_hand_is_not_claimed_again(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=1)
    assert claim_chunks(context)
    assert claim_chunks(context) == []


def test_what_a_finish_made_ready_is_rung_for(context: Context, redis_url: str, make_job: MakeJob) -> None:
    with redis.Redis.from_url(redis_url) as server:
        for kind, model in ((Kind.TRANSCRIBE, "demo"), (Kind.ASSEMBLE, "")):
            server.delete(queue := f"scriptorium:{queue_name(kind, model)}")
            make_job(chunks=1) if kind is Kind.TRANSCRIBE else transcribe_all(context)
            assert server.llen(queue) == 1


def test_no_more_is_rung_than_there_are_workers_for(context: Context, redis_url: str, make_job: MakeJob) -> None:
    """Who hears one goes on until nothing is due: every further ring would find nothing."""
    queue = f"scriptorium:{queue_name(Kind.TRANSCRIBE, 'demo')}"
    with redis.Redis.from_url(redis_url) as server:
        for workers, chunks, expected in ((0, 5, 1), (3, 5, 3), (3, 2, 2)):
            for number in range(workers):
                jobs.register(context, f"t{number}", RECOGNIZED, ["demo"], {})
            jobs.register(context, "another", RECOGNIZED, ["large"], {})
            jobs.register(context, LIGHT, [Kind.INGEST, Kind.ASSEMBLE], [], {})
            server.delete(queue)
            make_job(chunks=chunks)
            assert server.llen(queue) == expected


def test_nothing_is_rung_before_its_commit(context: Context, tenant: keys.Tenant) -> None:
    """Who hears the ring at once must find the work; else it waits for the sweep. The job is alone, so that nothing
    else can be found."""
    bell = Witness(context.sessions)
    here = replace(context, bell=bell)  # type: ignore[arg-type]
    incoming = here.blobs.receive(10)
    incoming.write(b"x")
    job_id = UUID(jobs.submit(here, tenant, incoming, "a.wav", parse({})).job["id"])
    jobs.hand_back(here, claim_ingest(here))
    ingest(here, job_id, chunks=2)
    transcribe_all(here)
    assemble(here)
    jobs.run_again(here, tenant, job_id, "transcribe")
    assert [kind for kind, _ in bell.rung] == [
        Kind.INGEST, Kind.INGEST, Kind.TRANSCRIBE, Kind.ASSEMBLE, Kind.TRANSCRIBE,
    ]  # fmt: skip
    assert bell.in_vain == []


def claim_ingest(context: Context) -> jobs.Claimed:
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    return step


def test_cancel_raises_the_attempts_of_what_is_open(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    """So that no late write matches, whatever it asks of the status."""
    job_id = make_job(chunks=3)
    (done,) = claim_chunks(context)
    jobs.finish(context, done, {}, heard(done))
    claim_chunks(context)
    jobs.cancel(context, tenant, job_id)
    with context.sessions() as session:
        chunks = select(Step.attempt).where(Step.job_id == job_id, Step.kind == Kind.TRANSCRIBE).order_by(Step.index)
        assert session.scalars(chunks).all() == [1, 2, 1]


def test_a_deleted_job_leaves_no_words(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=2)
    transcribe_all(context)
    assemble(context)
    jobs.delete(context, tenant, job_id)
    with context.sessions() as session:
        for table in (SegmentRow, TranscriptRow):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        assert session.scalars(select(Step.result)).all() == [None] * 4


def test_a_step_past_its_deadline_that_does_not_listen_ends_the_process(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=1)
    codes: list[int] = []
    pulse = Pulse(context, "t", leave=codes.append)
    with holding(pulse, [replace(step, deadline=-1.0) for step in claim_chunks(context)]):
        pulse._keep_time(0.0)
    assert codes == [RECYCLED]


def test_a_suspect_does_not_come_beside_others(context: Context, make_job: MakeJob) -> None:
    """Nor does what is behind it: in fair order it is the suspect's turn, once the worker's hands are empty."""
    make_job(chunks=4)
    for step in jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=2):
        jobs.hand_back(context, step)
    with context.sessions() as session, session.begin():
        session.execute(update(Step).where(Step.index == 0, Step.kind == Kind.TRANSCRIBE).values(suspect=True))
    assert jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=2, beside=True) == []
    (suspect,) = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=2)
    assert (suspect.index, suspect.alone) == (0, True)
    beside = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=1, beside=True)
    assert [(step.index, step.alone) for step in beside] == [(1, False)]


def test_a_hand_back_counts_nothing(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=1)
    for _ in range(4):
        (step,) = claim_chunks(context)
        assert jobs.hand_back(context, step)
    with context.sessions() as session:
        row = session.get_one(Step, step.id)
        assert (row.attempt, row.kills, row.errors, row.outages, row.suspect) == (4, 0, 0, 0, False)
