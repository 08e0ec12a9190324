"""Who said how much, under which label, and what one utterance is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.transcript import SpeakerTurn, Word
from worker.utterances import PAUSE, labels, merged, relabel, seconds_spoken, utterances


def word(start: float, end: float, text: str = " so", speaker: str | None = "S1") -> Word:
    return Word(start, end, text, 0.9, speaker)


def turn(start: float, end: float, speaker: str) -> SpeakerTurn:
    return SpeakerTurn(start, end, speaker)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param([], [], id="nobody said anything"),
        pytest.param([word(0, 1), word(1, 2)], ["S1: so so"], id="words in a row are one"),
        pytest.param(
            [word(0, 1), word(1, 2, speaker="S2"), word(2, 3)], ["S1: so", "S2: so", "S1: so"], id="a change ends one"
        ),
        pytest.param([word(0, 1), word(1 + PAUSE, 4)], ["S1: so so"], id="a pause for thought stays inside"),
        pytest.param([word(0, 1), word(1.1 + PAUSE, 4)], ["S1: so", "S1: so"], id="a longer one ends one"),
        pytest.param(
            [word(0, 9), word(1, 2), word(9.5, 10)], ["S1: so so so"], id="silence counts from the last sound's end"
        ),
        pytest.param(
            [word(0, 1), word(1, 2, speaker=None), word(2, 3, speaker=None)],
            ["S1: so", "None: so so"],
            id="words of nobody are apart",
        ),
        pytest.param([word(0, 1, "你"), word(1, 2, "好。")], ["S1: 你好。"], id="no spaces where there are none"),
    ],
)
def test_what_an_utterance_is(words: list[Word], expected: list[str]) -> None:
    assert [f"{one.speaker}: {one.text}" for one in utterances(words)] == expected


def test_an_utterance_lasts_from_its_first_sound_to_its_last() -> None:
    (found,) = utterances([word(1.002, 4), word(1, 2), word(3, 3)])
    assert (found.start, found.end) == (1, 4)


some_words = st.lists(
    st.builds(
        word, st.floats(0, 50), st.floats(0, 50), st.sampled_from([" a", "字。"]), st.sampled_from(["S1", "S2", None])
    ),
    max_size=12,
)


@settings(max_examples=50)
@given(some_words)
def test_every_word_is_in_one_utterance(words: list[Word]) -> None:
    found = list(utterances(words))
    assert [each for one in found for each in one.words] == words
    assert all({each.speaker for each in one.words} == {one.speaker} for one in found)


def test_labels_are_in_order_of_first_speech() -> None:
    turns = [turn(5, 6, "B"), turn(0, 1, "C"), turn(0, 0, "Z"), turn(2, 3, "A"), turn(4, 9, "C")]
    assert labels(turns) == {"C": "S1", "A": "S2", "B": "S3"}
    assert [one.speaker for one in relabel(turns)] == ["S3", "S1", "S2", "S1"]


def test_two_that_begin_at_once_are_told_apart_always_alike() -> None:
    assert labels([turn(0, 2, "A"), turn(0, 1, "B"), turn(0, 2, "C")]) == {"B": "S1", "A": "S2", "C": "S3"}


def test_exclusive_turns_take_the_labels_of_the_others() -> None:
    turns = [turn(0, 9, "A"), turn(1, 2, "B"), turn(9, 10, "C")]
    assert [one.speaker for one in relabel([turn(0, 9, "A"), turn(9, 10, "C")], labels(turns))] == ["S1", "S3"]


some_turns = st.lists(st.builds(turn, st.floats(0, 50), st.floats(0, 50), st.sampled_from("ABC")), max_size=8)


@settings(max_examples=50)
@given(some_turns)
def test_labelling_twice_is_labelling_once(turns: list[SpeakerTurn]) -> None:
    once = relabel(turns)
    assert relabel(once) == once


def test_a_second_counts_once_for_a_speaker_and_for_each_of_two() -> None:
    turns = [turn(3, 5, "B"), turn(0, 2, "A"), turn(1, 4, "A"), turn(4, 4.5, "A"), turn(9, 8, "B")]
    assert seconds_spoken(turns) == {"A": 4.5, "B": 2.0}


@settings(max_examples=50)
@given(some_turns)
def test_merged_turns_hold_the_same_moments(turns: list[SpeakerTurn]) -> None:
    found = merged(turns)
    assert [one.start for one in found] == sorted(one.start for one in found)
    for speaker in "ABC":
        own = [one for one in found if one.speaker == speaker]
        assert all(a.end < b.start for a, b in zip(own, own[1:], strict=False))
        for moment in {(one.start + one.end) / 2 for one in turns}:
            held = any(one.start <= moment <= one.end for one in own)
            given_ = any(
                one.start <= moment <= one.end and one.end > one.start for one in turns if one.speaker == speaker
            )
            assert held == given_
