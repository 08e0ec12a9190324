"""Long recordings never hold all who ingest, whoever asks first and however many ask at once."""

import threading
from uuid import UUID

import pytest

from core import jobs
from core.context import Context
from core.keys import Tenant
from core.options import parse
from core.states import Kind
from tests.integration.conftest import MakeJob
from tests.integration.web_api import with_settings

ROUNDS = 10


@pytest.fixture
def here(context: Context) -> Context:
    """Where six bytes are long."""
    for name in ("light-1", "light-2"):
        jobs.register(context, name, [Kind.INGEST, Kind.ASSEMBLE], [], {})
    return with_settings(context, long_upload_bytes=5)


def upload(context: Context, tenant: Tenant, content: bytes) -> UUID:
    incoming = context.blobs.receive(1000)
    incoming.write(content)
    return UUID(jobs.submit(context, tenant, incoming, "meeting.wav", parse({})).job["id"])


def taken(context: Context, worker: str) -> list[UUID]:
    return [step.job_id for step in jobs.claim(context, worker, [Kind.INGEST], [])]


def test_one_who_ingests_is_kept_for_short_recordings(here: Context, tenant: Tenant) -> None:
    long = [upload(here, tenant, b"long recording") for _ in range(2)]
    assert taken(here, "light-1") == [long[0]]
    assert taken(here, "light-2") == [], "the other long one waits, and the worker with it"
    short = upload(here, tenant, b"five!")
    assert taken(here, "light-2") == [short]


def test_the_next_long_one_follows_the_first(here: Context, tenant: Tenant) -> None:
    long = [upload(here, tenant, b"long recording") for _ in range(2)]
    (step,) = jobs.claim(here, "light-1", [Kind.INGEST], [])
    assert jobs.finish(here, step, {"speech_seconds": 0.0})
    assert taken(here, "light-1") == [long[1]]


def test_a_server_with_one_who_ingests_takes_long_ones_too(here: Context, tenant: Tenant) -> None:
    jobs.resign(here, "light-2")
    long = upload(here, tenant, b"long recording")
    assert taken(here, "light-1") == [long]


def test_two_who_ask_at_once_do_not_both_get_a_long_one(here: Context, tenant: Tenant, make_job: MakeJob) -> None:
    for _ in range(ROUNDS):
        for _ in range(2):
            upload(here, tenant, b"long recording")
        at_once, got = threading.Barrier(2), dict[str, list[jobs.Claimed]]()

        def ask(worker: str, at_once: threading.Barrier = at_once, got: dict[str, list[jobs.Claimed]] = got) -> None:
            at_once.wait(10)
            got[worker] = jobs.claim(here, worker, [Kind.INGEST], [])

        askers = [threading.Thread(target=ask, args=[worker]) for worker in ("light-1", "light-2")]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(30)
        held = [step for steps in got.values() for step in steps]
        assert len(held) == 1
        while held:  # none is left for the next round
            assert jobs.finish(here, held.pop(), {"speech_seconds": 0.0})
            held = jobs.claim(here, "light-1", [Kind.INGEST], [])
