"""Batches on the real ledger and storage, with a recognizer of a few lines: the chunk cache, a batch prepared ahead."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import select

from core import jobs
from core.context import Context
from core.errors import EngineError
from core.keys import Tenant
from core.states import Kind
from core.tables import Step
from core.transcript import Segment
from tests.integration.conftest import LIGHT, MakeJob, until
from tests.integration.web_api import with_settings
from worker.batches import Batches
from worker.engines.protocols import Clip, EngineFailure, EngineInfo, Hypothesis
from worker.parts import pcm_key
from worker.pulse import Pulse
from worker.recognition import Recognition
from worker.runner import Runner

SECOND = 32_000
PATIENCE = 30.0


@dataclass
class Echo:
    """Says how loud each clip is. `prepared`, `heard`: how many clips, batch by batch. A clip of the loudness
    `poison` fails its whole batch. `gate`, where set, is waited for in each call."""

    info: EngineInfo = field(default_factory=lambda: EngineInfo("demo", "echo", "1", "cpu", "none"))
    poison: int = -1
    gate: threading.Event | None = None
    prepared: list[int] = field(default_factory=list)
    heard: list[int] = field(default_factory=list)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def prepare(self, clip: Clip) -> Clip:
        self.prepared.append(loudness(clip))
        return clip

    def rest(self) -> None:
        self.heard.append(0)

    def transcribe(self, clips: Sequence[Clip]) -> list[Hypothesis | EngineFailure]:
        self.heard.append(len(clips))
        self.entered.release()
        if self.gate is not None:
            assert self.gate.wait(PATIENCE)
        if self.poison in map(loudness, clips):
            raise EngineError("it chokes on this one")
        return [Hypothesis((said(f" {loudness(clip)}"),), "en", 0.99) for clip in clips]


def loudness(clip: Clip) -> int:
    return round(float(np.abs(clip.samples).max()) * 32768)


def said(text: str) -> Segment:
    return Segment(0.0, 1.0, text, "en", -0.1, 0.0)


@pytest.fixture
def cut(context: Context, make_job: MakeJob) -> Any:
    """A job whose chunks are a second each, of the given loudnesses."""

    def make(loudnesses: Sequence[int], **options: object) -> UUID:
        job_id = make_job(**options)
        (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
        pcm = b"".join(int(one).to_bytes(2, "little") * 16_000 for one in loudnesses)
        context.blobs.put(pcm_key(step.recording_id, "g", 0), [pcm])
        chunks = [
            jobs.NewStep(Kind.TRANSCRIBE, at, 1.0, {
                "generation": "g", "index": at, "start": float(at), "end": at + 1.0, "forced_cut": False,
                "speech_seconds": 1.0, "parts": [[0, at * SECOND, SECOND]],
            })
            for at in range(len(loudnesses))
        ]  # fmt: skip
        assert jobs.emit(context, step, "g", chunks)
        result = {"duration": 1.0 * len(loudnesses), "channels": 1, "codec": "pcm", "speech_seconds": 1.0}
        assert jobs.finish(context, step, result, jobs.record_probe(result))
        return job_id

    return make


def runner(context: Context, echo: Echo, size: int = 1, *, ahead: bool = False) -> Runner:
    made = Runner(context, "t", (Kind.TRANSCRIBE, Kind.REDECODE), ("demo",), Pulse(context, "t"))
    made.batches = Batches(Recognition(context, echo), made, size, ahead=ahead)
    return made


@contextmanager
def decoding(working: Runner, echo: Echo) -> Iterator[None]:
    """While its first batch is held at the gate; then it works to its end."""
    thread = threading.Thread(target=working.work)
    thread.start()
    try:
        assert echo.entered.acquire(timeout=PATIENCE)
        yield
    finally:
        assert echo.gate is not None
        echo.gate.set()
        thread.join(PATIENCE)


def texts(context: Context, job_id: UUID) -> list[str]:
    return [one.text for one in jobs.current_segments(context, job_id)]


def results(context: Context, job_id: UUID, kind: Kind = Kind.TRANSCRIBE) -> list[dict[str, Any]]:
    with context.sessions() as session:
        found = select(Step.result).where(Step.job_id == job_id, Step.kind == kind).order_by(Step.index)
        return list(session.scalars(found))


def stage(context: Context, tenant: Tenant, job_id: UUID) -> dict[str, Any]:
    shown: dict[str, Any] = jobs.show(context, tenant, job_id)["stages"]["transcribe"]
    return shown


@pytest.mark.parametrize("ahead", [False, True], ids=["one after the other", "ahead"])
def test_all_chunks_of_all_jobs_are_heard_once(context: Context, tenant: Tenant, cut: Any, ahead: bool) -> None:
    first, second, echo = cut(range(1, 8)), cut(range(11, 18)), Echo()
    runner(context, echo, 4, ahead=ahead).work()
    assert texts(context, first) == [f" {one}" for one in range(1, 8)]
    assert texts(context, second) == [f" {one}" for one in range(11, 18)]
    assert sum(echo.heard) == len(echo.prepared) == 14
    assert max(echo.heard) == 4, "chunks of both jobs share a batch"


def test_while_one_batch_decodes_the_next_is_prepared_and_no_more(context: Context, cut: Any) -> None:
    job_id, echo = cut(range(1, 10)), Echo(gate=threading.Event())
    working = runner(context, echo, 2, ahead=True)
    with decoding(working, echo):
        until(lambda: len(echo.prepared) >= 4, PATIENCE)
        assert echo.heard == [2], "the first batch is still at it"
        assert len(working.pulse.held) == 4
    assert texts(context, job_id) == [f" {one}" for one in range(1, 10)]
    assert not working.pulse.held


def test_a_stop_hands_back_what_was_only_prepared(context: Context, tenant: Tenant, cut: Any) -> None:
    job_id, echo = cut(range(1, 7)), Echo(gate=threading.Event())
    working = runner(context, echo, 2, ahead=True)
    with decoding(working, echo):
        until(lambda: len(echo.prepared) >= 4, PATIENCE)
        working.drain()
    assert echo.heard == [2], "what decodes is finished, nothing else begun"
    with context.sessions() as session:
        rows = select(Step.status, Step.attempt, Step.suspect).where(Step.job_id == job_id, Step.kind == "transcribe")
        found = [tuple(row) for row in session.execute(rows.order_by(Step.index))]
    assert found == [("done", 1, False)] * 2 + [("queued", 1, False)] * 2 + [("queued", 0, False)] * 2


@pytest.mark.parametrize("ahead", [False, True], ids=["one after the other", "ahead"])
def test_one_bad_clip_ends_alone(context: Context, tenant: Tenant, cut: Any, ahead: bool) -> None:
    """Its batch makes suspects, which run alone: then only it fails, three times."""
    job_id, echo = cut([1, 2, 666, 4, 5]), Echo(poison=666)
    working = runner(context, echo, 3, ahead=ahead)
    for _ in range(6):
        working.work()
        with context.sessions() as session, session.begin():
            for step in session.scalars(select(Step).where(Step.status == "queued")):
                step.due_at = step.due_at.replace(year=2020)
    assert texts(context, job_id) == [" 1", " 2", " 4", " 5"]
    warned = [one["code"] for one in jobs.show(context, tenant, job_id)["warnings"]]
    assert warned.count("chunk_failed") == 1


def test_a_model_that_was_idle_for_long_frees_its_device(context: Context, cut: Any) -> None:
    echo, here = Echo(), with_settings(context, idle_unload=1e-9)
    cut([1])
    runner(here, echo).look()
    assert echo.heard == [1, 0]
    patient = Echo()
    runner(context, patient).look()
    assert patient.heard == [], "it is an option"


def test_the_same_sound_is_heard_once(context: Context, tenant: Tenant, cut: Any) -> None:
    echo = Echo()
    working = runner(context, echo, 4)
    first = cut([1, 2, 3])
    working.work()
    second = cut([3, 2, 9])
    working.work()
    assert texts(context, second) == [" 3", " 2", " 9"]
    assert sum(echo.heard) == len(echo.prepared) == 4
    assert [one["cached"] for one in results(context, second)] == [True, True, False]
    assert (stage(context, tenant, first)["cached"], stage(context, tenant, second)["cached"]) == (0, 2)
    starts = [one.start for one in jobs.current_segments(context, second)]
    assert starts == [0.0, 1.0, 2.0], "a known answer lies at its own place in the recording"


def test_a_caller_may_want_no_cache(context: Context, cut: Any) -> None:
    echo = Echo()
    working = runner(context, echo, 4)
    for options in ({"cache": False}, {}, {"cache": False}):
        cut([1, 2], **options)
        working.work()
    assert sum(echo.heard) == 6, "neither kept by the first, nor looked up by the last"


def test_a_stage_that_runs_again_is_heard_again(context: Context, tenant: Tenant, cut: Any) -> None:
    echo = Echo()
    working = runner(context, echo, 4)
    job_id = cut([1, 2])
    working.work()
    (step,) = jobs.claim(context, LIGHT, [Kind.ASSEMBLE], [])
    document = {"text": "", "language": "en", "language_probability": 1.0, "confidence": 0.9, "model": {}}
    assert jobs.finish(context, step, {}, jobs.record_transcript(document))
    jobs.run_again(context, tenant, job_id, "transcribe")
    working.work()
    assert sum(echo.heard) == 4
    assert texts(context, job_id) == [" 1", " 2"]
