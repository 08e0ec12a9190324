"""The chunk cache on the real Postgres: what is kept, who finds it, and that it goes with what was heard."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update

from core import jobs, keys
from core.context import Context
from core.jobs import library
from core.options import Options
from core.states import Kind
from core.tables import Fingerprint, Job, Recording
from core.transcript import Gap, Segment, Word
from tests.integration.conftest import MakeJob
from tests.integration.test_races import at_once
from tests.integration.web_api import with_settings
from worker import fingerprint
from worker.engines.protocols import Hypothesis

HEARD = Hypothesis(
    (Segment(0.1, 1.0 / 3.0, " Good.", "en", -0.123456789, 1e-12, (Word(0.1, 1.0 / 3.0, " Good.", 0.97),)),),
    "en",
    0.87,
    (Gap(1.0, 3.5, ("no_speech",), " Thank you."),),
)
RESULT = fingerprint.stored(HEARD)


@pytest.fixture
def other(context: Context) -> keys.Tenant:
    return keys.ensure(context, keys.mint(), "other")


def chunk(context: Context) -> jobs.Claimed:
    (step,) = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
    return step


def keep(context: Context, step: jobs.Claimed, key: str = "k") -> bool:
    return jobs.finish(context, step, {"model": {"name": "demo"}}, library.remember(key, RESULT))


def kept(context: Context) -> dict[str, UUID]:
    """Fingerprints, and the recordings that were heard."""
    with context.sessions() as session:
        rows = session.execute(select(Fingerprint.sha256, Fingerprint.recording_id))
        return {row.sha256: row.recording_id for row in rows}


def recording_of(context: Context, job_id: UUID) -> UUID:
    with context.sessions() as session:
        return session.get_one(Job, job_id).recording_id


def share(context: Context, job_id: UUID, recording: UUID) -> None:
    with context.sessions() as session, session.begin():
        session.execute(update(Job).where(Job.id == job_id).values(recording_id=recording))


def age(context: Context, days: float) -> None:
    with context.sessions() as session, session.begin():
        session.execute(update(Fingerprint).values(created_at=text(f"now() - interval '{days} days'")))


def test_what_a_chunk_gave_is_found_again_as_it_was(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    make_job(chunks=2)
    assert keep(context, chunk(context), "first")
    assert keep(context, chunk(context), "second")
    found = library.known(context, tenant.id, ["first", "second", "third"])
    assert found.keys() == {"first", "second"}
    assert fingerprint.hypothesis(found["first"]) == HEARD
    assert library.known(context, tenant.id, []) == {}


def test_one_tenant_never_finds_what_another_said(
    context: Context, tenant: keys.Tenant, other: keys.Tenant, make_job: MakeJob
) -> None:
    make_job(chunks=1)
    keep(context, chunk(context))
    assert library.known(context, other.id, ["k"]) == {}
    make_job(chunks=1, owner=other)
    assert keep(context, chunk(context)), "each keeps its own"
    assert library.known(context, other.id, ["k"]).keys() == {"k"}


def test_a_late_result_is_not_kept(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=1)
    slow = chunk(context)
    jobs.hand_back(context, slow)
    chunk(context)
    assert not keep(context, slow)
    assert kept(context) == {}


def test_of_two_recordings_with_one_sound_the_first_is_kept(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    """The second one's transcript is its own, and stays when the first is deleted."""
    first = make_job(chunks=1)
    keep(context, chunk(context))
    make_job(chunks=1)
    assert keep(context, chunk(context))
    assert kept(context) == {"k": recording_of(context, first)}
    jobs.delete(context, tenant, first)
    assert kept(context) == {}


