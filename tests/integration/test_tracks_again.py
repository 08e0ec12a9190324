"""A track that failed, and what an owner's retry makes of the others."""

import pytest

from core import jobs, keys
from core.context import Context
from core.errors import EngineError, InputError
from core.states import DIARIZED, RECOGNIZED, Kind
from core.tracks import STRIDE
from tests.integration.conftest import assemble, transcribe_all
from tests.integration.test_tracks import (
    assembled_as_a_worker_does,
    chunk,
    heard,
    ingests,
    separate_job,
    submitted,
    voices,
)


@pytest.fixture(autouse=True)
def transcriber(context: Context) -> None:
    jobs.register(context, "t-1", RECOGNIZED, ["demo"], {})


def test_a_track_that_failed_late_leaves_nothing_behind(context: Context, tenant: keys.Tenant) -> None:
    """Neither chunks that it had handed over, nor its place at the end of the meeting."""
    job_id = submitted(context, tenant, 3)
    first, second, third = ingests(context)
    assert jobs.emit(context, third, "strict", [chunk(third, number, 20.0 + 30 * number) for number in range(2)])
    assert jobs.fail(context, third, InputError("it is broken from here on", code="decode_timeout"))
    for step in (first, second):
        heard(context, step)
    assert transcribe_all(context) == 2
    facts = jobs.assembly_facts(context, job_id)
    assert [one.index for one in facts.chunks] == [0, STRIDE]
    assert facts.duration == 40.0


def test_the_first_channel_too_is_missed_where_it_fails(context: Context, tenant: keys.Tenant) -> None:
    """The step that told the channels apart is the first one's from then on, whatever its worker still thinks."""
    job_id, step = separate_job(context, tenant)
    assert jobs.separate(context, step, [0, 1], None)
    assert jobs.fail(context, step, InputError("it broke", code="decode_timeout"))
    (other,) = ingests(context)
    heard(context, other)
    transcribe_all(context)
    assemble(context)
    shown = jobs.show(context, tenant, job_id)
    assert (shown["status"], [one["code"] for one in shown["warnings"]]) == ("completed", ["track_failed"])


def test_speakers_are_looked_for_again_on_all_tracks_where_some_were_joined(
    context: Context, tenant: keys.Tenant
) -> None:
    """Of a track that was joined no block is left."""
    jobs.register(context, "d-1", DIARIZED, ["community-1"], {})
    job_id = submitted(context, tenant, diarization=True)
    for step in ingests(context):
        heard(context, step)
    for step in jobs.claim(context, "d-1", [Kind.DIARIZE], ["community-1"], 50):
        assert jobs.finish(context, step, {}, jobs.record_block(step.index, b"block"))
    first, second = (jobs.claim(context, "d-1", [Kind.CLUSTER], ["community-1"])[0] for _ in range(2))
    assert jobs.finish(context, first, {}, jobs.record_speakers(voices("S1"), first.params["track"]))
    assert jobs.fail(context, second, EngineError("it broke"))
    transcribe_all(context)
    assemble(context)
    jobs.run_again(context, tenant, job_id)
    blocks = jobs.claim(context, "d-1", [Kind.DIARIZE], ["community-1"], 50)
    assert sorted(step.index for step in blocks) == [0, STRIDE]


def test_a_name_is_not_given_to_whoever_has_the_label_next(context: Context, tenant: keys.Tenant) -> None:
    job_id = submitted(context, tenant)
    first, second = ingests(context)
    assert jobs.fail(context, first, InputError("it broke", code="decode_timeout"))
    heard(context, second)
    transcribe_all(context)
    assembled_as_a_worker_does(context, job_id)
    jobs.rename(context, tenant, job_id, "S1", "Bob")
    jobs.run_again(context, tenant, job_id)
    heard(context, ingests(context)[0])
    transcribe_all(context)
    assembled_as_a_worker_does(context, job_id)
    found = jobs.transcript(context, tenant, job_id)["speakers"]
    assert [(one["label"], one["name"]) for one in found] == [("S1", "P0"), ("S2", "P1")]
