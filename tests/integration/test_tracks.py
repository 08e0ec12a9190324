"""A job of several sounds: each is ingested, numbered, discarded and erased by itself; what two workers can meet in is
raced."""

from uuid import UUID

import pytest
from sqlalchemy import func, select

from core import jobs, keys
from core.blobs import Incoming
from core.context import Context
from core.errors import IdempotencyMismatch, InputError, NotFound
from core.options import parse
from core.states import DIARIZED, RECOGNIZED, Kind, StepStatus
from core.tables import DiarizationRow, Job, Recording, Step, TrackRow
from core.tracks import STRIDE
from tests.integration.conftest import LIGHT, assemble, transcribe_all
from tests.integration.test_races import at_once
from worker.steps.assemble import assembled

SECONDS = 30.0


@pytest.fixture(autouse=True)
def transcriber(context: Context) -> None:
    jobs.register(context, "t-1", RECOGNIZED, ["demo"], {})


def received(context: Context, content: bytes) -> Incoming:
    incoming = context.blobs.receive(1000)
    incoming.write(content)
    return incoming


def submitted(context: Context, owner: keys.Tenant, count: int = 2, **options: object) -> UUID:
    """A meeting of so many participants."""
    first, *others = [received(context, f"track {number}".encode()) for number in range(count)]
    told = [{"name": f"P{number}", "offset_seconds": 10.0 * number} for number in range(count)]
    more = [jobs.Source(one, "other.wav") for one in others]
    asked = parse({"tracks": told, **options})
    return UUID(jobs.submit(context, owner, first, "one.wav", asked, None, more).job["id"])


def ingests(context: Context) -> list[jobs.Claimed]:
    found = [step for _ in range(50) for step in jobs.claim(context, LIGHT, [Kind.INGEST], [])]
    return sorted(found, key=lambda step: step.index)


def chunk(step: jobs.Claimed, number: int, start: float) -> jobs.NewStep:
    told = {name: step.params[name] for name in ("track", "recording", "offset")}
    index = step.params["track"] * STRIDE + number
    params = {**told, "start": start, "end": start + SECONDS, "speech_seconds": 20.0}
    return jobs.NewStep(Kind.TRANSCRIBE, index, SECONDS, params)


def heard(context: Context, step: jobs.Claimed, chunks: int = 1, generation: str = "test-strict") -> None:
    """As ingest does it."""
    new = [chunk(step, number, step.params["offset"] + number * SECONDS) for number in range(chunks)]
    assert jobs.emit(context, step, generation, new)
    result = {"duration": chunks * SECONDS, "channels": 1, "codec": "pcm", "speech_seconds": 20.0 * chunks}
    assert jobs.finish(context, step, result, jobs.record_probe(result, step.sound))


def count(context: Context, job_id: UUID, kind: Kind, *status: StepStatus) -> int:
    those = [Step.job_id == job_id, Step.kind == kind, *([Step.status.in_(status)] if status else [])]
    with context.sessions() as session:
        return session.scalar(select(func.count()).select_from(Step).where(*those)) or 0


def test_each_track_is_ingested_by_itself(context: Context, tenant: keys.Tenant) -> None:
    job_id = submitted(context, tenant, 3)
    found = ingests(context)
    assert [step.index for step in found] == [0, 1, 2]
    assert len({step.sound for step in found}) == 3
    assert found[0].sound == found[0].recording_id
    heard(context, found[1])
    transcribe_all(context)
    assert not jobs.claim(context, LIGHT, [Kind.ASSEMBLE], []), "two tracks are still to come"
    heard(context, found[0])
    heard(context, found[2], chunks=2)
    assert transcribe_all(context) == 3
    facts = jobs.assembly_facts(context, job_id)
    assert [one.index for one in facts.chunks] == [0, STRIDE, 2 * STRIDE, 2 * STRIDE + 1]
    assert (facts.duration, facts.speech_seconds) == (80.0, 80.0)
    document = assembled(job_id, facts).document
    assert [one["name"] for one in document["speakers"]] == ["P0", "P1", "P2"]
    assert [segment["start"] for segment in document["segments"]] == [0.0, 10.0, 20.0, 50.0]


