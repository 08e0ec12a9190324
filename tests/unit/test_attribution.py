"""Whose word it is: by turns, by how sentences go, and with a confidence that means something."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.attribution import calibration, counted, errors, judged, majority
from benchmarks.conversations import LEVELS, conversation
from core.transcript import SpeakerTurn, Word
from worker.attribution import RULES, attribute


def turn(start: float, end: float, speaker: str) -> SpeakerTurn:
    return SpeakerTurn(start, end, speaker)


def said(text: str, start: float = 0.0, length: float = 0.25, pause_before: str = "") -> list[Word]:
    """A word each `length` seconds; a second of silence before the word that is `pause_before`."""
    words, at = [], start
    for one in text.split():
        at += 1.0 if one == pause_before else 0.0
        words.append(Word(at, at + length, f" {one}", 0.9))
        at += length
    return words


def who(words: list[Word], turns: list[SpeakerTurn], exclusive: list[SpeakerTurn] | None = None) -> str:
    """A letter a word; "-" for nobody."""
    return "".join(one.word.speaker or "-" for one in attribute(words, turns, exclusive or []))


EIGHT = "one two three four five six seven eight"


@pytest.mark.parametrize(
    ("text", "turns", "expected"),
    [
        pytest.param(EIGHT, [], "--------", id="without turns there are no speakers"),
        pytest.param("", [turn(0, 1, "A")], "", id="without words there is nothing to say"),
        pytest.param(EIGHT, [turn(0, 1, "A"), turn(1, 2, "B")], "AAAABBBB", id="turns decide"),
        pytest.param(EIGHT, [turn(0, 2, "A"), turn(50, 60, "B")], "AAAAAAAA", id="far turns say nothing"),
        pytest.param(EIGHT, [turn(0, 0.6, "A"), turn(1.4, 2, "A")], "AAAAAAAA", id="a hole in a turn is filled"),
        pytest.param(
            EIGHT, [turn(0, 0.9, "A"), turn(0.9, 1.1, "B"), turn(1.1, 2, "A")], "AAAAAAAA", id="a split heals"
        ),
        pytest.param(EIGHT, [turn(1, 1, "A"), turn(1.5, 1, "B")], "--------", id="turns without length are none"),
    ],
)
def test_whose_word_it_is(text: str, turns: list[SpeakerTurn], expected: str) -> None:
    assert who(said(text), turns) == expected


@pytest.mark.parametrize("late", [-0.2, 0.2])
@pytest.mark.parametrize("end", [".", "?", "。", "！", "…", '."', "。」", "؟", "।"])
def test_a_change_goes_to_the_end_of_a_sentence(end: str, late: float) -> None:
    """The diarizer's edge lies within the word before or after it."""
    words = said(f"one two three four{end} five six seven eight")
    assert who(words, [turn(0, 1 + late, "A"), turn(1 + late, 2, "B")]) == "AAAABBBB"


@pytest.mark.parametrize("late", [-0.2, 0.2])
def test_a_change_goes_to_a_sentence_end_in_a_language_without_spaces(late: float) -> None:
    words = [replace(one, word=one.word.strip()) for one in said("我 们 走 吧。 好 我 来 了。")]
    assert who(words, [turn(0, 1 + late, "A"), turn(1 + late, 2, "B")]) == "AAAABBBB"


def test_punctuation_of_its_own_ends_a_sentence_too() -> None:
    words = [*said("one two three four"), Word(1.0, 1.0, "。", 0.9), *said("five six seven eight", 1.0)]
    assert who(words, [turn(0, 1.2, "A"), turn(1.2, 2, "B")]) == "AAAAABBBB"


def test_a_change_goes_to_a_pause() -> None:
    """The words after it are nearer to the first speaker's turn, which the diarizer ended too late."""
    words = said(EIGHT, pause_before="five")
    assert who(words, [turn(0, 2.2, "A"), turn(2.2, 3, "B")]) == "AAAABBBB"


@pytest.mark.parametrize(
    ("away", "expected"), [(0.0, "A"), (0.3, "A"), (RULES.reach - 0.01, "A"), (RULES.reach + 0.01, "-")]
)
def test_a_word_beside_the_turns_goes_to_the_nearest_within_reach(away: float, expected: str) -> None:
    word = Word(10, 10.5, " so", 0.9)
    assert who([word], [turn(5, 10 - away, "A")]) == expected
    assert who([word], [turn(10.5 + away, 12, "A")]) == expected


def test_the_nearer_of_two_turns_has_the_word_between_them() -> None:
    words = [Word(10, 10.2, " so", 0.9)]
    assert who(words, [turn(5, 9.9, "A"), turn(10.9, 12, "B")]) == "A"
    assert who(words, [turn(5, 9.3, "A"), turn(10.3, 12, "B")]) == "B"


def test_a_word_of_nobody_has_no_confidence() -> None:
    (found,) = attribute([Word(10, 11, " so", 0.9, "old", 0.5)], [turn(0, 5, "A")])
    assert (found.word.speaker, found.word.speaker_confidence, found.overlap) == (None, None, False)


def test_exclusive_turns_decide_where_two_speak() -> None:
    turns = [turn(0, 2, "A"), turn(0, 2, "B")]
    assert who(said(EIGHT), turns, [turn(0, 2, "B")]) == "BBBBBBBB"
    assert who(said(EIGHT), turns, [turn(0, 2, "A")]) == "AAAAAAAA"


