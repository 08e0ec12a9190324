"""The arithmetic of benchmarks that compare two sides, and what is read of processes."""

import os

from benchmarks.pairs import Pairs, alternating, middle, table
from benchmarks.processes import peak_bytes, processes


def test_sides_take_turns_at_being_first() -> None:
    order: list[str] = []
    found = alternating(
        3,
        lambda turn: order.append(f"ours {turn}") or turn,  # type: ignore[func-returns-value]
        lambda turn: order.append(f"theirs {turn}") or turn,  # type: ignore[func-returns-value]
        say=lambda _: None,
    )
    assert order == ["ours 0", "theirs 0", "theirs 1", "ours 1", "ours 2", "theirs 2"]
    assert (list(found.ours), list(found.theirs)) == ([0, 1, 2], [0, 1, 2])


def test_a_ratio_is_the_median_of_the_pairs_own() -> None:
    """Not the ratio of the medians: what slowed a pair slowed both of its sides."""
    found = Pairs([10.0, 2.0, 9.0], [10.0, 4.0, 3.0])
    assert found.ratio(float, float) == "1.00 (0.50 to 3.00)"


def test_a_table_is_markdown() -> None:
    assert table([["", "a"], ["b", middle([3.0, 1.0, 2.0])]]) == "|  | a |\n|---|---|\n| b | 2.00 |"


def test_this_process_is_among_those_that_live() -> None:
    own = processes()[os.getpid()]
    assert (own.parent, own.seconds > 0) == (os.getppid(), True)


def test_memory_of_this_process_and_of_one_that_is_gone() -> None:
    assert peak_bytes(os.getpid()) > 1_000_000
    assert peak_bytes(2**22 + 1) == 0
