"""The heartbeat of one worker process: a thread that renews the leases of what is held, also while native code runs.

It also keeps time. A step past its deadline is told so; where nobody listens, because a native call hangs, and where a
stop takes too long, the thread puts back what is held and ends the process. Its supervisor starts another.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from core import jobs
from core.context import Context
from core.errors import DeadlinePassed, Unavailable

log = logging.getLogger(__name__)

RECYCLED = 75
"""Exit code of a process that ended itself: EX_TEMPFAIL of sysexits.h."""


class Pulse:
    """`lost`: steps that were cancelled or taken over. `overdue`: past their deadline. `announce` says who this worker
    is, at the start and after an outage, in which it may have been forgotten. `leave` ends the process."""

    def __init__(
        self,
        context: Context,
        worker: str,
        announce: Callable[[], object] = lambda: None,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._context, self._worker, self._announce, self._leave = context, worker, announce, leave
        self._held: dict[UUID, tuple[jobs.Claimed, float]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
        self._drained_by: float | None = None
        self._silenced = False
        self.lost: set[UUID] = set()
        self.overdue: set[UUID] = set()

    def start(self) -> None:
        self._announce()
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._context.settings.heartbeat)

    def drain(self) -> None:
        """From now on the process has `settings.drain` seconds to finish what it holds."""
        self._drained_by = time.monotonic() + self._context.settings.drain

    @property
    def held(self) -> list[jobs.Claimed]:
        with self._lock:
            return [step for step, _ in self._held.values()]

    def hold(self, steps: Sequence[jobs.Claimed]) -> None:
        """From now on, until each is released."""
        with self._lock:
            self._held.update({step.id: (step, time.monotonic() + step.deadline) for step in steps})

    def release(self, step: jobs.Claimed) -> None:
        with self._lock:
            self._held.pop(step.id, None)
            self.lost.discard(step.id)
            self.overdue.discard(step.id)

    def _beat(self) -> None:
        interval = self._context.settings.heartbeat
        beaten = time.monotonic()
        while not self._stopped.wait(min(interval, 1.0)):
            self._keep_time(interval)
            if time.monotonic() - beaten >= interval:
                beaten = time.monotonic()
                self._renew()

    def _renew(self) -> None:
        held = self.held
        try:
            if self._silenced:
                self._announce()
            kept = jobs.heartbeat(self._context, self._worker, held)
        except Unavailable as error:
            log.warning("heartbeat: %s", error.message)
            self._silenced = True
            return
        self._silenced = False
        with self._lock:
            self.lost.update(step.id for step in held if step.id not in kept and step.id in self._held)

    def _keep_time(self, grace: float) -> None:
        """A step that is told has one heartbeat's time to listen."""
        now = time.monotonic()
        with self._lock:
            ends = {step.id: end for step, end in self._held.values()}
            self.overdue = {step_id for step_id, end in ends.items() if now > end}
        if any(now > end + grace for end in ends.values()):
            log.error("a step is past its deadline and does not listen; this process ends and is started anew")
            self._put_back()
            self._leave(RECYCLED)
        elif self._drained_by is not None and now > self._drained_by and ends:
            log.warning("stopping takes too long; what is held goes back")
            self._put_back()
            self._leave(0)

    def _put_back(self) -> None:
        """Overdue steps are tried again, which counts; their neighbours are handed back. Where the database does not
        answer either, their leases end."""
        for step in self.held:
            try:
                if step.id in self.overdue:
                    late = DeadlinePassed(f"this step ran for longer than {step.deadline:g} s")
                    jobs.retry(self._context, step, late)
                else:
                    jobs.hand_back(self._context, step)
            except Unavailable as error:
                log.warning("putting back a step: %s", error.message)
        try:
            jobs.resign(self._context, self._worker)
        except Unavailable as error:
            log.warning("resigning: %s", error.message)