def test_exclusive_turns_alone_will_do() -> None:
    assert who(said(EIGHT), [], [turn(0, 1, "A"), turn(1, 2, "B")]) == "AAAABBBB"


def test_what_is_said_at_once_is_marked() -> None:
    found = attribute(said(EIGHT), [turn(0, 2, "A"), turn(1, 1.5, "B"), turn(0, 0.5, "A")])
    assert [one.overlap for one in found] == [False, False, False, False, True, True, False, False]


def test_words_without_length_and_out_of_order() -> None:
    words = [
        Word(0.9, 0.9, " a", 0.9),
        Word(0.898, 0.95, " b", 0.9),
        Word(3.0, 2.0, " c", 0.9),
        Word(1.5, 1.5, " d", 0.9),
    ]
    found = attribute(words, [turn(0, 1, "A"), turn(1.4, 4, "B")])
    assert [one.word.speaker for one in found] == ["A", "A", "B", "B"]
    assert [(one.word.start, one.word.end) for one in found] == [(one.start, one.end) for one in words]


def sure(words: list[Word], turns: list[SpeakerTurn], exclusive: list[SpeakerTurn] | None = None) -> list[float]:
    return [one.word.speaker_confidence or 0.0 for one in attribute(words, turns, exclusive or [])]


def test_confidence_is_higher_deep_inside_a_turn_than_at_its_edges() -> None:
    """Of twenty words the change falls in the middle, without the end of a sentence or a pause."""
    found = sure(said(" ".join(["so"] * 20)), [turn(0, 2.5, "A"), turn(2.5, 5, "B")])
    assert found[4] > found[8] > found[9]
    assert found[15] > found[11] > found[10]
    assert found[4] > 0.95


def test_confidence_is_lower_where_two_speak() -> None:
    alone = [turn(0, 5, "A"), turn(9, 10, "B")]
    both = [turn(0, 5, "A"), turn(2, 3, "B"), turn(9, 10, "B")]
    words = said(" ".join(["so"] * 20))
    quiet, loud = sure(words, alone, alone), sure(words, both, alone)
    assert loud[10] < quiet[10]
    assert loud[0] == pytest.approx(quiet[0], abs=0.01)


def test_confidence_is_lower_the_further_the_turn_is() -> None:
    found = [sure([Word(10, 10.3, " so", 0.9)], [turn(5, 10.2 - away, "A")])[0] for away in (0, 0.4, 0.8)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 3


def test_no_word_is_certain() -> None:
    """One voice in a whole recording may still be two that the diarizer took for one."""
    assert max(sure(said(EIGHT * 40), [turn(0, 100, "A")])) < 1


@pytest.mark.parametrize("level", LEVELS)
def test_it_beats_majority_overlap(level: str) -> None:
    """A floor that catches breakage; `benchmarks.attribution` measures on more, with intervals."""
    talks = [conversation(seed, 2, LEVELS[level]) for seed in range(500, 504)]
    ours = [[one.word.speaker for one in attribute(each.words, each.turns, each.exclusive)] for each in talks]
    theirs = [majority(each.words, each.turns, nearest=False) for each in talks]
    assert errors([counted(*pair) for pair in zip(talks, ours, strict=True)]) < 0.9 * errors(
        [counted(*pair) for pair in zip(talks, theirs, strict=True)]
    )


def test_confidence_is_roughly_the_share_that_is_right() -> None:
    talks = [conversation(seed, 2, LEVELS["usual"]) for seed in range(500, 506)]
    pairs = judged(talks)
    _, off = calibration(pairs)
    assert off < 0.04
    share = sum(right for _, right in pairs) / len(pairs)
    brier = sum((told - right) ** 2 for told, right in pairs) / len(pairs)
    assert brier < 0.9 * share * (1 - share), "no better than the same confidence for every word"


times = st.floats(0, 30).map(lambda value: round(value, 3))
some_words = st.lists(
    st.builds(Word, times, times, st.sampled_from([" a", " b.", "字", "。"]), st.just(0.9)), max_size=15
)
some_turns = st.lists(st.builds(turn, times, times, st.sampled_from("ABC")), max_size=10)


@settings(max_examples=60)
@given(some_words, some_turns, some_turns)
def test_every_word_comes_back_once_in_order_with_its_times(
    words: list[Word], turns: list[SpeakerTurn], exclusive: list[SpeakerTurn]
) -> None:
    found = attribute(words, turns, exclusive)
    assert [replace(one.word, speaker=None, speaker_confidence=None) for one in found] == words
    for one in found:
        assert (one.word.speaker is None) == (one.word.speaker_confidence is None)
        assert one.word.speaker_confidence is None or 0 <= one.word.speaker_confidence <= 1
        assert one.word.speaker in {None, *(each.speaker for each in [*turns, *exclusive])}


@settings(max_examples=30)
@given(some_words, some_turns, some_turns)
def test_the_order_of_turns_means_nothing(
    words: list[Word], turns: list[SpeakerTurn], exclusive: list[SpeakerTurn]
) -> None:
    assert attribute(words, turns, exclusive) == attribute(words, turns[::-1], exclusive[::-1])
