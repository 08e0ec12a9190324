"""An owner's retry: what is missing runs again, nothing else does, and the old transcript stays until then."""

from uuid import UUID

import pytest
from sqlalchemy import select

from core import jobs, keys
from core.context import Context
from core.errors import Conflict, EngineError, Gone, InputError, InvalidRequest, NotFound
from core.states import Kind
from core.tables import Job, Step
from tests.integration.conftest import LIGHT, MakeJob, assemble, ingest, segment, transcribe_all
from tests.integration.test_races import at_once


def attempts(context: Context, job_id: UUID) -> list[int]:
    """Of the chunks, in order."""
    with context.sessions() as session:
        chunks = select(Step.attempt).where(Step.job_id == job_id, Step.kind == Kind.TRANSCRIBE).order_by(Step.index)
        return list(session.scalars(chunks))


def with_a_gap(context: Context, make_job: MakeJob) -> UUID:
    """A completed job of three chunks, of which the first could not be heard."""
    job_id = make_job(chunks=3)
    (first,) = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
    jobs.fail(context, first, EngineError("it broke"))
    transcribe_all(context)
    assemble(context, "with a gap")
    return job_id


def test_only_what_is_missing_runs_again(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = with_a_gap(context, make_job)
    shown = jobs.run_again(context, tenant, job_id)
    assert (shown["status"], shown["run"], shown["finished_at"], shown["error"]) == ("processing", 2, None, None)
    assert [one["code"] for one in shown["warnings"] if one["stage"]] == []
    assert jobs.transcript(context, tenant, job_id)["text"] == "with a gap"
    assert transcribe_all(context) == 1
    assemble(context, "whole")
    assert attempts(context, job_id) == [2, 1, 1]
    shown = jobs.show(context, tenant, job_id)
    assert (shown["status"], shown["progress"]) == ("completed", 1.0)
    assert jobs.transcript(context, tenant, job_id)["text"] == "whole"


def test_a_failed_job_begins_where_it_failed(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job()
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    jobs.fail(context, step, InputError("no audio"))
    assert jobs.run_again(context, tenant, job_id)["status"] == "processing"
    ingest(context, job_id, 2)
    transcribe_all(context)
    assemble(context)
    assert jobs.show(context, tenant, job_id)["status"] == "completed"


def test_a_cancelled_job_keeps_what_it_had(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=3)
    (first,) = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
    jobs.finish(context, first, {}, jobs.record_segments(first.index, [segment(" kept")]))
    (second,) = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
    jobs.cancel(context, tenant, job_id)
    jobs.run_again(context, tenant, job_id)
    assert not jobs.finish(context, second, {}, jobs.record_segments(1, [segment(" late")]))
    assert transcribe_all(context) == 2
    assemble(context)
    assert jobs.current_segments(context, job_id)[0].text == " kept"
    assert jobs.show(context, tenant, job_id)["status"] == "completed"


@pytest.mark.parametrize(("stage", "chunks"), [("assemble", 0), ("transcribe", 3), ("ingest", 3)])
def test_a_stage_and_what_is_made_from_it(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, stage: str, chunks: int
) -> None:
    job_id = make_job(chunks=3)
    transcribe_all(context)
    assemble(context, "old")
    jobs.run_again(context, tenant, job_id, stage)
    if stage == "ingest":
        ingest(context, job_id, 3)
    assert transcribe_all(context) == chunks
    assert jobs.transcript(context, tenant, job_id)["text"] == "old"
    assemble(context, "new")
    assert jobs.transcript(context, tenant, job_id)["text"] == "new"
    assert len(jobs.current_segments(context, job_id)) == 3


def test_an_open_job_is_answered_as_it_is(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=1)
    assert jobs.run_again(context, tenant, job_id)["run"] == 1
    with pytest.raises(Conflict, match="not finished"):
        jobs.run_again(context, tenant, job_id, "transcribe")


def test_refusals(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=1)
    transcribe_all(context)
    assemble(context)
    with pytest.raises(Conflict) as refused:
        jobs.run_again(context, tenant, job_id)
    assert refused.value.code == "nothing_to_retry"
    with pytest.raises(InvalidRequest) as refused_stage:
        jobs.run_again(context, tenant, job_id, "upload")
    assert refused_stage.value.details["errors"][0]["allowed"] == [kind.value for kind in Kind]
    with pytest.raises(NotFound):
        jobs.run_again(context, keys.ensure(context, keys.mint(), "other"), job_id)
    jobs.delete(context, tenant, job_id)
    with pytest.raises(Gone):
        jobs.run_again(context, tenant, job_id)


def test_a_stage_that_has_nothing_to_begin_with(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job()
    jobs.cancel(context, tenant, job_id)
    with pytest.raises(Conflict) as refused:
        jobs.run_again(context, tenant, job_id, "transcribe")
    assert refused.value.code == "stage_not_ready"


def test_a_retry_comes_in_fair_order(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    """Its old tags lie before everybody's; with them a retried job would pass all who wait."""
    old = with_a_gap(context, make_job)
    for _ in range(3):
        make_job(chunks=4)
        transcribe_all(context)
        assemble(context)
    waiting = make_job(chunks=1)
    jobs.run_again(context, tenant, old, "transcribe")
    order = [jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])[0].job_id for _ in range(2)]
    assert waiting in order


def test_retry_cancel_and_finish_at_once(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    """Whatever comes first, the job ends, whole."""
    for _ in range(10):
        job_id = with_a_gap(context, make_job)
        at_once(
            lambda job_id=job_id: jobs.run_again(context, tenant, job_id),
            lambda job_id=job_id: jobs.run_again(context, tenant, job_id),
            lambda job_id=job_id: jobs.cancel(context, tenant, job_id),
        )
        transcribe_all(context)
        assemble(context)
        shown = jobs.show(context, tenant, job_id)
        assert (shown["status"], shown["run"]) in (("completed", 2), ("completed", 3), ("cancelled", 2))


def test_a_retry_stops_the_clock_of_deletion(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(delete_after_seconds=0)
    jobs.cancel(context, tenant, job_id)
    jobs.run_again(context, tenant, job_id)
    assert jobs.sweep(context).expired == 0
    jobs.cancel(context, tenant, job_id)
    assert jobs.sweep(context).expired == 1
    with context.sessions() as session:
        assert session.get_one(Job, job_id).deleted_at is not None


def test_what_was_cancelled_is_not_assembled_away(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=2)
    (first,) = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
    jobs.finish(context, first, {}, jobs.record_segments(first.index, [segment(" heard")]))
    jobs.cancel(context, tenant, job_id)
    with pytest.raises(Conflict) as refused:
        jobs.run_again(context, tenant, job_id, "assemble")
    assert refused.value.code == "stage_not_ready"
    jobs.run_again(context, tenant, job_id)
    assert transcribe_all(context) == 1
