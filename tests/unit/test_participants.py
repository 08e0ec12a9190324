"""Whose name a speaker gets from what the meeting system showed: late, with holes, and wrong at times."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.transcript import SpeakerTurn
from worker.participants import ENOUGH, LAGS, SURE, Heard, named


def turn(speaker: str, start: float, end: float) -> SpeakerTurn:
    return SpeakerTurn(start, end, speaker)


TALK = [turn("S1", 0, 10), turn("S2", 11, 20), turn("S1", 21, 30), turn("S2", 31, 40)]
EXACT = [Heard("Ann", 0, 10), Heard("Ben", 11, 20), Heard("Ann", 21, 30), Heard("Ben", 31, 40)]


def late(heard: list[Heard], seconds: float) -> list[Heard]:
    return [replace(one, start=one.start + seconds, end=one.end + seconds) for one in heard]


def names(turns: list[SpeakerTurn], heard: list[Heard]) -> dict[str, str]:
    return {label: one.name for label, one in named(turns, heard).items()}


@pytest.mark.parametrize(
    ("turns", "heard", "expected"),
    [
        pytest.param(TALK, EXACT, {"S1": "Ann", "S2": "Ben"}, id="exact"),
        pytest.param(TALK, late(EXACT, 0.8), {"S1": "Ann", "S2": "Ben"}, id="late throughout"),
        pytest.param(TALK, EXACT[::-1], {"S1": "Ann", "S2": "Ben"}, id="in any order"),
        pytest.param(TALK, [], {}, id="nobody was shown"),
        pytest.param([], EXACT, {}, id="nobody spoke"),
        pytest.param(
            TALK, [*EXACT[:3], Heard("Ann", 31, 40)], {"S1": "Ann", "S2": ""}, id="half of it wrong: no name is better"
        ),
        pytest.param(
            TALK, [*EXACT, Heard("Ann", 12, 15)], {"S1": "Ann", "S2": "Ben"}, id="one wrong: the others outweigh it"
        ),
        pytest.param(TALK, EXACT[:2], {"S1": "Ann", "S2": "Ben"}, id="what was not shown says nothing"),
        pytest.param(TALK, EXACT[::2], {"S1": "Ann"}, id="one was never shown"),
        pytest.param(
            TALK, [*EXACT, Heard("Cem", 50, 60)], {"S1": "Ann", "S2": "Ben"}, id="a participant who was never heard"
        ),
        pytest.param(
            TALK, [Heard("Room A", 0, 40)], {"S1": "Room A (1)", "S2": "Room A (2)"}, id="two share a microphone"
        ),
        pytest.param(
            [turn("S2", 41, 50), turn("S1", 51, 60), *TALK, turn("S3", 61, 70)],
            [Heard("Room A", 0, 60), Heard("Cem", 61, 70)],
            {"S1": "Room A (1)", "S2": "Room A (2)", "S3": "Cem"},
            id="numbered in order of first speech, others are not",
        ),
        pytest.param(
            [*TALK, turn("S3", 41, 50)],
            [Heard("Room A", 0, 40), Heard("Room A (1)", 41, 50)],
            {"S1": "Room A (2)", "S2": "Room A (3)", "S3": "Room A (1)"},
            id="no number makes somebody else's name",
        ),
        pytest.param(
            [turn("S1", 0, 20), turn("S2", 15, 35)],
            [Heard("Ann", 0, 20), Heard("Ben", 15, 35)],
            {"S1": "Ann", "S2": "Ben"},
            id="where both speak and both are shown it counts for both",
        ),
        pytest.param([turn("S1", 0, 9)], [Heard("Ann", 0, 9), Heard("Ben", 0, 9)], {}, id="two at once are not told"),
        pytest.param(
            [turn("S1", 0, 9)], [Heard("Ann", 0, 9), Heard("Ann", 0, 9), Heard("Ben", 6, 9)], {"S1": "Ann"}, id="twice"
        ),
        pytest.param([turn("S1", 0, 0.9)], [Heard("Ann", 0, 0.9)], {}, id="less than a second is too little"),
        pytest.param([turn("S1", 0, 9)], [Heard("Ann", 20, 29)], {}, id="later than it can be late"),
        pytest.param([turn("S1", 0, 9)], [Heard("  Ann \n Lee ", 0, 9)], {"S1": "Ann Lee"}, id="white space"),
        pytest.param([turn("S1", 0, 9)], [Heard(" ", 0, 9)], {}, id="no name"),
        pytest.param([turn("S1", 0, 9)], [Heard("Ann", 5, 5), Heard("Ann", 9, 0)], {}, id="intervals without length"),
        pytest.param(
            [turn("S1", 0, 1e-38), turn("S2", 0, 20)],
            [Heard("Ann", 0, 1), Heard("Ben", 0, 20)],
            {"S2": "Ben"},
            id="turns with hardly any",
        ),
        pytest.param([turn("S1", 9, 0)], [Heard("Ann", 0, 9)], {}, id="turns without length"),
    ],
)
def test_who_is_who(turns: list[SpeakerTurn], heard: list[Heard], expected: dict[str, str]) -> None:
    assert names(turns, heard) == {label: name for label, name in expected.items() if name}


def test_they_are_in_order_of_first_speech() -> None:
    assert list(named(TALK[::-1], EXACT)) == ["S1", "S2"]


@pytest.mark.parametrize(
    ("heard", "score"),
    [
        pytest.param(EXACT, 1.0, id="all of it"),
        pytest.param(late(EXACT, 0.8), 1.0, id="all of it, once the lag is known"),
        pytest.param(EXACT[:1], 1.0, id="what is not covered does not count"),
        pytest.param([Heard("Ann", 0, 6), Heard("Ben", 6, 10), Heard("Ben", 11, 20)], 0.6, id="the share of time"),
        pytest.param([Heard("Ann", 0, 10), Heard("Ben", 5, 10)], 0.75, id="shared equally where two are shown"),
        pytest.param([Heard("Ann", 2, 2 + ENOUGH)], 1.0, id="enough evidence"),
        pytest.param([Heard("Ann", 2, 3.5)], 0.75, id="too little lowers it"),
        pytest.param([Heard("Ann", 2, 3.1)], 0.55, id="the more so the less there is"),
        pytest.param([Heard("Ann", 2, 3)], None, id="until there is no name"),
    ],
)
def test_the_score_of_the_first_speaker(heard: list[Heard], score: float | None) -> None:
    found = named(TALK[:2], heard).get("S1")
    assert (found and found.score) == (score and pytest.approx(score, abs=0.001))


@pytest.mark.parametrize("lag", [-0.5, 0.0, 0.3, 1.0, 2.0])
def test_the_lag_is_found(lag: float) -> None:
    """In a quick exchange every turn would seem half another's."""
    speakers = ["S1", "S2", "S3"]
    turns = [turn(speakers[at % 3], 1.5 * at, 1.5 * at + 1.4) for at in range(30)]
    heard = [Heard(f"of {one.speaker}", one.start + lag, one.end + lag) for one in turns]
    found = named(turns, heard)
    assert {label: one.name for label, one in found.items()} == {each: f"of {each}" for each in speakers}
    assert all(one.score == pytest.approx(1.0, abs=0.01) for one in found.values())


