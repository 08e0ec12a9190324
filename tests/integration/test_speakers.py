"""Speakers are an add-on of a job: looked for beside its words, waited for, and given up without the transcript."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from core import jobs, keys
from core.context import Context
from core.errors import Conflict, EngineError, InvalidRequest
from core.options import parse
from core.states import DIARIZED, RECOGNIZED, Kind, StepStatus
from core.tables import BlockRow, DiarizationRow, Job, Step
from tests.integration.conftest import LIGHT, MakeJob, assemble, transcribe_all
from tests.integration.test_races import at_once
from tests.integration.web_api import Caller
from worker.steps.assemble import assembled

VOICES = {"turns": [[0.0, 30.0, "S1"]], "exclusive": [[0.0, 30.0, "S1"]], "embeddings": {}}
LONG = 700.0
"""Seconds a chunk: three of them are four blocks."""


@pytest.fixture
def diarizer(context: Context) -> str:
    jobs.register(context, "t-1", RECOGNIZED, ["demo"], {})
    jobs.register(context, "d-1", DIARIZED, ["community-1"], {})
    return "d-1"


def blocks(context: Context, limit: int = 50) -> list[jobs.Claimed]:
    return jobs.claim(context, "d-1", [Kind.DIARIZE], ["community-1"], limit)


def hear(context: Context, steps: Sequence[jobs.Claimed]) -> None:
    for step in steps:
        assert jobs.finish(context, step, {}, jobs.record_block(step.index, f"block {step.index}".encode()))


def joining(context: Context) -> jobs.Claimed:
    (step,) = jobs.claim(context, "d-1", [Kind.CLUSTER], ["community-1"])
    return step


def join(context: Context, step: jobs.Claimed) -> bool:
    return jobs.finish(context, step, {}, jobs.record_speakers(VOICES))


def rows(context: Context, table: Any, job_id: UUID) -> int:
    with context.sessions() as session:
        return session.scalar(select(func.count()).select_from(table).where(table.job_id == job_id)) or 0


def job(context: Context, job_id: UUID) -> Job:
    with context.sessions() as session:
        return session.get_one(Job, job_id)


def codes(context: Context, job_id: UUID) -> list[str]:
    return [warning["code"] for warning in job(context, job_id).warnings]


def waited_long_enough(context: Context, job_id: UUID) -> None:
    with context.sessions() as session, session.begin():
        session.execute(update(Job).where(Job.id == job_id).values(speakers_until=func.now()))


def test_blocks_are_heard_beside_the_words_and_joined_once(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, diarizer: str
) -> None:
    job_id = make_job(chunks=3, seconds=LONG, diarization=True)
    found = blocks(context)
    assert [step.params["end"] - step.params["start"] for step in found] == [600.0, 600.0, 600.0, 300.0]
    hear(context, found[:3])
    assert not jobs.claim(context, "d-1", [Kind.CLUSTER], ["community-1"])
    hear(context, found[3:])
    assert jobs.blocks_of(context, job_id) == [b"block 0", b"block 1", b"block 2", b"block 3"]
    step = joining(context)
    transcribe_all(context)
    assert not jobs.claim(context, LIGHT, [Kind.ASSEMBLE], [])
    assert join(context, step)
    assert jobs.assembly_facts(context, job_id).speakers == VOICES
    assert rows(context, BlockRow, job_id) == 0
    assemble(context)
    shown = jobs.show(context, tenant, job_id)
    assert (shown["status"], shown["warnings"]) == ("completed", [])
    assert [shown["stages"][kind]["status"] for kind in DIARIZED] == ["completed"] * 2


def test_who_did_not_ask_has_no_such_stage(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, diarizer: str
) -> None:
    job_id = make_job(chunks=1)
    assert not set(jobs.show(context, tenant, job_id)["stages"]) & set(DIARIZED)
    assert not blocks(context)
    transcribe_all(context)
    assemble(context)
    with pytest.raises(Conflict):
        jobs.run_again(context, tenant, job_id, "diarize")


def test_words_wait_so_long_and_no_longer(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, diarizer: str
) -> None:
    job_id = make_job(chunks=3, seconds=LONG, diarization=True)
    held = blocks(context, 2)
    assert job(context, job_id).speakers_until is None
    transcribe_all(context)
    until = job(context, job_id).speakers_until
    with context.sessions() as session:
        now = session.scalar(select(func.clock_timestamp()))
    assert until is not None
    assert now is not None
    assert 1000 < (until - now).total_seconds() <= 1050  # half of 35 minutes
    jobs.sweep(context)
    assert not jobs.claim(context, LIGHT, [Kind.ASSEMBLE], [])
    waited_long_enough(context, job_id)
    assert jobs.sweep(context).speakerless == 1
    assert not jobs.finish(context, held[0], {}, jobs.record_block(0, b"late"))
    assert not blocks(context)
    assemble(context)
    shown = jobs.show(context, tenant, job_id)
    assert (shown["status"], codes(context, job_id)) == ("completed", ["diarization_late"])
    assert shown["stages"]["diarize"]["status"] == "failed"
    assert rows(context, BlockRow, job_id) == 0


def test_nobody_waits_for_a_diarizer_that_nobody_serves(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    job_id = make_job(chunks=1, diarization=True)
    transcribe_all(context)
    assert jobs.sweep(context).speakerless == 1
    assemble(context)
    assert jobs.show(context, tenant, job_id)["status"] == "completed"
    assert "diarizer_not_served" in codes(context, job_id)


@pytest.mark.parametrize("kind", DIARIZED)
def test_what_fails_leaves_the_words_a_warning_and_a_stage_to_retry(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, diarizer: str, kind: Kind
) -> None:
    job_id = make_job(chunks=3, seconds=LONG, diarization=True)
    found = blocks(context)
    if kind is Kind.DIARIZE:
        hear(context, found[1:])
        jobs.fail(context, found[0], EngineError("it broke"))
    else:
        hear(context, found)
        jobs.fail(context, joining(context), EngineError("it broke"))
    transcribe_all(context)
    assemble(context)
    assert jobs.show(context, tenant, job_id)["status"] == "completed"
    assert codes(context, job_id) == ["diarization_failed"]
    jobs.run_again(context, tenant, job_id)
    missing = blocks(context)
    assert [step.index for step in missing] == ([0] if kind is Kind.DIARIZE else [])
    hear(context, missing)
    assert join(context, joining(context))
    assemble(context, "with speakers")
    assert jobs.transcript(context, tenant, job_id)["text"] == "with speakers"
    assert codes(context, job_id) == []


def test_the_stage_alone_runs_again_from_the_beginning(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, diarizer: str
) -> None:
    job_id = make_job(chunks=1, diarization=True)
    hear(context, blocks(context))
    join(context, joining(context))
    transcribe_all(context)
    assemble(context)
    jobs.run_again(context, tenant, job_id, "diarize")
    assert not jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
    hear(context, blocks(context))
    join(context, joining(context))
    assemble(context, "again")
    assert jobs.show(context, tenant, job_id)["status"] == "completed"


def test_speakers_of_an_earlier_run_are_not_taken_for_those_given_up(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, diarizer: str
) -> None:
    job_id = make_job(chunks=1, diarization=True)
    hear(context, blocks(context))
    join(context, joining(context))
    transcribe_all(context)
    assemble(context)
    jobs.run_again(context, tenant, job_id, "diarize")
    jobs.fail(context, blocks(context)[0], EngineError("it broke"))
    assert jobs.assembly_facts(context, job_id).speakers is None


def test_voices_are_erased_with_their_job(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, diarizer: str
) -> None:
    heard, joined = (make_job(chunks=1, diarization=True) for _ in range(2))
    found = blocks(context)
    hear(context, found)
    for step in jobs.claim(context, "d-1", [Kind.CLUSTER], ["community-1"], 2):
        if step.job_id == joined:
            join(context, step)
    assert (rows(context, BlockRow, heard), rows(context, DiarizationRow, joined)) == (1, 1)
    for job_id in (heard, joined):
        jobs.delete(context, tenant, job_id)
    assert (rows(context, BlockRow, heard), rows(context, DiarizationRow, joined)) == (0, 0)


def test_the_sweep_and_the_last_result_at_once_agree(
    context: Context, tenant: keys.Tenant, make_job: MakeJob, diarizer: str
) -> None:
    """Either the speakers came in time or they were given up; never both, never neither."""
    for _ in range(15):
        job_id = make_job(chunks=1, diarization=True)
        hear(context, blocks(context))
        step = joining(context)
        transcribe_all(context)
        waited_long_enough(context, job_id)
        came, _ = at_once(lambda step=step: join(context, step), lambda: jobs.sweep(context))  # type: ignore[misc]
        assert (jobs.assembly_facts(context, job_id).speakers is not None) is came
        assert (codes(context, job_id) == []) is came
        assemble(context)
        assert jobs.show(context, tenant, job_id)["status"] == "completed"


def test_cancel_ends_the_search_too(context: Context, tenant: keys.Tenant, make_job: MakeJob, diarizer: str) -> None:
    job_id = make_job(chunks=1, diarization=True)
    (held,) = blocks(context)
    jobs.cancel(context, tenant, job_id)
    assert jobs.heartbeat(context, "d-1", [held]) == set()
    assert not jobs.finish(context, held, {}, jobs.record_block(0, b"late"))
    with context.sessions() as session:
        open_steps = (Step.job_id == job_id, Step.status.in_([StepStatus.QUEUED, StepStatus.RUNNING]))
        assert session.scalar(select(func.count()).select_from(Step).where(*open_steps)) == 0


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"diarization": True, "speakers": 0}, "speakers"),
        ({"diarization": True, "min_speakers": 3, "max_speakers": 2}, "min_speakers=3 and max_speakers=2"),
        ({"diarization": True, "speakers": 5, "max_speakers": 4}, "speakers=5 and max_speakers=4"),
        ({"speakers": 2}, "diarization=true"),
    ],
)
def test_hints_that_cannot_be_are_refused(given: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequest, match=named):
        parse(given)


def test_a_server_says_at_once_that_it_finds_no_speakers(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    other = replace(context, settings=context.settings.model_copy(update={"diarizer": "owner/nobody"}))
    incoming = other.blobs.receive(10)
    incoming.write(b"x")
    made = jobs.submit(other, tenant, incoming, "a.wav", parse({"diarization": True}))
    assert "'owner/nobody'" in made.job["warnings"][0]["message"]


@pytest.fixture
def named(context: Context, make_job: MakeJob, diarizer: str) -> UUID:
    """A job with a transcript of two speakers."""
    job_id = make_job(chunks=1, diarization=True)
    hear(context, blocks(context))
    step = joining(context)
    two = [[0.0, 10.0, "S1"], [10.0, 30.0, "S2"], [30.0, 40.0, "S3"]]
    assert jobs.finish(context, step, {}, jobs.record_speakers({**VOICES, "turns": two, "exclusive": two}))
    transcribe_all(context)
    put_together(context)
    return job_id


def put_together(context: Context) -> None:
    """As a worker does it."""
    for step in jobs.claim(context, LIGHT, [Kind.ASSEMBLE], [], limit=50):
        made = assembled(step.job_id, jobs.assembly_facts(context, step.job_id))
        assert jobs.finish(context, step, {}, jobs.record_transcript(made.document, made.changed))


def speakers(caller: Caller, job_id: UUID) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.call("GET", f"/v1/jobs/{job_id}/transcript").get_json()["speakers"]
    return found


def test_a_name_shows_in_every_format_at_once_and_stays(
    context: Context, tenant: keys.Tenant, caller: Caller, named: UUID
) -> None:
    answer = caller.call("PATCH", f"/v1/jobs/{named}/speakers/S1", json={"name": "  Ada Lovelace "})
    shown = {"label": "S1", "name": "Ada Lovelace", "name_score": None, "seconds": 10.0}
    assert (answer.status_code, answer.get_json()) == (200, shown)
    for form, said in (("txt", "Ada Lovelace: "), ("srt", "Ada Lovelace: "), ("vtt", "<v Ada Lovelace>"),
                        ("rttm", "SPEAKER"), ("rttm", " Ada_Lovelace <NA>")):  # fmt: skip
        text = caller.call("GET", f"/v1/jobs/{named}/transcript?format={form}").text
        assert said in text, form
    jobs.run_again(context, tenant, named, "assemble")
    put_together(context)
    assert [one["name"] for one in speakers(caller, named)] == ["Ada Lovelace", None, None]
    caller.call("PATCH", f"/v1/jobs/{named}/speakers/S1", json={"name": None})
    assert [one["name"] for one in speakers(caller, named)] == [None, None, None]


def test_speakers_that_are_one_become_one(context: Context, caller: Caller, named: UUID) -> None:
    answer = caller.call("POST", f"/v1/jobs/{named}/speakers/merge", json={"into": "S1", "labels": ["S2"]})
    assert (answer.status_code, answer.get_json()["status"]) == (202, "processing")
    assert [one["label"] for one in speakers(caller, named)] == ["S1", "S2", "S3"]
    put_together(context)
    assert [(one["label"], one["seconds"]) for one in speakers(caller, named)] == [("S1", 30.0), ("S3", 10.0)]
    caller.call("POST", f"/v1/jobs/{named}/speakers/merge", json={"into": "S3", "labels": ["S1"]})
    put_together(context)
    assert [(one["label"], one["seconds"]) for one in speakers(caller, named)] == [("S3", 40.0)]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "named_in_it"),
    [
        ("PATCH", "speakers/S9", {"name": "Ada"}, 404, "it has S1, S2, S3"),
        ("PATCH", "speakers/S1", {"name": " "}, 422, "name"),
        ("PATCH", "speakers/S1", {"name": "a" * 201}, 422, "name"),
        ("PATCH", "speakers/S1", {"name": "A\0da"}, 422, "cannot be stored"),
        ("PATCH", "speakers/S1", {}, 422, "name"),
        ("POST", "speakers/merge", {"into": "S9", "labels": ["S1"]}, 404, "S9"),
        ("POST", "speakers/merge", {"into": "S1", "labels": ["S1"]}, 422, "labels"),
        ("POST", "speakers/merge", {"into": "S1", "labels": []}, 422, "labels"),
    ],
)
def test_what_cannot_be_said_of_speakers(
    caller: Caller, named: UUID, method: str, path: str, body: dict[str, Any], status: int, named_in_it: str
) -> None:
    answer = caller.call(method, f"/v1/jobs/{named}/{path}", json=body)
    assert answer.status_code == status
    assert named_in_it in answer.text


def test_a_transcript_without_speakers_has_none_to_name(context: Context, caller: Caller, make_job: MakeJob) -> None:
    job_id = make_job(chunks=1)
    path = f"/v1/jobs/{job_id}/speakers/S1"
    assert caller.call("PATCH", path, json={"name": "Ada"}).status_code == 409
    transcribe_all(context)
    put_together(context)
    answer = caller.call("PATCH", path, json={"name": "Ada"})
    assert answer.status_code == 404
    assert "diarization=true" in answer.text


def test_two_names_at_once_are_both_kept(context: Context, tenant: keys.Tenant, caller: Caller, named: UUID) -> None:
    at_once(
        lambda: jobs.rename(context, tenant, named, "S1", "Ada"),
        lambda: jobs.rename(context, tenant, named, "S2", "Grace"),
    )
    assert [one["name"] for one in speakers(caller, named)] == ["Ada", "Grace", None]
