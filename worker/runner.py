"""Claim, do, record, ring: what a worker process does when it hears a ring, until nothing is due.

The only place that catches everything: whatever a step raises becomes a state of that step, and the process lives on.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core import jobs
from core.context import Context
from core.errors import DeadlinePassed, EngineError, InputError, OutOfMemory, ScriptoriumError, Unavailable
from core.options import Options
from core.states import Kind
from worker.engines.protocols import Clip, EngineFailure, Hypothesis, Recognizer
from worker.ingest_context import IngestContext, StepLost, pcm_key
from worker.pulse import Pulse
from worker.steps import assemble, ingest, transcribe

log = logging.getLogger(__name__)
OUTAGE_DELAY = 2.0
"""Seconds before a step is tried again that an outage, not the step, stopped."""
RECORDING_TRIES = 20
"""A result in hand is worth a minute of waiting for the database; then the lease has ended and another does it."""


class Draining(ScriptoriumError):
    """This process shall stop: the step is handed back, uncounted."""

    code = "draining"


@dataclass
class Runner:
    """One worker process. `batch` chunks go to the recognizer at once; it halves when the device has no room."""

    context: Context
    name: str
    kinds: tuple[Kind, ...]
    models: tuple[str, ...]
    recognizer: Recognizer | None
    pulse: Pulse
    batch: int = 1
    draining: threading.Event = field(default_factory=threading.Event)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def work(self) -> None:
        """On a ring. Waits where this process is at work already: what the ring was for may not be seen there."""
        with self._one_at_a_time:
            self._work()

    def look(self) -> None:
        """Without a ring. Nothing where this process is at work."""
        if self._one_at_a_time.acquire(blocking=False):
            try:
                self._work()
            finally:
                self._one_at_a_time.release()

    def drain(self) -> None:
        self.draining.set()
        self.pulse.drain()

    def _work(self) -> None:
        """Kinds in turn, until nothing of any is due."""
        while [kind for kind in self.kinds if self._once(kind)]:
            pass

    def _once(self, kind: Kind) -> bool:
        if self.draining.is_set():
            return False
        limit = self.batch if kind is Kind.TRANSCRIBE else 1
        try:
            steps = jobs.claim(self.context, self.name, [kind], self.models, limit)
        except Unavailable as error:
            log.warning("claiming: %s", error.message)
            return False
        if steps:
            with self.pulse.holding(steps):
                self._do(kind, steps)
        return bool(steps)

    def _do(self, kind: Kind, steps: Sequence[jobs.Claimed]) -> None:
        if kind is Kind.TRANSCRIBE:
            self._transcribe(steps)
        for step in steps:
            if kind is Kind.INGEST:
                self._guarded(step, lambda step=step: self._ingest(step))  # type: ignore[misc]
            elif kind is Kind.ASSEMBLE:
                self._guarded(step, lambda step=step: self._assemble(step))  # type: ignore[misc]

    def _ingest(self, step: jobs.Claimed) -> None:
        result = ingest.run(IngestContext(self.context, step, lambda: self._check(step)))
        self._record(lambda: jobs.finish(self.context, step, result, jobs.record_probe(result)))

    def _assemble(self, step: jobs.Claimed) -> None:
        document = assemble.document(step.job_id, jobs.assembly_facts(self.context, step.job_id))
        self._record(lambda: jobs.finish(self.context, step, {}, jobs.record_transcript(document)))

    def _transcribe(self, steps: Sequence[jobs.Claimed]) -> None:
        ready: list[tuple[jobs.Claimed, Clip]] = []
        for step in steps:
            self._guarded(step, lambda step=step: ready.append((step, self._clip(step))))  # type: ignore[misc]
        try:
            answers = self._decode([clip for _, clip in ready])
            if len(answers) != len(ready):
                raise EngineError(f"the recognizer gave {len(answers)} answers to {len(ready)} clips")
        except Exception as error:  # noqa: BLE001 - every step of the batch learns of it
            answers = [EngineFailure(_named(error))] * len(ready)
        for (step, _), answer in zip(ready, answers, strict=True):
            self._guarded(step, lambda step=step, answer=answer: self._heard(step, answer))  # type: ignore[misc]

    def _clip(self, step: jobs.Claimed) -> Clip:
        self._check(step)

        def read(part: int, start: int, length: int) -> bytes:
            key = pcm_key(step.recording_id, step.params["generation"], part)
            return self.context.blobs.read_range(key, start, length)

        return transcribe.clip(step.params, Options.model_validate(step.options), read)

    def _decode(self, clips: list[Clip]) -> list[Hypothesis | EngineFailure]:
        """In halves, when the device has no room for all; the smaller batch is remembered."""
        assert self.recognizer is not None
        try:
            return self.recognizer.transcribe(clips)
        except OutOfMemory as error:
            if len(clips) <= 1:
                return [EngineFailure(error)] * len(clips)
            self.batch = half = max(1, len(clips) // 2)
            log.warning("the device has no room for %d chunks at once; going on with %d", len(clips), half)
            return self._decode(clips[:half]) + self._decode(clips[half:])

    def _heard(self, step: jobs.Claimed, answer: Hypothesis | EngineFailure) -> None:
        if isinstance(answer, EngineFailure):
            raise answer.error
        assert self.recognizer is not None
        result = transcribe.result(answer, step.params, self.recognizer.info)
        segments = result.pop("segments")
        self._record(lambda: jobs.finish(self.context, step, result, jobs.record_segments(step.index, segments)))

    def _check(self, step: jobs.Claimed) -> None:
        if step.id in self.pulse.lost:
            raise StepLost("the step was cancelled or taken over")
        if step.id in self.pulse.overdue:
            raise DeadlinePassed(f"this step ran for longer than {step.deadline:g} s")
        if self.draining.is_set():
            raise Draining("this worker is stopping")

    def _record(self, write: Callable[[], bool]) -> None:
        """The result is here: an outage of the database is waited for. Writing twice changes nothing."""
        for _ in range(RECORDING_TRIES):
            try:
                if not write():
                    log.info("a late result was refused")
                return
            except Unavailable as error:
                log.warning("recording a result: %s", error.message)
                threading.Event().wait(OUTAGE_DELAY)

    def _guarded(self, step: jobs.Claimed, do: Callable[[], Any]) -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes the step's state
            self._settle(step, error)

    def _settle(self, step: jobs.Claimed, error: Exception) -> None:
        """The lease ends what cannot be written here."""
        log.info("%s %s of job %s, attempt %d: %s", step.kind, step.index, step.job_id, step.attempt, _said(error))
        if not isinstance(error, ScriptoriumError):
            log.error("unexpected error in step %s", step.id, exc_info=error)
        try:
            if isinstance(error, StepLost):
                return
            if isinstance(error, Draining):
                jobs.hand_back(self.context, step)
            elif isinstance(error, Unavailable):
                jobs.hand_back(self.context, step, OUTAGE_DELAY)
            elif isinstance(error, InputError):
                jobs.fail(self.context, step, error)
            else:
                jobs.retry(self.context, step, _named(error))
        except Unavailable as outage:
            log.warning("recording a failure: %s", outage.message)


def _named(error: Exception) -> ScriptoriumError:
    if isinstance(error, ScriptoriumError):
        return error
    return EngineError(
        f"an unexpected {type(error).__name__} in the worker; its log has the details", code="internal_error"
    )


def _said(error: Exception) -> str:
    return f"{error.code}: {error.message}" if isinstance(error, ScriptoriumError) else type(error).__name__