def test_of_equal_lags_the_smallest_is_taken() -> None:
    assert [abs(lag) for lag in LAGS] == sorted(abs(lag) for lag in LAGS)
    assert LAGS[0] == 0.0


some_turns = st.lists(
    st.builds(turn, st.sampled_from(["S1", "S2", "S3"]), st.floats(0, 60), st.floats(0, 60)), max_size=8
)
some_heard = st.lists(st.builds(Heard, st.sampled_from(["Ann", " Ben", "Room  A"]), st.floats(0, 60), st.floats(0, 60)))


@settings(max_examples=50, deadline=None)
@given(some_turns, some_heard)
def test_scores_are_shares_and_names_are_those_given(turns: list[SpeakerTurn], heard: list[Heard]) -> None:
    found = named(turns, heard)
    known = {" ".join(one.participant.split()) for one in heard}
    assert set(found) <= {one.speaker for one in turns}
    assert all(SURE <= one.score <= 1 for one in found.values())
    assert {one.name.partition(" (")[0] for one in found.values()} <= known
    assert len({one.name for one in found.values()}) == len(found)


@settings(max_examples=30, deadline=None)
@given(some_turns, some_heard)
def test_the_order_of_what_is_given_means_nothing(turns: list[SpeakerTurn], heard: list[Heard]) -> None:
    assert named(turns, heard) == named(turns[::-1], heard[::-1])


def test_long_meetings_end() -> None:
    """A thousand turns and intervals; each with each, at each lag, would be 26 million."""
    turns = [turn(f"S{at % 8}", 4 * at, 4 * at + 4.5) for at in range(1_000)]
    heard = [Heard(f"P{one.speaker}", one.start + 0.8, one.end + 0.8) for one in turns]
    assert names(turns, heard) == {f"S{at}": f"PS{at}" for at in range(8)}


def test_a_crowd_that_is_shown_at_once_costs_nothing_and_says_nothing() -> None:
    shown = [Heard(f"P{number}", number / 1000, 100 - number / 1000) for number in range(5000)]
    began = time.process_time()
    assert named([SpeakerTurn(0.0, 100.0, "S1")], shown) == {}
    assert time.process_time() - began < 20
