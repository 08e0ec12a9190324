"""A key gives one job, however often and however close together it comes; and bytes without a row go."""

import os
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text, update

from core import jobs, keys
from core.context import Context
from core.errors import Gone, IdempotencyMismatch, Unavailable
from core.options import parse
from core.tables import IdempotencyKey, Job, Recording
from tests.integration.test_races import at_once
from tests.integration.web_api import with_settings


def send(
    context: Context, tenant: keys.Tenant, key: str | None, audio: bytes = b"a", **options: object
) -> jobs.Submitted:
    incoming = context.blobs.receive(1000)
    incoming.write(audio)
    try:
        return jobs.submit(context, tenant, incoming, "a.wav", parse(options), key)
    finally:
        incoming.discard()


def stored(context: Context) -> int:
    return len(list((context.settings.blobs / "recordings").iterdir()))


@pytest.fixture(autouse=True)
def _empty(context: Context) -> None:
    context.blobs.delete_prefix("recordings")


def test_the_second_gets_the_first_ones_job(context: Context, tenant: keys.Tenant) -> None:
    first, second = (send(context, tenant, "k", language="en") for _ in range(2))
    assert (first.created, second.created) == (True, False)
    assert first.job["id"] == second.job["id"]
    assert stored(context) == 1


@pytest.mark.parametrize(("audio", "options"), [(b"other", {}), (b"a", {"language": "zh"})])
def test_a_key_stands_for_one_thing(
    context: Context, tenant: keys.Tenant, audio: bytes, options: dict[str, object]
) -> None:
    send(context, tenant, "k")
    with pytest.raises(IdempotencyMismatch):
        send(context, tenant, "k", audio, **options)
    assert stored(context) == 1


def test_a_key_is_its_tenants_own(context: Context, tenant: keys.Tenant) -> None:
    other = keys.ensure(context, keys.mint(), "other")
    assert send(context, tenant, "k").created
    assert send(context, other, "k", b"other").created


def test_at_once_they_make_one_job(context: Context, tenant: keys.Tenant) -> None:
    for number in range(5):
        made = at_once(*(lambda number=number: send(context, tenant, f"k{number}"),) * 5)
        assert len({one.job["id"] for one in made}) == 1
        assert sum(one.created for one in made) == 1
    with context.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 5
        assert session.scalar(select(func.count()).select_from(Recording)) == 5
    assert stored(context) == 5


def test_after_a_day_a_key_is_new_again(context: Context, tenant: keys.Tenant) -> None:
    send(context, tenant, "k")
    with context.sessions() as session, session.begin():
        session.execute(update(IdempotencyKey).values(created_at=text("now() - interval '25 hours'")))
    assert send(context, tenant, "k", b"other").created
    with context.sessions() as session, session.begin():
        session.execute(update(IdempotencyKey).values(created_at=text("now() - interval '25 hours'")))
    jobs.scavenge(context)
    with context.sessions() as session:
        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0


def test_the_key_of_a_deleted_job(context: Context, tenant: keys.Tenant) -> None:
    jobs.delete(context, tenant, UUID(send(context, tenant, "k").job["id"]))
    with pytest.raises(Gone):
        send(context, tenant, "k")
    assert stored(context) == 0


def test_too_many_jobs_under_way(context: Context, tenant: keys.Tenant) -> None:
    few = with_settings(context, max_open_jobs=2)
    for _ in range(2):
        jobs.check_room(few)
        send(few, tenant, None)
    with pytest.raises(Unavailable) as refused:
        jobs.check_room(few)
    assert (refused.value.code, refused.value.details["retry_after"]) == ("queue_full", 60)


def test_what_no_row_names_is_scavenged(context: Context, tenant: keys.Tenant) -> None:
    kept = send(context, tenant, None).job["recording"]["id"]
    orphan, young = f"recordings/{uuid4()}", f"recordings/{uuid4()}"
    for prefix in (orphan, young):
        context.blobs.put(f"{prefix}/source", [b"x"])
    broken_off = context.blobs.receive(10)
    broken_off.write(b"half")
    for path in (context.settings.blobs / orphan, context.settings.blobs / f"recordings/{kept}", broken_off._path):
        os.utime(path, (0, 0))
    assert jobs.scavenge(context) == 2
    assert not context.blobs.exists(f"{orphan}/source")
    assert context.blobs.exists(f"{young}/source")
    assert context.blobs.exists(f"recordings/{kept}/source")
    assert not broken_off._path.exists()
    broken_off.discard()
