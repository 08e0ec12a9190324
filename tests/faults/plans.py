"""Which rounds are played: the short form, the long one, and what they must show."""

import random
from collections.abc import Iterable

from tests.faults.kinds import EVERY
from tests.faults.kinds.promises import FAULTS as PROMISES
from tests.faults.kinds.promises import PROMISED
from tests.faults.report import Line, p95
from tests.faults.rounds import Fault

Plan = list[tuple[Fault, int]]
"""Rounds in order, each with how often its script is played."""


def short(seed: int, names: Iterable[str] = EVERY) -> Plan:
    """Each kind once, in an order of the seed."""
    rounds = [(EVERY[name], 1) for name in names]
    random.Random(seed).shuffle(rounds)
    return rounds


def long(seed: int, names: Iterable[str] = EVERY) -> Plan:
    rounds = [(EVERY[name], EVERY[name].most) for name in names for _ in range(EVERY[name].rounds)]
    random.Random(seed).shuffle(rounds)
    return rounds


def promises(share: float = 1.0) -> Plan:
    """With production timings. `share` of the samples."""
    return [(fault, 1) for fault in PROMISES for _ in range(max(1, round(share * fault.rounds)))]


def broken(lines: Iterable[Line]) -> list[str]:
    """Recoveries that take longer than promised."""
    slow = [(line, p95(line.recovery)) for line in lines if line.fault in PROMISED]
    return [
        f"{line.fault}: recovered within {worst:.1f} s (p95); promised are {PROMISED[line.fault]:.0f} s"
        for line, worst in slow
        if worst is not None and worst > PROMISED[line.fault]
    ]
