"""The heartbeat of one worker process: a thread that renews the leases of what is held, also while native code runs."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from core import jobs
from core.context import Context
from core.errors import Unavailable

log = logging.getLogger(__name__)


class Pulse:
    def __init__(self, context: Context, worker: str) -> None:
        self._context, self._worker = context, worker
        self._held: dict[UUID, jobs.Claimed] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
        self.lost: set[UUID] = set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._context.settings.heartbeat)

    @property
    def held(self) -> list[jobs.Claimed]:
        with self._lock:
            return list(self._held.values())

    @contextmanager
    def holding(self, steps: Sequence[jobs.Claimed]) -> Iterator[None]:
        with self._lock:
            self._held.update({step.id: step for step in steps})
        try:
            yield
        finally:
            for step in steps:
                self.release(step)

    def release(self, step: jobs.Claimed) -> None:
        with self._lock:
            self._held.pop(step.id, None)
            self.lost.discard(step.id)

    def _beat(self) -> None:
        while not self._stopped.wait(self._context.settings.heartbeat):
            held = self.held
            try:
                kept = jobs.heartbeat(self._context, self._worker, held)
            except Unavailable as error:
                log.warning("heartbeat: %s", error.message)
                continue
            with self._lock:
                self.lost.update(step.id for step in held if step.id not in kept and step.id in self._held)
