"""A request to stop, noticed at chosen points only, so that no step of starting or stopping is cut in two."""

import os
import select
import signal
import time
from types import FrameType

_SAME_REQUEST = 1.0
"""Seconds: `timeout` and some terminals send one request twice, to the process and to its group."""

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody asked this process to stop."""


class StopRequest:
    """`count` is how often it was asked: the second time means "now"."""

    def __init__(self) -> None:
        self.count = 0
        self._last = 0.0
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def install(self) -> None:
        """From the main thread. The handler never raises: code that is not at a `pause` is not interrupted."""
        for number in NUMBERS:
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.count and time.monotonic() - self._last < _SAME_REQUEST:
            return
        self._last = time.monotonic()
        self.count += 1
        try:
            os.write(self._write, b".")
        except BlockingIOError:
            pass  # the pipe is full of requests already

    def pause(self, seconds: float) -> None:
        """Waits; raises Stopped at once when asked to stop, also before."""
        if not self.count:
            select.select([self._read], [], [], seconds)
        if self.count:
            raise Stopped
