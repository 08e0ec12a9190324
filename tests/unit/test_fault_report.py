"""The tables of the fault suite."""

import pytest

from tests.faults.report import Line, p95, side_by_side, table, total

KILL = Line("kill", 20, 60, 60, 0, 0, 0, (1.0, 2.5, 9.0))
WIPE = Line("wipe", 5, 15, 12, 3, 1, 2)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ((), None),
        ((4.0,), 4.0),
        (tuple(range(1, 21)), 19),  # one of twenty may be worse
        (tuple(range(100, 0, -1)), 95),  # in any order
    ],
)
def test_p95_is_by_nearest_rank(samples: tuple[float, ...], expected: float | None) -> None:
    assert p95(samples) == expected


def test_a_table_has_a_line_a_fault_and_the_total() -> None:
    title, _, _, kill, wipe, _, sums = table([KILL, WIPE], "Faults").splitlines()
    assert title == "Faults"
    assert kill.split() == ["kill", "20", "60", "60", "0", "0", "0", "9.0", "3"]
    assert wipe.split() == ["wipe", "5", "15", "12", "3", "1", "2", "-", "-"]
    assert sums.split() == ["total", "25", "75", "72", "3", "1", "2", "-", "-"]


def test_columns_stand_below_their_heads() -> None:
    _, heads, _, kill, *_ = table([KILL], "Faults").splitlines()
    assert heads.index("injected") + len("injected") == kill.index("20") + len("20")


def test_an_empty_table_is_a_table() -> None:
    assert total([]) == Line("total", 0, 0, 0, 0, 0, 0)
    assert "total" in table([], "Nothing")


def test_side_by_side_totals_only_what_both_know() -> None:
    shown = side_by_side([KILL, WIPE], [Line("kill", 20, 60, 41, 19, 2, 0), Line("other", 1, 1, 0, 1, 0, 0)])
    rows = {line.split()[0]: line.split() for line in shown.splitlines()[3:]}
    assert rows["kill"][1:] == ["20", "60", "60", "0", "0", "0", "9.0", "|", "20", "60", "41", "19", "2", "0", "-"]
    assert rows["wipe"][9:] == ["-"] * 7
    assert rows["other"][1:8] == ["-"] * 7
    assert rows["total"][3:] == ["20", "60", "60", "0", "0", "0", "-", "|", "20", "60", "41", "19", "2", "0", "-"]


@pytest.mark.parametrize(("line", "expected"), [(KILL, True), (WIPE, False)])
def test_a_line_is_in_order_when_nothing_was_lost_doubled_or_different(line: Line, expected: bool) -> None:
    assert line.in_order is expected