def test_another_generation_discards_the_chunks_of_its_track_alone(context: Context, tenant: keys.Tenant) -> None:
    job_id = submitted(context, tenant)
    first, second = ingests(context)
    heard(context, first, chunks=3)
    assert jobs.emit(context, second, "strict", [chunk(second, number, 10.0) for number in range(4)])
    assert jobs.emit(context, second, "tolerant", [chunk(second, 0, 10.0)])
    with context.sessions() as session:
        left = select(Step.index).where(Step.job_id == job_id, Step.kind == Kind.TRANSCRIBE).order_by(Step.index)
        assert session.scalars(left).all() == [0, 1, 2, STRIDE]
        tally = session.get_one(Job, job_id).tallies["transcribe"]
    assert (tally["total"], tally["open"], tally["seconds"]) == (4, 4, 4 * SECONDS)


def test_a_track_that_fails_is_left_out_and_can_be_retried(context: Context, tenant: keys.Tenant) -> None:
    job_id = submitted(context, tenant)
    first, second = ingests(context)
    assert jobs.fail(context, second, InputError("it is no recording", code="invalid_media"))
    heard(context, first)
    transcribe_all(context)
    assemble(context)
    shown = jobs.show(context, tenant, job_id)
    assert (shown["status"], [one["code"] for one in shown["warnings"]]) == ("completed", ["track_failed"])
    assert jobs.run_again(context, tenant, job_id)["status"] == "processing"
    (again,) = ingests(context)
    assert again.index == 1
    heard(context, again)
    transcribe_all(context)
    assemble(context)
    assert jobs.show(context, tenant, job_id)["warnings"] == []


def test_without_any_track_the_job_fails(context: Context, tenant: keys.Tenant) -> None:
    job_id = submitted(context, tenant)
    for step in ingests(context):
        assert jobs.fail(context, step, InputError("it is no recording", code="invalid_media"))
    shown = jobs.show(context, tenant, job_id)
    assert (shown["status"], shown["error"]["code"]) == ("failed", "invalid_media")


def test_all_recordings_are_erased_with_the_last_job(context: Context, tenant: keys.Tenant) -> None:
    job_id = submitted(context, tenant)
    shown = jobs.show(context, tenant, job_id)
    recordings = [UUID(track["recording"]["id"]) for track in shown["tracks"]]
    assert all(context.blobs.exists(f"recordings/{one}/source") for one in recordings)
    jobs.delete(context, tenant, job_id)
    assert not any(context.blobs.exists(f"recordings/{one}/source") for one in recordings)
    with context.sessions() as session:
        assert all(session.get_one(Recording, one).deleted_at for one in recordings)
        assert not session.scalars(select(TrackRow).where(TrackRow.job_id == job_id)).all()


def separate_job(context: Context, owner: keys.Tenant, **options: object) -> tuple[UUID, jobs.Claimed]:
    incoming = received(context, b"stereo")
    made = jobs.submit(context, owner, incoming, "call.wav", parse({"channels": "separate", **options}))
    (step,) = ingests(context)
    return UUID(made.job["id"]), step


def test_channels_become_tracks_once(context: Context, tenant: keys.Tenant) -> None:
    job_id, step = separate_job(context, tenant)
    assert jobs.separate(context, step, [0, 2], None)
    (other,) = ingests(context)
    assert (other.index, other.params["channel"], other.sound) == (1, 2, step.recording_id)
    tracks = jobs.show(context, tenant, job_id)["tracks"]
    assert [(one["index"], one["channel"]) for one in tracks] == [(0, 0), (1, 2)]


def test_one_channel_stays_one_sound(context: Context, tenant: keys.Tenant) -> None:
    job_id, step = separate_job(context, tenant)
    assert jobs.separate(context, step, [0], ("dual_mono", "the same twice"))
    shown = jobs.show(context, tenant, job_id)
    assert (shown["tracks"], [one["code"] for one in shown["warnings"]]) == ([], ["dual_mono"])
    assert not ingests(context)


def test_who_lost_the_step_separates_nothing(context: Context, tenant: keys.Tenant) -> None:
    job_id, step = separate_job(context, tenant)
    jobs.cancel(context, tenant, job_id)
    assert not jobs.separate(context, step, [0, 1], None)
    assert not jobs.show(context, tenant, job_id)["tracks"]


def test_separating_and_cancelling_at_once_leave_no_open_step(context: Context, tenant: keys.Tenant) -> None:
    for _ in range(8):
        job_id, step = separate_job(context, tenant)
        at_once(
            lambda step=step: jobs.separate(context, step, [0, 1], None),
            lambda job_id=job_id: jobs.cancel(context, tenant, job_id),
        )
        assert count(context, job_id, Kind.INGEST, StepStatus.QUEUED, StepStatus.RUNNING) == 0
        assert jobs.show(context, tenant, job_id)["status"] == "cancelled"


