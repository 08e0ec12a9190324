"""What the suite leans on: a ring that is diverted stays a whole request, a clock that is off is off everywhere."""

import subprocess
import sys
from pathlib import Path

from tests.faults.control import RAISE, Control, Rule
from tests.faults.postbox import divert

_PRESENT = """
import datetime, time
true, monotonic = (time.time(), datetime.datetime.now()), time.monotonic()
from tests.faults.skewed import shift
shift(3600)
import datetime
now = datetime.datetime.now(datetime.UTC)
assert 3590 < time.time() - true[0] < 3660, "time.time"
assert 3590 < (datetime.datetime.now() - true[1]).total_seconds() < 3660, "datetime.now"
assert time.monotonic() - monotonic < 60, "a clock that is set does not move the monotonic one"
assert isinstance(true[1], datetime.datetime), "datetimes of before are datetimes"
"""


def test_a_diverted_ring_has_as_many_bytes() -> None:
    ring = b"*3\r\n$5\r\nLPUSH\r\n$18\r\nscriptorium:ingest\r\n$2\r\n{}\r\n"
    assert divert(ring) == ring.replace(b"scriptorium:", b"diverted---:")
    assert len(divert(ring)) == len(ring)


def test_what_is_no_ring_goes_its_way() -> None:
    waiting = b"*3\r\n$5\r\nBRPOP\r\n$18\r\nscriptorium:ingest\r\n$1\r\n1\r\n"
    assert divert(waiting) == waiting


def test_a_skewed_process_believes_in_another_hour() -> None:
    subprocess.run([sys.executable, "-c", _PRESENT], check=True, timeout=60)


def test_a_rule_is_followed_so_many_times_and_no_more(tmp_path: Path) -> None:
    control, rule = Control(tmp_path), Rule("once", RAISE, 3, 5, times=2)
    control.set(rule, seconds=0.5)
    assert control.read() == (0.5, [rule])
    assert [control.take(rule) for _ in range(3)] == [True, True, False]
    assert control.taken("once") == 2
