"""`python -m tests.faults.skewed SECONDS MODULE ARGUMENT…` runs a program whose wall clock is off by so many seconds.

Only this process believes it: `time.time` and `datetime` are replaced before anything else is imported. Monotonic
clocks stay true, as they do when a real clock is set.
"""

import datetime as calendar
import runpy
import sys
import time
from typing import Any

_true_time = time.time
_TrueDatetime = calendar.datetime


def shift(seconds: float) -> None:
    """From now on, for whoever imports `time` or `datetime` later."""
    off = calendar.timedelta(seconds=seconds)

    class Meta(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, _TrueDatetime)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, _TrueDatetime)

    class Skewed(_TrueDatetime, metaclass=Meta):
        """Makes true datetimes of a wrong present."""

        def __new__(cls, *given: Any, **named: Any) -> Any:
            return _TrueDatetime(*given, **named)

        @classmethod
        def now(cls, tz: calendar.tzinfo | None = None) -> Any:
            return _TrueDatetime.now(tz) + off

        @classmethod
        def utcnow(cls) -> Any:
            return _TrueDatetime.now(calendar.UTC).replace(tzinfo=None) + off

        @classmethod
        def today(cls) -> Any:
            return _TrueDatetime.now() + off

    time.time = lambda: _true_time() + seconds
    time.time_ns = lambda: int((_true_time() + seconds) * 1e9)
    calendar.datetime = Skewed  # type: ignore[misc]


if __name__ == "__main__":
    shift(float(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