def test_two_tracks_that_end_at_once_are_assembled_once(context: Context, tenant: keys.Tenant) -> None:
    for _ in range(8):
        job_id = submitted(context, tenant)
        first, second = ingests(context)
        at_once(lambda first=first: heard(context, first), lambda second=second: heard(context, second))
        assert transcribe_all(context) == 2
        assert count(context, job_id, Kind.ASSEMBLE) == 1


def voices(label: str) -> dict[str, object]:
    turns = [[0.0, 15.0, label], [15.0, 40.0, f"{label}b"]]
    return {"turns": turns, "exclusive": turns, "embeddings": {}}


def test_speakers_of_two_tracks_are_kept_side_by_side(context: Context, tenant: keys.Tenant) -> None:
    jobs.register(context, "d-1", DIARIZED, ["community-1"], {})
    for _ in range(4):
        job_id = submitted(context, tenant, diarization=True)
        for step in ingests(context):
            heard(context, step)
        blocks = jobs.claim(context, "d-1", [Kind.DIARIZE], ["community-1"], 50)
        assert sorted(step.index for step in blocks) == [0, STRIDE]
        for step in blocks:
            assert jobs.finish(context, step, {}, jobs.record_block(step.index, f"{step.index}".encode()))
        assert jobs.blocks_of(context, job_id, 1) == [b"100000"]
        joins = [one for _ in range(2) for one in jobs.claim(context, "d-1", [Kind.CLUSTER], ["community-1"])]
        assert sorted(step.index for step in joins) == [0, 1]

        def join(step: jobs.Claimed) -> bool:
            return jobs.finish(context, step, {}, jobs.record_speakers(voices("S1"), step.params["track"]))

        at_once(*(lambda step=step: join(step) for step in joins))
        transcribe_all(context)
        facts = jobs.assembly_facts(context, job_id)
        assert facts.speakers is not None
        assert sorted(facts.speakers["tracks"]) == ["0", "1"]
        document = assembled(job_id, facts).document
        assert {one["name"] for one in document["speakers"]} == {"P0 (1)", "P0 (2)", "P1 (1)", "P1 (2)"}
        assemble(context)


def finished(context: Context, tenant: keys.Tenant, **options: object) -> UUID:
    job_id = submitted(context, tenant, **options)
    for step in ingests(context):
        heard(context, step)
    transcribe_all(context)
    assembled_as_a_worker_does(context, job_id)
    return job_id


def test_speakers_that_nobody_looked_for_can_be_named_and_merged(context: Context, tenant: keys.Tenant) -> None:
    job_id = finished(context, tenant)
    assert jobs.rename(context, tenant, job_id, "S2", "Ada")["name"] == "Ada"
    with pytest.raises(NotFound):
        jobs.rename(context, tenant, job_id, "S9", "Nobody")
    jobs.merge(context, tenant, job_id, "S2", ["S1"])
    assembled_as_a_worker_does(context, job_id)
    found = jobs.transcript(context, tenant, job_id)["speakers"]
    assert [(one["label"], one["name"]) for one in found] == [("S2", "Ada")]
    with context.sessions() as session:
        assert session.get_one(DiarizationRow, job_id).body["merged"] == {"S1": "S2"}


def test_the_same_key_with_another_track_is_refused(context: Context, tenant: keys.Tenant) -> None:
    def send(second: bytes) -> jobs.Submitted:
        more = [jobs.Source(received(context, second), "b.wav")]
        asked = parse({"tracks": [{}, {}]})
        return jobs.submit(context, tenant, received(context, b"first"), "a.wav", asked, "key", more)

    first = send(b"second")
    assert (first.created, send(b"second").created) == (True, False)
    with pytest.raises(IdempotencyMismatch):
        send(b"other")


def test_participants_name_the_speakers(context: Context, tenant: keys.Tenant) -> None:
    """They are asked for once, and neither shown with the job nor read with each step."""
    told = [{"participant": "Grace", "start": 0.5, "end": 25.0}]
    incoming = received(context, b"mono")
    asked = parse({"participants": told, "diarization": True})
    made = jobs.submit(context, tenant, incoming, "a.wav", asked)
    assert "participants" not in made.job["options"]
    facts = jobs.assembly_facts(context, UUID(made.job["id"]))
    assert facts.participants == tuple(told)


def assembled_as_a_worker_does(context: Context, job_id: UUID) -> None:
    (step,) = jobs.claim(context, LIGHT, [Kind.ASSEMBLE], [])
    made = assembled(job_id, jobs.assembly_facts(context, job_id))
    assert jobs.finish(context, step, {}, jobs.record_transcript(made.document, made.changed))
