"""The second pass on the real ledger: when it is planned, what it replaces, how it is had again, what is erased."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from core import jobs, keys
from core.context import Context
from core.errors import InputError
from core.states import RECOGNIZED, Kind
from core.tables import SegmentRow, Step
from tests.integration.conftest import MakeJob, assemble, ingest, segment


def hear(context: Context, step: jobs.Claimed, **said: Any) -> None:
    """A chunk's first decode; `said` beside what a sure one says."""
    result = {"language": "en", "language_probability": 0.99, "doubtful": False, "tail": f"tail {step.index}", **said}
    made = [segment(f" word{step.index}", step.params["start"])]
    assert jobs.finish(context, step, {"model": {"name": "demo"}, **result}, jobs.record_segments(step.index, made))


def hear_all(context: Context, **of_last: Any) -> None:
    """Each chunk; the last is as told."""
    steps = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=50)
    for step in steps[:-1]:
        hear(context, step)
    hear(context, steps[-1], **of_last)


def again(context: Context) -> list[jobs.Claimed]:
    return jobs.claim(context, "t", [Kind.REDECODE], ["demo"], limit=50)


def replace_text(context: Context, step: jobs.Claimed, text: str) -> bool:
    first = [one.to_json() for one in jobs.segments_of(context, step.job_id, step.index)]
    effect = jobs.replace_segments(step.index, [segment(text, step.params["start"])])
    return jobs.finish(context, step, {"kept": True, "first": first, "language": "en"}, effect)


def texts(context: Context, job_id: UUID) -> list[str]:
    return [one.text for one in jobs.current_segments(context, job_id)]


def show(context: Context, tenant: keys.Tenant, job_id: UUID) -> dict[str, Any]:
    return jobs.show(context, tenant, job_id)


def test_a_doubtful_chunk_is_heard_again_with_what_was_said_before(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    job_id = make_job(chunks=3)
    hear_all(context, doubtful=True)
    (step,) = again(context)
    assert (step.index, step.params["prompt"], step.params["reasons"]) == (2, "tail 1", ["low_confidence"])
    assert step.params["end"] == 90.0, "it is the same piece of the recording"
    assert not jobs.claim(context, "l", [Kind.ASSEMBLE], []), "its end is waited for"
    assert replace_text(context, step, " better")
    assert texts(context, job_id) == [" word0", " word1", " better"]
    assemble(context)
    shown = show(context, tenant, job_id)
    assert (shown["status"], shown["stages"]["redecode"]["status"]) == ("completed", "completed")


def test_nothing_doubtful_needs_no_second_pass(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=3)
    hear_all(context)
    assert not again(context)
    assemble(context)
    assert show(context, tenant, job_id)["stages"]["redecode"] == {"status": "completed", "progress": 1.0, "seconds": 0}


def test_the_caller_may_want_none(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=3, context="off")
    hear_all(context, doubtful=True)
    assert not again(context)
    assert jobs.claim(context, "l", [Kind.ASSEMBLE], [])


def test_a_language_is_settled_by_the_recording(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=3)
    hear_all(context, language="zh", language_probability=0.4)
    (step,) = again(context)
    assert (step.params["language"], step.params["reasons"]) == ("en", ["language_flip"])


def test_a_second_decode_that_fails_leaves_the_first_text(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    job_id = make_job(chunks=2)
    hear_all(context, doubtful=True)
    (step,) = again(context)
    assert jobs.fail(context, step, InputError("it is no good"))
    assemble(context)
    shown = show(context, tenant, job_id)
    assert (shown["status"], shown["warnings"][-1]["code"]) == ("completed", "second_pass_failed")
    assert texts(context, job_id) == [" word0", " word1"]
    jobs.run_again(context, tenant, job_id)
    assert [step.index for step in again(context)] == [1], "that alone is missing"


def test_a_withdrawn_segment_is_sent_again_without_text(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    """Whoever follows a job by revisions must learn that a piece is no more."""
    job_id = make_job(chunks=2)
    steps = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=2)
    hear(context, steps[0])
    two = [segment(" one", 30.0), segment(" two", 31.0)]
    said = {"doubtful": True, "tail": "two", "language": "en", "language_probability": 1.0}
    assert jobs.finish(context, steps[1], said, jobs.record_segments(1, two))
    before = jobs.segments(context, tenant, job_id, 0)["revision"]
    (step,) = again(context)
    assert replace_text(context, step, " both")
    changed = jobs.segments(context, tenant, job_id, before)["segments"]
    assert [(one["id"], one["text"], one["flags"]) for one in changed] == [
        ("1.0", " both", []),
        ("1.1", "", ["withdrawn"]),
    ]
    assert texts(context, job_id) == [" word0", " both"]


def test_the_pass_can_be_had_again_from_the_first_texts(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    job_id = make_job(chunks=2)
    hear_all(context, doubtful=True)
    assert replace_text(context, again(context)[0], " better")
    assemble(context)
    jobs.run_again(context, tenant, job_id, "redecode")
    assert texts(context, job_id) == [" word0", " word1"]
    assert replace_text(context, again(context)[0], " best")
    assemble(context)
    assert texts(context, job_id) == [" word0", " best"]


@pytest.mark.parametrize("stage", ["ingest", "transcribe"])
def test_no_first_text_outlives_the_first_pass(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, stage: str
) -> None:
    """Else the chunk, heard anew, would meet it and fail."""
    job_id = make_job(chunks=2)
    hear_all(context, doubtful=True)
    assert replace_text(context, again(context)[0], " better")
    assemble(context)
    jobs.run_again(context, tenant, job_id, stage)
    assert texts(context, job_id) == []
    if stage == "ingest":
        ingest(context, job_id, 2)
    hear_all(context)
    assert texts(context, job_id) == [" word0", " word1"]


def test_both_passes_wait_in_one_line(context: Context, make_job: MakeJob) -> None:
    """A job's second pass begins where its first ended in virtual time: it passes nobody who waits longer."""
    first = make_job(chunks=4, seconds=30.0)
    hear_all(context, doubtful=True)
    waiting = make_job(chunks=4, seconds=30.0)
    order = [jobs.claim(context, "t", RECOGNIZED, ["demo"])[0] for _ in range(5)]
    assert {step.job_id for step in order} == {first, waiting}
    assert [step.kind for step in order].count(Kind.REDECODE) == 1
    mixed = make_job(chunks=2), make_job(chunks=2)
    batch = jobs.claim(context, "t", RECOGNIZED, ["demo"], limit=4)
    assert {step.job_id for step in batch} == set(mixed)


def test_a_deleted_job_leaves_nothing_that_the_second_pass_was_told(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    job_id = make_job(chunks=2)
    hear_all(context, doubtful=True)
    jobs.delete(context, tenant, job_id)
    with context.sessions() as session:
        assert not [params for params in session.scalars(select(Step.params)) if "prompt" in params]
        assert not session.scalars(select(SegmentRow)).all()
