"""Claim, do, record, ring: what a worker process does when it hears a ring, until nothing is due.

The only place that catches everything: whatever a step raises becomes a state of that step, and the process lives on.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core import jobs
from core.context import Context
from core.errors import DeadlinePassed, EngineError, InputError, ScriptoriumError, Unavailable
from core.states import RECOGNIZED, Kind
from worker.batches import Batches
from worker.ingest_context import IngestContext, StepLost
from worker.outgoing import Outgoing
from worker.pulse import Pulse
from worker.speakers import Speakers
from worker.steps import assemble, fetch, ingest

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
    """One worker process. `batches`: where it serves a recognizer; `speakers`: where it serves a diarizer; `outgoing`:
    where it fetches. `slots`: steps that it does at one time, more than one only where each mostly waits for others."""

    context: Context
    name: str
    kinds: tuple[Kind, ...]
    models: tuple[str, ...]
    pulse: Pulse
    draining: threading.Event = field(default_factory=threading.Event)
    batches: Batches | None = None
    speakers: Speakers | None = None
    outgoing: Outgoing | None = None
    slots: int = 1
    _free: threading.Semaphore = field(init=False)
    _decoded_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._free = threading.BoundedSemaphore(self.slots)

    def work(self) -> None:
        """On a ring. Waits where this process is at work already: what the ring was for may not be seen there."""
        with self._free:
            self._work()

    def look(self) -> None:
        """Without a ring. Nothing where this process is at work. A model that was idle for long frees its device."""
        if self._free.acquire(blocking=False):
            try:
                self._work()
                self._rest()
            finally:
                self._free.release()

    def drain(self) -> None:
        self.draining.set()
        self.pulse.drain()

    def _work(self) -> None:
        """Kinds in turn, until nothing of any is due."""
        while any([self._batch(), *map(self._once, self.kinds)]):
            pass

    def _batch(self) -> bool:
        steps = self.batches.next() if self.batches else []
        if self.batches and steps:
            self.batches.run(steps)
            self._decoded_at = time.monotonic()
        return bool(steps)

    def _rest(self) -> None:
        limit = self.context.settings.idle_unload
        if self.batches and limit and time.monotonic() - self._decoded_at > limit:
            self.batches.recognition.recognizer.rest()

    def _once(self, kind: Kind) -> bool:
        """One step of a kind that no recognizer does."""
        if kind in RECOGNIZED:
            return False
        steps = self.claim([kind], 1)
        for step in steps:
            self.guarded(step, lambda step=step: self._do(step))  # type: ignore[misc]
            self.release(step)
        return bool(steps)

    def _do(self, step: jobs.Claimed) -> None:
        {
            Kind.FETCH: self._fetch,
            Kind.INGEST: self._ingest,
            Kind.DIARIZE: self._diarize,
            Kind.CLUSTER: self._cluster,
            Kind.ASSEMBLE: self._assemble,
        }[step.kind](step)

    def _fetch(self, step: jobs.Claimed) -> None:
        assert self.outgoing is not None
        with fetch.fetched(self.context, step.params["url"], self.outgoing, lambda: self.check(step)) as incoming:
            self.record(lambda: jobs.finish(self.context, step, {}, jobs.record_fetched(incoming)))

    def _ingest(self, step: jobs.Claimed) -> None:
        result = ingest.run(IngestContext(self.context, step, lambda: self.check(step)))
        self.record(lambda: jobs.finish(self.context, step, result, jobs.record_probe(result, step.sound)))

    def _diarize(self, step: jobs.Claimed) -> None:
        assert self.speakers is not None
        self.record(self.speakers.block(step, lambda: self.check(step)))

    def _cluster(self, step: jobs.Claimed) -> None:
        assert self.speakers is not None
        self.record(self.speakers.clustered(step))

    def _assemble(self, step: jobs.Claimed) -> None:
        made = assemble.assembled(step.job_id, jobs.assembly_facts(self.context, step.job_id))
        effect = jobs.record_transcript(made.document, made.changed)
        self.record(lambda: jobs.finish(self.context, step, {}, effect))

    def claim(self, kinds: Sequence[Kind], limit: int, *, beside: bool = False) -> list[jobs.Claimed]:
        """In this worker's hands, until they are released."""
        if self.draining.is_set():
            return []
        try:
            steps = jobs.claim(self.context, self.name, kinds, self.models, limit, beside=beside)
        except Unavailable as error:
            log.warning("claiming: %s", error.message)
            return []
        self.pulse.hold(steps)
        return steps

    def release(self, step: jobs.Claimed) -> None:
        self.pulse.release(step)

    def check(self, step: jobs.Claimed) -> None:
        if step.id in self.pulse.lost:
            raise StepLost("the step was cancelled or taken over")
        if step.id in self.pulse.overdue:
            raise DeadlinePassed(f"this step ran for longer than {step.deadline:g} s")
        if self.draining.is_set():
            raise Draining("this worker is stopping")

    def record(self, write: Callable[[], bool]) -> None:
        """The result is here: an outage of the database is waited for. Writing twice changes nothing."""
        for _ in range(RECORDING_TRIES):
            try:
                if not write():
                    log.info("a late result was refused")
                return
            except Unavailable as error:
                log.warning("recording a result: %s", error.message)
                threading.Event().wait(OUTAGE_DELAY)

    def guarded(self, step: jobs.Claimed, do: Callable[[], Any]) -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes the step's state
            self._settle(step, error)

    def tried(self, do: Callable[[], list[Any]]) -> list[Any] | ScriptoriumError:
        """For what is done for several steps at once: each learns of it."""
        try:
            return do()
        except Exception as error:
            if not isinstance(error, ScriptoriumError):
                log.error("unexpected error in a batch", exc_info=error)
            return _named(error)

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
