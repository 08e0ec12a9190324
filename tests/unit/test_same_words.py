"""What two tracks both have: the same words, at the same time, in the same order, each once."""

import pytest

from core.seams import plain
from worker.same_words import PAUSE, SAME, Unit, same_words


def track(number: int, text: str, start: float = 0.0, length: float = 0.3) -> list[Unit]:
    """A word each `length` seconds, "_" for none."""
    return [
        Unit((number, 0), at, one, start + at * length, start + (at + 1) * length, 0.9, None)
        for at, one in enumerate(text.split())
        if one != "_"
    ]


def runs(*tracks: list[Unit]) -> list[str]:
    """Those of all two tracks; "/" ends one."""
    units = [unit for each in tracks for unit in each]
    return [" / ".join(" ".join(pair.units[0].plain for pair in run) for run in found) for found in same_words(units)]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param("so we go", "so we go", ["so we go"], id="the same"),
        pytest.param("so we go", "but they stay", [], id="nothing in common"),
        pytest.param("so we go home", "so they go home", ["so go home"], id="one word heard differently"),
        pytest.param("so we all go home", "so they may go home", ["so / go home"], id="two end the run"),
        pytest.param("so we go home", "so we", ["so we"], id="the rest was not heard"),
        pytest.param("we so go", "so go we", ["so go"], id="of words in another order the most that are in one"),
        pytest.param("no no no no", "no no no no", ["no no no no"], id="each of many alike has one of its own"),
        pytest.param("no no no no", "_ no no", ["no no"], id="and those left over have none"),
        pytest.param("so _ _ _ _ _ _ we", "so _ _ _ _ _ _ we", ["so / we"], id="a pause ends a run"),
    ],
)
def test_runs_of_two_tracks(first: str, second: str, expected: list[str]) -> None:
    assert runs(track(0, first), track(1, second)) == expected
    assert runs(track(0, second), track(1, first)) == expected


@pytest.mark.parametrize(
    ("late", "expected"),
    [(0.0, ["so we"]), (SAME - 0.01, ["so we"]), (-SAME + 0.01, ["so we"]), (SAME + 0.01, []), (-SAME - 0.01, [])],
)
def test_the_same_time_is_a_little_wide(late: float, expected: list[str]) -> None:
    assert runs(track(0, "so we", 10), track(1, "so we", 10 + late)) == expected


def test_a_run_goes_on_over_a_short_silence() -> None:
    pair = [track(0, "so", 0) + track(0, "we", 0.3 + silence) for silence in (PAUSE - 0.01, PAUSE + 0.01)]
    other = [[Unit((1, 0), *list(vars(unit).values())[1:]) for unit in each] for each in pair]
    assert [runs(one, two) for one, two in zip(pair, other, strict=True)] == [["so we"], ["so / we"]]


def test_every_two_of_three_tracks() -> None:
    assert runs(track(0, "so we"), track(1, "so we"), track(2, "so we")) == ["so we"] * 3


def test_one_track_has_nothing_in_common_with_itself() -> None:
    assert runs(track(0, "no no no")) == []


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        (" Budget,", "budget"),
        ("Ｂｕｄｇｅｔ", "budget"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("好。", "好"),
        (" …", ""),
    ],
)
def test_what_is_compared(text: str, letters: str) -> None:
    assert plain(text) == letters
