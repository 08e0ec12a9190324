"""What became of the cases, as a table. Values in, text out."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.hostile.cases import COMPLETED
from tests.hostile.house import Answer

_HEADS = ("kind", "cases", "completed", "warned", "slowest s", "refused or failed, by code")


def table(answers: Sequence[Answer]) -> str:
    """A line a kind, and the total."""
    kinds = dict.fromkeys(answer.case.kind for answer in answers)
    rows = [_row(kind, [one for one in answers if one.case.kind == kind]) for kind in kinds]
    rows.append(_row("total", answers))
    widths = [max(len(row[column]) for row in [_HEADS, *rows]) for column in range(len(_HEADS))]
    drawn = [_drawn(row, widths) for row in [_HEADS, *rows]]
    rule = "-" * max(map(len, drawn))
    return "\n".join([drawn[0], rule, *drawn[1:-1], rule, drawn[-1]])


def _row(name: str, answers: Sequence[Answer]) -> tuple[str, ...]:
    heard = [answer for answer in answers if answer.code == COMPLETED]
    codes = Counter(answer.code for answer in answers if answer.code != COMPLETED)
    slowest = max(answer.seconds for answer in answers)
    warned = sum(bool(answer.warnings) for answer in heard)
    said = ", ".join(f"{code} {count}" for code, count in codes.most_common())
    return name, str(len(answers)), str(len(heard)), str(warned), f"{slowest:.1f}", said


def _drawn(row: Iterable[str], widths: Sequence[int]) -> str:
    first, *figures, last = row
    cells = [first.ljust(widths[0])]
    cells += [figure.rjust(width) for figure, width in zip(figures, widths[1:], strict=False)]
    return "  ".join([*cells, last]).rstrip()
