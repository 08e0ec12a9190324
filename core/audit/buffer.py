"""How entries of requests get into the table: at once, or together within a moment."""

import logging
import threading
from collections import deque

from core.audit.entries import Entry, record
from core.context import Context
from core.database import transaction
from core.errors import Unavailable

log = logging.getLogger(__name__)

MOST = 10_000
"""Entries that wait at one time, some megabytes: what comes in an outage of Postgres is told of by number beyond."""
AT_ONCE = 500
LOST = "LOST"
"""In place of a method: entries that found no room. Their number stands in the parameters."""


class Trail:
    """Of one process. `every`: seconds that an entry may wait for others; 0 writes each at once.

    What waits is lost when the process is killed, and only then; what is written at once is not. While Postgres is
    away all wait, whatever was asked for.
    """

    def __init__(self, context: Context, every: float) -> None:
        self._context, self._every = context, every
        self._waiting: deque[Entry] = deque()
        self._lost = 0
        self._changing, self._writing = threading.Lock(), threading.Lock()
        self._hurry = threading.Event()
        self._writer: threading.Thread | None = None

    def note(self, entry: Entry, *, at_once: bool) -> None:
        """Raises nothing that an answer would have to change for: the request was served, and its entry waits."""
        if at_once or not self._every:
            try:
                self._write([entry])
                return
            except Unavailable as error:
                log.warning("an audit entry waits: %s", error.message)
        self._keep(entry)

    def close(self) -> None:
        """Writes what waits. Call it when no request can come any more."""
        self._hurry.set()
        if not self.flush():
            log.error("%d audit entries are lost: the database does not answer", len(self._waiting) + self._lost)

    def flush(self) -> bool:
        """Whether nothing waits any more. What was written and not answered is written again, as the same entries."""
        with self._writing:
            while batch := self._next():
                try:
                    self._write(batch)
                except Unavailable as error:
                    log.warning("%d audit entries wait: %s", len(self._waiting), error.message)
                    return False
                with self._changing:
                    for _ in batch:
                        self._waiting.popleft()
            return True

    def _keep(self, entry: Entry) -> None:
        with self._changing:
            if len(self._waiting) >= MOST:
                self._lost += 1
                return
            self._waiting.append(entry)
            if self._writer is None:
                self._writer = threading.Thread(target=self._run, name="audit", daemon=True)
                self._writer.start()

    def _next(self) -> list[Entry]:
        """What was lost meanwhile is said as soon as there is room to say it."""
        with self._changing:
            if self._lost and len(self._waiting) < MOST:
                self._waiting.append(Entry(LOST, "audit buffer", parameters={"count": str(self._lost)}))
                self._lost = 0
            return [self._waiting[index] for index in range(min(AT_ONCE, len(self._waiting)))]

    def _run(self) -> None:
        """Lives as long as something waits: an idle server, and a test, has no thread of this."""
        while True:
            self._hurry.wait(self._every or 1.0)
            if self._hurry.is_set():
                return  # close() writes the rest
            self.flush()
            with self._changing:
                if not self._waiting and not self._lost:
                    self._writer = None
                    return

    def _write(self, batch: list[Entry]) -> None:
        with transaction(self._context.sessions) as session:
            record(session, *batch)
