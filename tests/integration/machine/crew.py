"""What workers and owners do in the state machine test: each act is one call, and each result is marked as its own."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, text, update

from core import jobs, keys
from core.context import Context
from core.errors import EngineError, InputError, StorageError
from core.jobs import Claimed
from core.options import Options
from core.states import Kind, StepStatus
from core.tables import IdempotencyKey, Step, SweepState
from tests.integration.conftest import new_chunks, segment
from tests.integration.machine.invariants import mark

MODELS = ("demo", "large-v3")
STRICT, TOLERANT = "strict", "tolerant"


class SilentBell:
    """Redis, with every ring lost."""

    def ring(self, kind: Kind, model: str = "", times: int = 1) -> bool:
        return False


@dataclass(frozen=True)
class Upload:
    """`chunks`: how many ingest will cut of it; the prompt carries the number to whoever claims the ingest."""

    chunks: int = 0
    audio: bytes = b"one"
    model: str = "demo"
    delete_after: int | None = None

    @property
    def options(self) -> Options:
        return Options(prompt=str(self.chunks), model=self.model, delete_after_seconds=self.delete_after)


def submit(context: Context, owner: keys.Tenant, upload: Upload, key: str | None) -> jobs.Submitted:
    incoming = context.blobs.receive(100)
    incoming.write(upload.audio)
    try:
        return jobs.submit(context, owner, incoming, "a.wav", upload.options, key)
    finally:
        incoming.discard()


def emit(context: Context, step: Claimed, generation: str = STRICT, most: int = 9) -> bool:
    return jobs.emit(context, step, generation, new_chunks(0, cut(step, generation, most)))


def cut(step: Claimed, generation: str, most: int) -> int:
    """How many chunks: at most so many of those of a generation; the tolerant one has one less."""
    return min(most, max(0, int(step.options["prompt"]) - (generation == TOLERANT)))


def finish(context: Context, step: Claimed) -> bool:
    if step.kind is Kind.INGEST:
        emit(context, step, STRICT if step.attempt % 2 else TOLERANT)
        result = {"duration": 90.0, "channels": 1, "codec": "pcm", "speech_seconds": 60.0}
        return jobs.finish(context, step, result, jobs.record_probe(result))
    if step.kind is Kind.TRANSCRIBE:
        heard = segment(mark(step.id, step.attempt), step.params["start"])
        return jobs.finish(context, step, _doubt(step), jobs.record_segments(step.index, [dict(heard)]))
    if step.kind is Kind.REDECODE:
        first = [one.to_json() for one in jobs.segments_of(context, step.job_id, step.index)]
        heard = segment(mark(step.id, step.attempt), step.params["start"])
        kept = {"kept": True, "first": first, "model": {"name": step.model}}
        return jobs.finish(context, step, kept, jobs.replace_segments(step.index, [dict(heard)]))
    words = " ".join(one.text for one in jobs.current_segments(context, step.job_id))
    document = {"text": words, "language": "en", "language_probability": 1.0, "confidence": 0.9, "model": {}}
    return jobs.finish(context, step, {}, jobs.record_transcript(document))


def _doubt(step: Claimed) -> dict[str, object]:
    """Every second chunk is heard again, with the text of the one before."""
    said = {"language": "en", "language_probability": 1.0, "tail": "some words"}
    return {"model": {"name": step.model}, "doubtful": step.index % 2 == 1, **said}


def heartbeat(context: Context, step: Claimed) -> bool:
    return step.id in jobs.heartbeat(context, "w", [step])


ENDINGS: dict[str, Callable[[Context, Claimed], bool]] = {
    "finish": finish,
    "error": lambda context, step: jobs.retry(context, step, EngineError("it broke")),
    "outage": lambda context, step: jobs.retry(context, step, StorageError("it is away")),
    "fail": lambda context, step: jobs.fail(context, step, InputError("it is no good")),
    "hand_back": jobs.hand_back,
}
"""Each gives a step out of hand, once. True where it was in hand."""


def prepare_sweep(context: Context, *, gap: bool = False) -> None:
    """As if the last sweep was just now, and the start a day ago; or, with a gap, the last sweep an hour ago."""
    ago = text(f"clock_timestamp() - interval '{3600 if gap else 0} seconds'")
    started = text("clock_timestamp() - interval '1 day'")
    with context.sessions() as session, session.begin():
        session.execute(delete(SweepState))
        session.execute(insert(SweepState).values(id=1, swept_at=ago, reap_after=started))


def end_leases(context: Context, steps: Sequence[UUID] | None = None) -> None:
    """Of these, or of all: as if their workers had been silent for an hour."""
    running = update(Step).where(Step.status == StepStatus.RUNNING)
    chosen = running if steps is None else running.where(Step.id.in_(steps))
    with context.sessions() as session, session.begin():
        session.execute(chosen.values(lease_until=text("clock_timestamp() - interval '1 hour'")))


def make_due(context: Context, job_id: UUID | None = None, days: int = 0) -> None:
    """Of this job, or of all: what is queued has been due for so many days."""
    queued = update(Step).where(Step.status == StepStatus.QUEUED)
    chosen = queued if job_id is None else queued.where(Step.job_id == job_id)
    with context.sessions() as session, session.begin():
        session.execute(chosen.values(due_at=text(f"clock_timestamp() - interval '{days} days 1 second'")))


def age_keys(context: Context) -> None:
    with context.sessions() as session, session.begin():
        session.execute(update(IdempotencyKey).values(created_at=text("now() - interval '25 hours'")))


def orphan(context: Context) -> str:
    """Bytes that no row names; they and all others are old. Returns the key."""
    key = f"recordings/{uuid4()}/source"
    context.blobs.put(key, [b"x"])
    for folder in (context.settings.blobs / "recordings").iterdir():
        os.utime(folder, (0, 0))
    return key


def drive_to_the_end(context: Context) -> None:
    """The sweep takes back what nobody holds on to; then workers that never fail, until nothing is due."""
    end_leases(context)
    prepare_sweep(context)
    jobs.sweep(context)
    for _ in range(200):
        make_due(context)
        steps = jobs.claim(context, "w", list(Kind), MODELS, 4)
        if not steps:
            return
        assert all(finish(context, step) for step in steps), "a step in hand could not be finished"
    raise AssertionError("after 200 rounds there was still work")


def outcome(call: Callable[[], Any], *expected: type[Exception]) -> Any:
    """What the call gives, or which of these errors it raises."""
    try:
        return call()
    except expected as error:
        return error


Meeting = Callable[[Context, Claimed, keys.Tenant], Any]
MEETINGS: dict[str, Meeting] = {
    **{name: lambda context, step, _, end=end: end(context, step) for name, end in ENDINGS.items()},  # type: ignore[misc]
    "emit": lambda context, step, _: step.kind is Kind.INGEST and emit(context, step),
    "heartbeat": lambda context, step, _: heartbeat(context, step),
    "note": lambda context, step, _: jobs.note(context, step, "noted", "once"),
    "claim": lambda context, step, _: jobs.claim(context, "w", list(Kind), MODELS, 3),
    "sweep": lambda context, step, _: jobs.sweep(context),
    "cancel": lambda context, step, owner: jobs.cancel(context, owner, step.job_id),
    "run again": lambda context, step, owner: jobs.run_again(context, owner, step.job_id),
    "run a stage again": lambda context, step, owner: jobs.run_again(context, owner, step.job_id, step.kind),
    "delete": lambda context, step, owner: jobs.delete(context, owner, step.job_id),
    "scavenge": lambda context, step, _: jobs.scavenge(context),
}
"""What two processes may do at the same moment, to a step and its job."""
