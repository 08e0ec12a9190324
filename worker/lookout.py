"""Looks for work when no ring was heard for a while: Redis only makes things quick, and may be down for days."""

import logging
import threading
from collections.abc import Callable

from core.errors import Unavailable

log = logging.getLogger(__name__)


class Lookout:
    """Calls `look` after every `seconds` in which `heard` was not called. One thread."""

    def __init__(self, look: Callable[[], object], seconds: float) -> None:
        self._look, self._seconds = look, seconds
        self._heard = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._watch, name="lookout", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._heard.set()

    def heard(self) -> None:
        self._heard.set()

    def _watch(self) -> None:
        while not self._stopped:
            if self._heard.wait(self._seconds):
                self._heard.clear()
                continue
            try:
                self._look()
            except Unavailable as error:
                log.warning("looking for work: %s", error.message)
