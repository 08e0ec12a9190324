"""The life of a job on the real Postgres: each state change once, and what the constraints refuse."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from core import jobs, keys
from core.budget import OUTAGES
from core.context import Context
from core.errors import BlobMissing, BlobUnreadable, Conflict, EngineError, Gone, InputError, NotFound
from core.states import DIARIZED, Kind
from core.tables import Job, Step, TranscriptRow
from tests.integration.conftest import LIGHT, MakeJob, assemble, new_chunks, segment, transcribe_all


def steps_of(context: Context, job_id: UUID, kind: Kind) -> list[Step]:
    with context.sessions() as session:
        return list(session.scalars(select(Step).where(Step.job_id == job_id, Step.kind == kind).order_by(Step.index)))


def test_a_job_from_upload_to_transcript(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=3)
    assert jobs.show(context, tenant, job_id)["status"] == "processing"
    with pytest.raises(Conflict, match="not finished"):
        jobs.transcript(context, tenant, job_id)
    assert transcribe_all(context) == 3
    assemble(context)
    shown = jobs.show(context, tenant, job_id)
    assert (shown["status"], shown["progress"]) == ("completed", 1.0)
    assert shown["finished_at"] is not None
    assert [stage["status"] for stage in shown["stages"].values()] == ["completed"] * len(
        set(Kind) - {Kind.FETCH, *DIARIZED}
    )
    assert jobs.transcript(context, tenant, job_id)["text"] == "all"
    assert not jobs.claim(context, LIGHT, list(Kind), ["demo"])


@pytest.mark.parametrize("also_ours", [True, False])
def test_a_transcript_that_older_code_wrote_is_read(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, also_ours: bool
) -> None:
    """It knows `document` alone; where it wrote over one of ours, its own is the later."""
    job_id = make_job(chunks=1)
    transcribe_all(context)
    assemble(context)
    with context.sessions() as session, session.begin():
        row = session.get_one(TranscriptRow, job_id)
        row.document, row.body = {"text": "旧"}, row.body if also_ours else None
    assert jobs.transcript(context, tenant, job_id) == {"text": "旧"}


def test_silence_completes_without_chunks(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job()
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    result = {"duration": 5.0, "channels": 1, "codec": "pcm", "speech_seconds": 0.0}
    assert jobs.finish(context, step, result, jobs.record_probe(result))
    assemble(context, "")
    assert jobs.show(context, tenant, job_id)["status"] == "completed"


def test_bad_input_fails_at_once_and_says_why(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job()
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    assert jobs.fail(context, step, InputError("this file is no recording"))
    shown = jobs.show(context, tenant, job_id)
    assert shown["status"] == "failed"
    assert shown["error"] == {
        "code": "invalid_media", "message": "this file is no recording", "stage": "ingest", "retryable": False,
    }  # fmt: skip


def test_three_errors_end_a_chunk_and_leave_a_gap(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=2)
    for _ in range(3):
        steps = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
        while steps[0].index != 0:
            jobs.hand_back(context, steps[0], delay=60)
            steps = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
        jobs.retry(context, steps[0], EngineError("it broke"))
        make_due(context)
    transcribe_all(context)
    facts = jobs.assembly_facts(context, job_id)
    assert [(gap.start, gap.end, gap.reasons) for gap in facts.failed] == [(0.0, 30.0, ("chunk_failed",))]
    assemble(context)
    shown = jobs.show(context, tenant, job_id)
    assert shown["status"] == "completed"
    assert [warning["code"] for warning in shown["warnings"] if warning["stage"]] == ["chunk_failed"]


def make_due(context: Context) -> None:
    with context.sessions() as session, session.begin():
        session.execute(update(Step).values(due_at=Step.due_at - timedelta(hours=1)))


def test_nothing_heard_at_all_fails_the_job(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=1)
    (step,) = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
    jobs.fail(context, step, InputError("no", code="unsupported_language"))
    shown = jobs.show(context, tenant, job_id)
    assert (shown["status"], shown["error"]["code"]) == ("failed", "unsupported_language")


def test_emitting_twice_adds_only_what_is_missing(context: Context, make_job: MakeJob) -> None:
    job_id = make_job()
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    assert jobs.emit(context, step, "g1", new_chunks(0, 2))
    assert jobs.emit(context, step, "g1", new_chunks(0, 4))
    assert [one.index for one in steps_of(context, job_id, Kind.TRANSCRIBE)] == [0, 1, 2, 3]


def test_a_new_generation_discards_the_old_chunks(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job()
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    jobs.emit(context, step, "strict", new_chunks(0, 3))
    (chunk, *_) = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
    jobs.emit(context, step, "tolerant", new_chunks(0, 2))
    assert not jobs.finish(context, chunk, {}, jobs.record_segments(0, [segment(" old")]))
    assert [one.attempt for one in steps_of(context, job_id, Kind.TRANSCRIBE)] == [0, 0]
    assert jobs.segments(context, tenant, job_id, 0)["segments"] == []


def test_a_late_result_is_refused_and_counted(context: Context, make_job: MakeJob) -> None:
    job_id = make_job(chunks=1)
    (slow,) = jobs.claim(context, "slow", [Kind.TRANSCRIBE], ["demo"])
    assert jobs.hand_back(context, slow)
    (quick,) = jobs.claim(context, "quick", [Kind.TRANSCRIBE], ["demo"])
    assert not jobs.finish(context, slow, {}, jobs.record_segments(0, [segment(" late")]))
    assert jobs.finish(context, quick, {}, jobs.record_segments(0, [segment(" right")]))
    assert [one.text for one in jobs.current_segments(context, job_id)] == [" right"]
    with context.sessions() as session:
        assert session.get_one(Job, job_id).late_results == 1


@pytest.mark.parametrize("late", ["retry", "hand back", "fail"])
def test_who_lost_a_step_cannot_give_it_back(context: Context, make_job: MakeJob, late: str) -> None:
    job_id = make_job(chunks=1)
    (slow,) = jobs.claim(context, "slow", [Kind.TRANSCRIBE], ["demo"])
    assert jobs.hand_back(context, slow)
    (quick,) = jobs.claim(context, "quick", [Kind.TRANSCRIBE], ["demo"])
    acts = {"retry": jobs.retry, "fail": jobs.fail}
    error = EngineError("late")
    done = jobs.hand_back(context, slow) if late == "hand back" else acts[late](context, slow, error)
    assert not done
    assert [step.worker for step in steps_of(context, job_id, Kind.TRANSCRIBE)] == ["quick"]
    assert jobs.finish(context, quick, {}, jobs.record_segments(0, [segment(" right")]))


def test_finishing_twice_changes_nothing(context: Context, make_job: MakeJob) -> None:
    """After a commit whose answer was lost, the worker writes again."""
    job_id = make_job(chunks=2)
    (step,) = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
    for _ in range(2):
        assert jobs.finish(context, step, {}, jobs.record_segments(step.index, [segment(" once")]))
    assert len(jobs.current_segments(context, job_id)) == 1
    assert transcribe_all(context) == 1


def test_a_step_that_failed_before_comes_alone(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=6)
    batch = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=3)
    assert [step.index for step in batch] == [0, 1, 2]
    jobs.retry(context, batch[0], EngineError("it broke"))
    for step in batch[1:]:
        jobs.hand_back(context, step)
    make_due(context)
    alone = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=3)
    assert [step.index for step in alone] == [0]
    assert [step.index for step in jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=9)] == [1, 2, 3, 4, 5]


def test_a_worker_claims_only_the_models_it_serves(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=1)
    assert jobs.claim(context, "t", [Kind.TRANSCRIBE], ["large-v3"]) == []
    assert len(jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo", "large-v3"])) == 1


def test_cancel_stops_queued_steps_and_refuses_running_ones(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    job_id = make_job(chunks=3)
    (running,) = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
    assert jobs.cancel(context, tenant, job_id)["status"] == "cancelled"
    assert jobs.heartbeat(context, "t", [running]) == set()
    assert not jobs.finish(context, running, {}, jobs.record_segments(0, [segment(" late")]))
    assert jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"]) == []
    assert jobs.cancel(context, tenant, job_id)["status"] == "cancelled"


def test_delete_erases_and_leaves_a_tombstone(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=1, metadata={"patient": "Anna"}, prompt="secret")
    transcribe_all(context)
    assemble(context)
    prefix = f"recordings/{jobs.show(context, tenant, job_id)['recording']['id']}"
    assert context.blobs.exists(f"{prefix}/source")
    jobs.delete(context, tenant, job_id)
    jobs.delete(context, tenant, job_id)
    assert not context.blobs.exists(f"{prefix}/source")
    with pytest.raises(Gone):
        jobs.transcript(context, tenant, job_id)
    assert jobs.page(context, tenant)["jobs"] == []
    with context.sessions() as session:
        left = session.get_one(Job, job_id)
        assert (left.job_metadata, left.options) == ({}, {"priority": "normal"})


def test_another_tenant_sees_nothing(context: Context, make_job: MakeJob) -> None:
    job_id = make_job(chunks=1)
    other = keys.ensure(context, keys.mint(), "other")
    for look in (jobs.show, jobs.transcript, jobs.cancel, jobs.delete):
        with pytest.raises(NotFound):
            look(context, other, job_id)
    assert jobs.page(context, other)["jobs"] == []


def test_pages_are_newest_first_and_complete(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    made = [str(make_job(tag="even" if number % 2 == 0 else "odd")) for number in range(5)]
    first = jobs.page(context, tenant, limit=3)
    second = jobs.page(context, tenant, limit=3, cursor=first["next_cursor"])
    assert [job["id"] for job in first["jobs"] + second["jobs"]] == made[::-1]
    assert second["next_cursor"] is None
    assert [job["id"] for job in jobs.page(context, tenant, jobs.Filter(tag="odd"))["jobs"]] == [made[3], made[1]]


def test_segments_come_by_revision(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=2)
    first, second = (jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])[0] for _ in range(2))
    jobs.finish(context, second, {}, jobs.record_segments(1, [segment(" two", 30)]))
    seen = jobs.segments(context, tenant, job_id, 0)
    assert ([one["text"] for one in seen["segments"]], seen["final"]) == ([" two"], False)
    jobs.finish(context, first, {}, jobs.record_segments(0, [segment(" one")]))
    assert [one["text"] for one in jobs.segments(context, tenant, job_id, seen["revision"])["segments"]] == [" one"]


@pytest.mark.parametrize(
    "bad",
    [
        {"status": "running"},  # without a lease and a worker
        {"status": "running", "worker": "w", "lease_until": "2030-01-01T00:00:00Z"},  # that nobody claimed
        {"status": "strange"},
        {"kind": "strange"},
    ],
)
def test_the_database_refuses_bad_states(context: Context, make_job: MakeJob, bad: dict[str, str]) -> None:
    make_job()
    with pytest.raises(IntegrityError), context.sessions() as session, session.begin():
        session.execute(update(Step).values(**bad))


def test_an_unknown_job_is_not_found(context: Context, tenant: keys.Tenant) -> None:
    with pytest.raises(NotFound):
        jobs.show(context, tenant, uuid4())


def test_storage_that_does_not_answer_is_waited_for(context: Context, make_job: MakeJob) -> None:
    """A hiccup of a network disk must not cost a chunk its three tries; what is gone for good ends nevertheless."""
    job_id = make_job(chunks=1)
    for tries in range(OUTAGES):
        (step,) = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
        assert step.tries.outages == tries
        jobs.retry(context, step, BlobUnreadable("the disk is away"))
        make_due(context)
    (row,) = steps_of(context, job_id, Kind.TRANSCRIBE)
    assert (row.status, row.errors, row.outages) == ("failed", 0, OUTAGES - 1)


def test_blobs_that_cannot_be_read(context: Context) -> None:
    folder = f"recordings/{uuid4()}"
    context.blobs.put(f"{folder}/inner/source", [b"x"])
    with pytest.raises(BlobUnreadable):
        context.blobs.read_range(f"{folder}/inner", 0, 1)
    with pytest.raises(BlobMissing):
        context.blobs.read_range(f"{folder}/none", 0, 1)


def test_a_file_that_went_away_is_not_to_blame(context: Context) -> None:
    """A decoder that finds nothing says that the file is bad; its owner would never try again."""
    key = f"recordings/{uuid4()}/source"
    context.blobs.put(key, [b"x"])
    with pytest.raises(InputError), context.blobs.path(key):
        raise InputError("not a recording")
    context.blobs.put(key, [b"x"])
    with pytest.raises(BlobMissing):
        _blamed_after_it_went(context, key)


def _blamed_after_it_went(context: Context, key: str) -> None:
    with context.blobs.path(key):
        context.blobs.delete(key)
        raise InputError("not a recording")
