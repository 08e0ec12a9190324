"""The three recoveries that are promised in seconds, measured with the timings of production.

Killed worker: from the kill until another process works on every step that it held. Wiped bell and half-open
connection: from the fault until a recording sent then has gone through a light worker into a transcriber's hands.
Redis is stopped for 30 s here too, without a promise.
"""

import time

from tests.faults.kinds.redis import half_open, paused, wiped
from tests.faults.ledger import Held
from tests.faults.rounds import Fault, Round
from tests.faults.stack import TRANSCRIBERS

PROMISED = {"worker killed": 30.0, "bell wiped": 30.0, "broker half open": 25.0}
"""Seconds, for 95 of 100."""


def _both_killed(played: Round) -> None:
    """Two samples at once, each at a random moment between two sweeps."""
    played.submit_some(least=30.0)
    waiting: list[tuple[float, list[Held]]] = []
    for name in TRANSCRIBERS:
        for _ in range(2):  # so much that there is work until it is killed
            played.submit_some(least=30.0)
        played.moment(played.stack.timing.sweep)
        _, held = played.busy("transcribe", [name])
        waiting.append((time.monotonic(), held))
        played.stack.children.kill(name)
        played.injected += 1

    def all_go_on() -> bool:
        for one in list(waiting):
            if played.stack.ledger.goes_on(one[1]):
                waiting.remove(one)
                played.recoveries.append(time.monotonic() - one[0])
        return not waiting

    played.until(all_go_on, "the steps of a killed worker did not go on")


FAULTS = (
    Fault("worker killed", _both_killed, rounds=10, seconds=1.5),
    Fault("bell wiped", wiped, rounds=20, seconds=0.1),
    Fault("broker half open", half_open, rounds=20, seconds=0.1),
    Fault("Redis stopped for 30 s", paused, rounds=3),
)
