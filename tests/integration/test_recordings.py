"""Recordings without a job: kept, and as many jobs of them as their owner wants."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text, update

from core import jobs, keys, recordings
from core.context import Context
from core.errors import Conflict, Gone, IdempotencyMismatch, InputError, NotFound, Unavailable
from core.keys import Tenant
from core.options import parse
from core.states import Kind
from core.tables import Recording
from tests.fakes import media
from tests.integration.conftest import LIGHT, MakeJob, assemble, ingest, transcribe_all
from tests.integration.test_races import at_once
from tests.integration.web_api import with_settings

Keep = Callable[..., UUID]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return media.write(tmp_path_factory.mktemp("sound") / "a.wav", media.buzz(2.0)).read_bytes()


@pytest.fixture
def keep(context: Context, tenant: Tenant, sound: bytes) -> Keep:
    context.blobs.delete_prefix("recordings")

    def kept(data: bytes = sound, owner: Tenant = tenant, key: str | None = None, here: Context = context) -> UUID:
        return UUID(sent(here, owner, data, key).recording["id"])

    return kept


def sent(context: Context, tenant: Tenant, data: bytes, key: str | None = None) -> recordings.Kept:
    incoming = context.blobs.receive(10_000_000)
    incoming.write(data)
    try:
        return recordings.keep_once(context, tenant, incoming, "meeting.wav", key)
    finally:
        incoming.discard()


def submit(context: Context, tenant: Tenant, recording_id: UUID, key: str | None = None, **options: object) -> UUID:
    return UUID(jobs.submit_kept(context, tenant, recording_id, parse(options), key).job["id"])


def completed(context: Context, job_id: UUID) -> None:
    ingest(context, job_id, chunks=1, seconds=2.0)
    transcribe_all(context)
    assemble(context)


def there(context: Context, recording_id: UUID) -> bool:
    return context.blobs.exists(f"recordings/{recording_id}/source")


def stored(context: Context) -> list[Path]:
    return [path for path in context.settings.blobs.rglob("*") if path.is_file() and "health" not in path.parts]


def test_what_was_found_is_shown(context: Context, tenant: Tenant, keep: Keep, sound: bytes) -> None:
    recording_id = keep()
    shown = recordings.show(context, tenant, recording_id)
    found = {name: shown[name] for name in ("filename", "duration", "channels", "codec", "container", "bytes")}
    assert found == {
        "filename": "meeting.wav", "duration": 2.0, "channels": 1, "codec": "pcm_s16le", "container": "wav",
        "bytes": len(sound),
    }  # fmt: skip
    job = jobs.show(context, tenant, submit(context, tenant, recording_id))
    assert job["recording"] == shown


def test_several_jobs_of_one_recording(context: Context, tenant: Tenant, keep: Keep) -> None:
    recording_id = keep()
    made = []
    for language in ("en", "zh"):
        made.append(submit(context, tenant, recording_id, language=language))
        completed(context, made[-1])
    for job_id in made:
        assert jobs.show(context, tenant, job_id)["status"] == "completed"
        jobs.delete(context, tenant, job_id)
    assert there(context, recording_id)
    assert recordings.show(context, tenant, recording_id)["deleted_at"] is None


def test_a_recording_that_came_with_a_job_may_have_more(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    first = make_job()
    recording_id = UUID(jobs.show(context, tenant, first)["recording"]["id"])
    second = submit(context, tenant, recording_id)
    jobs.delete(context, tenant, first)
    assert there(context, recording_id)
    jobs.delete(context, tenant, second)
    assert not there(context, recording_id)
    with pytest.raises(Gone):
        submit(context, tenant, recording_id)


def test_a_clip_says_nothing_of_the_whole(context: Context, tenant: Tenant, keep: Keep) -> None:
    recording_id = keep()
    submit(context, tenant, recording_id, clip_end=1.0)
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    result = {"duration": 1.0, "channels": 1, "codec": "pcm_s16le", "speech_seconds": 1.0}
    assert jobs.finish(context, step, result, jobs.record_probe(result))
    assert recordings.show(context, tenant, recording_id)["duration"] == 2.0
    (assembling,) = jobs.claim(context, LIGHT, [Kind.ASSEMBLE], [])
    assert jobs.assembly_facts(context, assembling.job_id).duration == 1.0


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "empty_file"), (b"no media at all" * 100, "invalid_media"), (b"\0" * 5000, "invalid_media")],
)
def test_what_is_no_media_is_not_kept(context: Context, tenant: Tenant, keep: Keep, data: bytes, code: str) -> None:
    with pytest.raises(InputError) as refused:
        keep(data)
    assert refused.value.code == code
    assert not stored(context)
    assert recordings.page(context, tenant)["recordings"] == []


def test_a_silent_film_and_too_long_a_recording(context: Context, keep: Keep, tmp_path: Path) -> None:
    with pytest.raises(InputError) as silent:
        keep(media.silent_film(tmp_path / "a.mkv").read_bytes())
    with pytest.raises(InputError) as long:
        keep(here=with_settings(context, max_duration=1.5))
    assert (silent.value.code, long.value.code) == ("no_audio_stream", "media_too_long")
    assert not stored(context)


def test_no_more_probes_at_once_than_there_are_turns(
    context: Context, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.recordings.kept.PATIENCE", 0.01)
    taken = 0
    while context.probes.acquire(blocking=False):
        taken += 1
    try:
        with pytest.raises(Unavailable) as refused:
            keep()
    finally:
        context.probes.release(taken)
    assert refused.value.code == "busy"
    assert not stored(context)
    assert keep()


def test_a_page_is_of_ones_own_newest_first(context: Context, tenant: Tenant, keep: Keep) -> None:
    other = keys.ensure(context, keys.mint(), "other")
    mine = [keep() for _ in range(3)]
    theirs = keep(owner=other)
    recordings.delete(context, tenant, mine[0])
    first = recordings.page(context, tenant, limit=1)
    rest = recordings.page(context, tenant, cursor=first["next_cursor"])
    assert [one["id"] for one in (*first["recordings"], *rest["recordings"])] == [str(mine[2]), str(mine[1])]
    assert rest["next_cursor"] is None
    for call in (recordings.show, recordings.delete):
        with pytest.raises(NotFound):
            call(context, tenant, theirs)
        with pytest.raises(NotFound):
            call(context, tenant, uuid4())
    with pytest.raises(NotFound):
        submit(context, tenant, theirs)


def test_a_deleted_recording_leaves_its_transcripts(context: Context, tenant: Tenant, keep: Keep) -> None:
    recording_id = keep()
    job_id = submit(context, tenant, recording_id)
    with pytest.raises(Conflict) as refused:
        recordings.delete(context, tenant, recording_id)
    assert refused.value.code == "recording_in_use"
    completed(context, job_id)
    for _ in range(2):
        recordings.delete(context, tenant, recording_id)
    assert not there(context, recording_id)
    assert jobs.transcript(context, tenant, job_id)["text"] == "all"
    assert jobs.show(context, tenant, job_id)["recording"]["deleted_at"]
    for call in (recordings.show, submit):
        with pytest.raises(Gone):
            call(context, tenant, recording_id)
    jobs.delete(context, tenant, job_id)


def test_what_is_written_late_is_erased_too(context: Context, tenant: Tenant, keep: Keep) -> None:
    """As of a step that did not know yet that its job was cancelled."""
    recording_id = keep()
    recordings.delete(context, tenant, recording_id)
    context.blobs.put(f"recordings/{recording_id}/pcm-a/00000.s16", [b"late"])
    with context.sessions() as session, session.begin():
        session.execute(update(Recording).values(deleted_at=text("now() - interval '1 hour'")))
    assert jobs.sweep(context).erased == 1
    assert not stored(context)


def test_a_retry_without_its_recording_says_so(context: Context, tenant: Tenant, keep: Keep) -> None:
    recording_id = keep()
    cancelled, done = (submit(context, tenant, recording_id, tag=tag) for tag in "ab")
    jobs.cancel(context, tenant, cancelled)
    completed(context, done)
    recordings.delete(context, tenant, recording_id)
    for job_id, stage in ((cancelled, None), (done, "ingest"), (done, "transcribe")):
        with pytest.raises(Conflict) as refused:
            jobs.run_again(context, tenant, job_id, stage)
        assert refused.value.code == "recording_deleted"
        assert str(recording_id) in refused.value.message
    assert jobs.run_again(context, tenant, done, "assemble")["status"] == "processing"


def test_one_key_one_recording(context: Context, tenant: Tenant, keep: Keep, sound: bytes) -> None:
    made = at_once(*(lambda: sent(context, tenant, sound, "k"),) * 4)
    assert len({one.recording["id"] for one in made}) == 1
    assert sum(one.created for one in made) == 1
    assert len(stored(context)) == 1
    with pytest.raises(IdempotencyMismatch):
        keep(sound + b"\0\0", key="k")
    assert len(stored(context)) == 1
    assert keep(owner=keys.ensure(context, keys.mint(), "other"), key="k")
    recordings.delete(context, tenant, UUID(made[0].recording["id"]))
    with pytest.raises(Gone):
        keep(key="k")
    with context.sessions() as session, session.begin():
        session.execute(update(Recording).values(created_at=text("now() - interval '25 hours'")))
    assert sent(context, tenant, sound, "k").created


def test_a_key_gives_one_job_however_its_recording_comes(context: Context, tenant: Tenant, keep: Keep) -> None:
    recording_id, same = keep(), keep()
    first = submit(context, tenant, recording_id, "k")
    assert submit(context, tenant, recording_id, "k") == submit(context, tenant, same, "k") == first
    with pytest.raises(IdempotencyMismatch):
        submit(context, tenant, recording_id, "k", language="en")
    completed(context, first)
    recordings.delete(context, tenant, recording_id)
    assert submit(context, tenant, recording_id, "k") == first


def test_one_key_at_once_is_one_job(context: Context, tenant: Tenant, keep: Keep) -> None:
    recording_id = keep()
    for number in range(5):
        calls = [lambda number=number: submit(context, tenant, recording_id, f"k{number}")] * 4
        assert len(set(at_once(*calls))) == 1


def outcome(call: Callable[[], Any], *expected: type[Exception]) -> Any:
    try:
        return call()
    except expected as error:
        return error


def test_delete_against_a_new_job(context: Context, tenant: Tenant, keep: Keep) -> None:
    """Either there is a job, and its sound; or there is neither."""
    for _ in range(6):
        recording_id = keep()
        deleted, job_id = at_once(
            lambda one=recording_id: outcome(lambda: recordings.delete(context, tenant, one), Conflict),
            lambda one=recording_id: outcome(lambda: submit(context, tenant, one), Gone),
        )
        assert isinstance(deleted, Conflict) == isinstance(job_id, UUID) == there(context, recording_id)


def test_two_deletes(context: Context, tenant: Tenant, keep: Keep) -> None:
    for _ in range(5):
        recording_id = keep()
        at_once(*(lambda one=recording_id: recordings.delete(context, tenant, one),) * 3)
        assert not there(context, recording_id)


def test_deleting_the_last_job_against_a_new_one(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    for _ in range(10):
        first = make_job()
        recording_id = UUID(jobs.show(context, tenant, first)["recording"]["id"])
        _, second = at_once(
            lambda one=first: jobs.delete(context, tenant, one),
            lambda one=recording_id: outcome(lambda: submit(context, tenant, one), Gone),
        )
        assert isinstance(second, UUID) == there(context, recording_id)


def test_delete_against_a_retry(context: Context, tenant: Tenant, keep: Keep) -> None:
    for _ in range(6):
        recording_id = keep()
        job_id = submit(context, tenant, recording_id)
        jobs.cancel(context, tenant, job_id)
        deleted, again = at_once(
            lambda one=recording_id: outcome(lambda: recordings.delete(context, tenant, one), Conflict),
            lambda one=job_id: outcome(lambda: jobs.run_again(context, tenant, one), Conflict),
        )
        assert isinstance(deleted, Conflict) == (not isinstance(again, Conflict)) == there(context, recording_id)


def test_deleting_a_recording_and_its_last_job(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    for _ in range(10):
        job_id = make_job()
        recording_id = UUID(jobs.cancel(context, tenant, job_id)["recording"]["id"])
        at_once(
            lambda one=job_id: jobs.delete(context, tenant, one),
            lambda one=recording_id: recordings.delete(context, tenant, one),
        )
        assert not there(context, recording_id)
