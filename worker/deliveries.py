"""A process that delivers webhooks: one thread that claims, and one for each delivery under way, which mostly waits.

What is sent is not ended at a shutdown: a receiver would not know whether it counts, and it is over within seconds.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from core.context import Context
from core.errors import Unavailable
from core.webhooks import outcomes, sending
from core.webhooks.outcomes import Outcome
from core.webhooks.sending import Parcel
from worker.outgoing import Outgoing
from worker.post import post

log = logging.getLogger(__name__)
RECORDING_TRIES = 10
OUTAGE_DELAY = 2.0
"""Seconds between tries to write down what became of a delivery; then its lease has ended, and it is sent again."""


@dataclass
class Dispatcher:
    """`send`: a test may put its own in place."""

    context: Context
    name: str
    outgoing: Outgoing
    send: Callable[[Outgoing, Parcel, float], Outcome] = post
    _woken: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _busy: int = 0

    def __post_init__(self) -> None:
        self._places = max(1, self.context.settings.deliveries)
        self._pool = ThreadPoolExecutor(self._places, thread_name_prefix="deliver")
        self._thread = threading.Thread(target=self._watch, name="dispatch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Something may be due."""
        self._woken.set()

    def drain(self) -> None:
        """Nothing new from now on."""
        self._stopping.set()
        self._woken.set()

    def stop(self) -> None:
        """Once what is under way has ended."""
        self.drain()
        if self._thread.ident is not None:
            self._thread.join()
        self._pool.shutdown()

    @property
    def busy(self) -> int:
        with self._lock:
            return self._busy

    def work(self) -> int:
        """Claims what is due and free places can hold, and begins with it. How many."""
        free = self._places - self.busy
        if free <= 0 or self._stopping.is_set():
            return 0
        parcels = sending.claim(self.context, self.name, free)
        with self._lock:
            self._busy += len(parcels)
        for parcel in parcels:
            self._pool.submit(self._deliver, parcel).add_done_callback(self._done)
        return len(parcels)

    def _watch(self) -> None:
        """On a ring, when a place becomes free, and now and then: a ring may be lost."""
        while not self._stopping.is_set():
            try:
                while self.work():
                    pass
            except Unavailable as error:
                log.warning("claiming deliveries: %s", error.message)
            self._woken.wait(self.context.settings.look)
            self._woken.clear()

    def _done(self, done: "Future[None]") -> None:
        with self._lock:
            self._busy -= 1
        self._woken.set()
        if (error := done.exception()) is not None:
            log.error("unexpected error in a delivery; its lease ends it", exc_info=error)

    def _deliver(self, parcel: Parcel) -> None:
        outcome = self.send(self.outgoing, parcel, self.context.settings.delivery_seconds)
        said = "received" if outcome.error is None else outcome.error["code"]
        log.info("delivery %s, attempt %d: %s", parcel.id, parcel.attempt, said)
        for _ in range(RECORDING_TRIES):
            try:
                if not outcomes.record(self.context, parcel, outcome):
                    log.info("a late outcome of delivery %s was refused", parcel.id)
                return
            except Unavailable as error:
                log.warning("recording a delivery: %s", error.message)
                threading.Event().wait(OUTAGE_DELAY)
