"""How many deliveries a receiver may have at one time, by how it did lately; and whose turn it is. Pure.

A receiver that hangs, drips or is gone costs everybody else nothing: one that is not known to be well gets one delivery
at a time, all such ones together half of the places, and one that fails again and again rests in between.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

WIDTH = 4
"""Deliveries that a receiver which is well may have at one time."""
SLOW = 3.0
"""Seconds from which on an answer is slow, whatever it is."""
HESITATION = 1.0
"""Seconds: while one of its deliveries is under way for longer, a receiver gets no other."""
OPENS = 5
"""Failures in a row, from which on a receiver rests before each further try."""
SHORTEST_REST, LONGEST_REST = 5.0, 300.0
"""Seconds; doubled with each failure."""


@dataclass(frozen=True)
class Health:
    """`failures` in a row; `proven`: the last one went well; `slow`: and took long."""

    failures: int = 0
    proven: bool = False
    slow: bool = False

    @property
    def width(self) -> int:
        return WIDTH if self.proven and not self.slow else 1

    @property
    def open(self) -> bool:
        return self.failures >= OPENS

    @property
    def rest(self) -> float:
        """Seconds before the next try."""
        doubled = min(self.failures - OPENS, 10)  # 2 to the power of a thousand failures is no float
        return min(SHORTEST_REST * 2.0**doubled, LONGEST_REST) if self.open else 0.0

    def after(self, *, success: bool, seconds: float) -> "Health":
        if success:
            return Health(0, True, seconds >= SLOW)
        return replace(self, failures=min(self.failures + 1, 10_000), proven=False, slow=seconds >= SLOW)


@dataclass(frozen=True)
class Waiting:
    """A delivery that is due, among the oldest of its receiver. `since`: seconds; the larger, the longer it waits."""

    id: UUID
    receiver: UUID
    tenant: UUID
    well: bool
    since: float


@dataclass(frozen=True)
class UnderWay:
    """Of one receiver: how many are on their way."""

    tenant: UUID
    well: bool
    count: int


def room(health: Health, count: int, oldest: float) -> int:
    """How many more a receiver may have, with `count` under way, of which the oldest is `oldest` seconds old."""
    if count and oldest >= HESITATION:
        return 0
    return max(0, health.width - count)


def choose(waiting: Sequence[Waiting], under_way: Iterable[UnderWay], places: int, free: int) -> list[UUID]:
    """At most `free`: of the tenant that has the fewest under way first, then what waits longest. Of receivers that are
    not known to be well at most half of the `places`, so that the others always find one."""
    held: dict[UUID, int] = {}
    unwell = 0
    for one in under_way:
        held[one.tenant] = held.get(one.tenant, 0) + one.count
        unwell += 0 if one.well else one.count
    chosen: list[UUID] = []
    left = _by_tenant(waiting)
    while len(chosen) < free and left:
        tenant = min(left, key=lambda one: (held.get(one, 0), -left[one][0].since))
        first = left[tenant].pop(0)
        if not left[tenant]:
            del left[tenant]
        if not first.well and unwell >= max(1, places // 2):
            continue
        unwell += not first.well
        held[tenant] = held.get(tenant, 0) + 1
        chosen.append(first.id)
    return chosen


def _by_tenant(waiting: Sequence[Waiting]) -> dict[UUID, list[Waiting]]:
    found: dict[UUID, list[Waiting]] = {}
    for one in sorted(waiting, key=lambda one: -one.since):
        found.setdefault(one.tenant, []).append(one)
    return found