def test_it_is_erased_with_its_source(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    erased, left = make_job(chunks=1), make_job(chunks=1)
    for step in (chunk(context), chunk(context)):
        keep(context, step, str(step.job_id))
    jobs.delete(context, tenant, erased)
    assert kept(context).keys() == {str(left)}
    assert library.known(context, tenant.id, [str(erased)]) == {}


def test_a_shared_recording_keeps_it_until_its_last_job(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    first, second = make_job(chunks=1), make_job(chunks=1)
    share(context, second, recording_of(context, first))
    keep(context, next(step for step in (chunk(context), chunk(context)) if step.job_id == first))
    jobs.delete(context, tenant, first)
    assert kept(context).keys() == {"k"}
    jobs.delete(context, tenant, second)
    assert kept(context) == {}


def test_a_job_that_is_deleted_by_itself_takes_it_along(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    job_id = make_job(chunks=2, delete_after_seconds=0)
    keep(context, chunk(context))
    jobs.cancel(context, tenant, job_id)
    assert jobs.sweep(context).expired == 1
    assert kept(context) == {}


def test_finish_and_delete_at_once_leave_nothing_of_the_source(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    """A result that comes a moment after the delete must not bring back what was erased."""
    for _ in range(15):
        job_id = make_job(chunks=1)
        step = chunk(context)
        at_once(
            lambda step=step: keep(context, step),
            lambda job_id=job_id: jobs.delete(context, tenant, job_id),
        )
        assert kept(context) == {}


def test_two_jobs_of_a_recording_one_heard_and_one_deleted_at_once(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    """They wait for one recording. Its words stay, since the job that is left needs it, and go with that one."""
    for number in range(10):
        heard, deleted = make_job(chunks=1), make_job(chunks=1)
        share(context, deleted, recording_of(context, heard))
        step = next(step for step in (chunk(context), chunk(context)) if step.job_id == heard)
        done, _ = at_once(
            lambda step=step, number=number: keep(context, step, str(number)),
            lambda deleted=deleted: jobs.delete(context, tenant, deleted),
        )
        assert done
        assert kept(context).keys() == {str(number)}
        jobs.delete(context, tenant, heard)
        assert kept(context) == {}


def test_one_sound_heard_twice_at_once_is_kept_once(context: Context, make_job: MakeJob) -> None:
    for number in range(10):
        make_job(chunks=1)
        make_job(chunks=1)
        steps = [chunk(context), chunk(context)]
        assert at_once(*(_keeping(context, step, str(number)) for step in steps)) == [True, True]
        assert str(number) in kept(context)


def _keeping(context: Context, step: jobs.Claimed, key: str) -> Callable[[], bool]:
    return lambda: keep(context, step, key)


def test_entries_have_their_day(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    make_job(chunks=2)
    keep(context, chunk(context), "old")
    age(context, 31)
    keep(context, chunk(context), "new")
    assert library.known(context, tenant.id, ["old", "new"]).keys() == {"new"}
    jobs.scavenge(context)
    assert kept(context).keys() == {"new"}


def test_no_days_turn_the_cache_off_and_empty_it(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    make_job(chunks=1)
    keep(context, chunk(context))
    off = with_settings(context, cache_days=0)
    assert library.known(off, tenant.id, ["k"]) == {}
    jobs.scavenge(off)
    assert kept(context) == {}
    assert not library.in_use(off.settings, Options())
    assert library.in_use(context.settings, Options())
    assert not library.in_use(context.settings, Options(cache=False))


def test_a_large_library_is_emptied_in_bounded_batches(context: Context, make_job: MakeJob) -> None:
    recording = recording_of(context, make_job())
    many = 2 * library.AT_ONCE + 1
    with context.sessions() as session, session.begin():
        tenant_id = session.get_one(Recording, recording).tenant_id
        rows = [
            {"tenant_id": tenant_id, "sha256": str(number), "recording_id": recording, "result": {}}
            for number in range(many)
        ]
        session.execute(Fingerprint.__table__.insert(), rows)  # type: ignore[attr-defined]
    age(context, 31)
    assert sum(at_once(lambda: library.forget(context), lambda: library.forget(context))) == many
    with context.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Fingerprint)) == 0


def test_the_scavenger_and_a_delete_at_once(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    for _ in range(10):
        job_id = make_job(chunks=1)
        keep(context, chunk(context))
        age(context, 31)
        at_once(
            lambda: library.forget(context),
            lambda job_id=job_id: jobs.delete(context, tenant, job_id),
        )
        assert kept(context) == {}
