"""A job as the pipeline makes it, without audio: rows only."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import pytest

from core import jobs, tenants
from core.context import Context
from core.keys import Tenant
from core.options import parse
from core.states import Kind
from tests.integration.web_api import Caller
from worker.pulse import Pulse

MakeJob = Callable[..., UUID]
LIGHT = "light-1"


@pytest.fixture
def make_job(context: Context, tenant: Tenant) -> MakeJob:
    """Submits a recording of a few bytes; with `chunks`, ingest has emitted them and ended."""

    def make(chunks: int = 0, seconds: float = 30.0, owner: Tenant = tenant, **options: object) -> UUID:
        incoming = context.blobs.receive(1000)
        incoming.write(b"audio")
        made = jobs.submit(context, owner, incoming, "meeting.wav", parse(options))
        job_id = UUID(made.job["id"])
        if chunks:
            ingest(context, job_id, chunks, seconds)
        return job_id

    return make


@pytest.fixture
def limited(context: Context, tenant: Tenant) -> Callable[[int], None]:
    """Sets how many jobs of the tenant may be at work."""

    def limit(count: int) -> None:
        tenants.change(context, "default", {"concurrent_jobs": count})

    return limit


@pytest.fixture
def caller(context: Context, tenant: Tenant, api_key: str) -> Caller:
    """Of the HTTP API, with nothing stored."""
    made = Caller(context, api_key)
    assert not made.stored()
    return made


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    """For requests that wait while the test goes on."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


def ingest(context: Context, job_id: UUID, chunks: int, seconds: float = 30.0) -> None:
    step = next(step for step in jobs.claim(context, LIGHT, [Kind.INGEST], [], limit=50) if step.job_id == job_id)
    assert jobs.emit(context, step, "test-strict", new_chunks(0, chunks, seconds))
    result = {"duration": chunks * seconds, "channels": 1, "codec": "pcm", "speech_seconds": chunks * seconds}
    assert jobs.finish(context, step, result, jobs.record_probe(result))


def new_chunks(first: int, count: int, seconds: float = 30.0) -> list[jobs.NewStep]:
    return [
        jobs.NewStep(
            Kind.TRANSCRIBE,
            index,
            seconds,
            {"start": index * seconds, "end": (index + 1) * seconds, "speech_seconds": seconds},
        )
        for index in range(first, first + count)
    ]


def segment(text: str, start: float = 0.0) -> dict[str, object]:
    return {
        "start": start, "end": start + 1.0, "text": text, "language": "en", "avg_logprob": -0.1, "no_speech_prob": 0.0,
        "words": [], "speaker": None, "channel": None, "flags": [],
    }  # fmt: skip


def transcribe_all(context: Context, worker: str = "t-1") -> int:
    """Claims and finishes chunks until none is due."""
    count = 0
    while steps := jobs.claim(context, worker, [Kind.TRANSCRIBE], ["demo"]):
        for step in steps:
            made = [segment(f" word{step.index}", step.params["start"])]
            assert jobs.finish(context, step, {"model": {"name": "demo"}}, jobs.record_segments(step.index, made))
            count += 1
    return count


def assemble(context: Context, text: str = "all") -> None:
    for step in jobs.claim(context, LIGHT, [Kind.ASSEMBLE], [], limit=50):
        document = {
            "text": text,
            "language": "en",
            "language_probability": 1.0,
            "confidence": 0.9,
            "model": {"name": "demo"},
        }
        assert jobs.finish(context, step, {}, jobs.record_transcript(document))


@contextmanager
def holding(pulse: Pulse, steps: Sequence[jobs.Claimed]) -> Iterator[None]:
    pulse.hold(steps)
    try:
        yield
    finally:
        for step in steps:
            pulse.release(step)


def until(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    """Looks again and again."""
    tick = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if happened():
            return
        tick.wait(0.02)
    raise AssertionError("it did not happen")
