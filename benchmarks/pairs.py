"""Two sides of one comparison, measured in turns, so that what else the machine does meets both."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Generic, TypeVar

Ours = TypeVar("Ours")
Theirs = TypeVar("Theirs")


@dataclass(frozen=True)
class Pairs(Generic[Ours, Theirs]):
    """Each measured right before or after its partner."""

    ours: Sequence[Ours]
    theirs: Sequence[Theirs]

    def ratio(self, ours: Callable[[Ours], float], theirs: Callable[[Theirs], float]) -> str:
        """The median of the pairs' own ratios, and their range."""
        found = [ours(one) / theirs(other) for one, other in zip(self.ours, self.theirs, strict=True)]
        return f"{median(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def alternating(
    count: int, ours: Callable[[int], Ours], theirs: Callable[[int], Theirs], say: Callable[[str], object] = print
) -> Pairs[Ours, Theirs]:
    """Ours first in even turns, theirs in odd ones. Both are told the turn; `say` hears how each pair went."""
    first: list[Ours] = []
    second: list[Theirs] = []
    for turn in range(count):
        sides: list[Callable[[], object]] = [
            lambda turn=turn: first.append(ours(turn)),  # type: ignore[misc]
            lambda turn=turn: second.append(theirs(turn)),  # type: ignore[misc]
        ]
        for side in sides if turn % 2 == 0 else reversed(sides):
            side()
        say(f"pair {turn + 1} of {count}: {first[-1]}, {second[-1]}")
    return Pairs(first, second)


def middle(values: Iterable[float], form: str = ".2f") -> str:
    """The median, in words."""
    return format(median(values), form)


def table(rows: Sequence[Sequence[str]]) -> str:
    """As Markdown; the first row is the head."""
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])
