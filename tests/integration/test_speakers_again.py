"""Speakers that come, go and come back: what was said of them in an earlier run, or before a diarizer was there, does
not stay when it is no longer so."""

from uuid import UUID

import pytest
from sqlalchemy import update

from core import jobs, keys
from core.context import Context
from core.database import from_now
from core.errors import EngineError
from core.states import DIARIZED, RECOGNIZED, Kind
from core.tables import Worker
from tests.integration.conftest import MakeJob, assemble, transcribe_all
from tests.integration.test_speakers import blocks, codes, hear, join, joining, put_together


@pytest.fixture(autouse=True)
def transcriber(context: Context) -> None:
    jobs.register(context, "t-1", RECOGNIZED, ["demo"], {})


def diarizer(context: Context) -> None:
    jobs.register(context, "d-1", DIARIZED, ["community-1"], {})


def found(context: Context) -> None:
    hear(context, blocks(context))
    assert join(context, joining(context))


def test_no_word_keeps_the_speaker_of_an_earlier_run(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    diarizer(context)
    job_id = make_job(chunks=1, diarization=True)
    found(context)
    transcribe_all(context)
    put_together(context)
    assert [one["speaker"] for one in jobs.transcript(context, tenant, job_id)["segments"]] == ["S1"]
    jobs.run_again(context, tenant, job_id, "diarize")
    jobs.fail(context, blocks(context)[0], EngineError("it broke"))
    put_together(context)
    document = jobs.transcript(context, tenant, job_id)
    assert (document["speakers"], document["turns"]) == ([], [])
    assert [one["speaker"] for one in document["segments"]] == [None]
    assert [one["speaker"] for one in jobs.segments(context, tenant, job_id, 0)["segments"]] == [None]


def test_a_diarizer_that_is_started_anew_is_waited_for(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    """As at a deploy: the only one resigns, and is back half a minute later."""
    diarizer(context)
    job_id = make_job(chunks=1, diarization=True)
    transcribe_all(context)
    jobs.resign(context, "d-1")
    assert "d-1" not in [one["name"] for one in jobs.workers(context)]
    assert jobs.sweep(context).speakerless == 0
    diarizer(context)
    found(context)
    put_together(context)
    assert (jobs.show(context, tenant, job_id)["status"], codes(context, job_id)) == ("completed", [])


def test_one_that_stays_away_is_not(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    diarizer(context)
    job_id = make_job(chunks=1, diarization=True)
    transcribe_all(context)
    _unseen(context, "d-1", 5.1)
    assert jobs.sweep(context).speakerless == 1
    assemble(context)
    assert codes(context, job_id) == ["diarizer_not_served"]


def _unseen(context: Context, worker: str, leases: float) -> None:
    with context.sessions() as session, session.begin():
        last = from_now(-leases * context.settings.lease)
        session.execute(update(Worker).where(Worker.name == worker).values(seen_at=last))


def test_what_was_not_served_and_then_was_leaves_no_warning(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    _unseen(context, "t-1", 3)
    job_id = make_job(chunks=1, diarization=True)
    assert codes(context, job_id) == ["diarizer_not_served", "model_not_served"]
    jobs.register(context, "t-1", RECOGNIZED, ["demo"], {})
    diarizer(context)
    found(context)
    transcribe_all(context)
    put_together(context)
    assert (jobs.show(context, tenant, job_id)["status"], codes(context, job_id)) == ("completed", [])


def test_it_is_said_once_that_nobody_serves(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    job_id: UUID = make_job(chunks=1, diarization=True)
    transcribe_all(context)
    assert jobs.sweep(context).speakerless == 1
    assert codes(context, job_id) == ["diarizer_not_served"]
    assert not jobs.claim(context, "d-1", [Kind.DIARIZE], ["community-1"])
