"""What the fault suite found, as tables of plain text. Values in, text out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_HEADS = ("injected", "accepted", "completed", "lost", "duplicated", "differ", "p95 s", "samples")
_SHORT = ("inj.", "acc.", "compl.", "lost", "dup.", "differ", "p95 s")
_NOTHING = "-"


@dataclass(frozen=True)
class Line:
    """One kind of fault: how often it was injected, and the recordings that were under way then.

    `recovery`: seconds from an injection until the work that it hit went on, one a sample.
    """

    fault: str
    injected: int
    accepted: int
    completed: int
    lost: int
    duplicated: int
    differ: int
    recovery: tuple[float, ...] = ()

    @property
    def in_order(self) -> bool:
        return not (self.lost or self.duplicated or self.differ)


def p95(samples: Sequence[float]) -> float | None:
    """By nearest rank: the smallest sample that at least 95 % do not exceed. None of none."""
    ordered = sorted(samples)
    return ordered[math.ceil(0.95 * len(ordered)) - 1] if ordered else None


def total(lines: Sequence[Line]) -> Line:
    """Recoveries of different faults are not one quantity: they are left out."""
    counts = ("injected", "accepted", "completed", "lost", "duplicated", "differ")
    return Line("total", *(sum(getattr(line, count) for line in lines) for count in counts))


def table(lines: Sequence[Line], title: str) -> str:
    """A line a fault in the order given, and the total."""
    rows = [[*_cells(line), str(len(line.recovery)) if line.recovery else _NOTHING] for line in lines]
    rows.append([*_cells(total(lines)), _NOTHING])
    return f"{title}\n{_drawn(('fault', *_HEADS), rows)}"


def side_by_side(ours: Sequence[Line], baseline: Sequence[Line]) -> str:
    """Both results of each fault that either knows, in our order; the totals are over those that both know."""
    mine, theirs = ({line.fault: line for line in lines} for lines in (ours, baseline))
    names = [*mine, *(name for name in theirs if name not in mine)]
    both = [name for name in names if name in mine and name in theirs]
    rows = [[name, *_counts(mine.get(name)), "|", *_counts(theirs.get(name))] for name in names]
    totals = [total([lines[name] for name in both]) for lines in (mine, theirs)]
    rows.append(["total of both", *_counts(totals[0]), "|", *_counts(totals[1])])
    heads = ("fault", *_SHORT, "|", *_SHORT)
    return f"Scriptorium (left) and plain Celery on Redis (right)\n{_drawn(heads, rows)}"


def _cells(line: Line) -> list[str]:
    return [line.fault, *_counts(line)]


def _counts(line: Line | None) -> list[str]:
    if line is None:
        return [_NOTHING] * len(_SHORT)
    counts = (line.injected, line.accepted, line.completed, line.lost, line.duplicated, line.differ)
    worst = p95(line.recovery)
    return [*map(str, counts), _NOTHING if worst is None else f"{worst:.1f}"]


def _drawn(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, figures to the right, a rule above the last row."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    drawn = [_row(row, widths) for row in [heads, *rows]]
    rule = "-" * max(map(len, drawn))
    return "\n".join([drawn[0], rule, *drawn[1:-1], rule, drawn[-1]])


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if not at else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *others]).rstrip()
