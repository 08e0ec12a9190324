"""Sentences, paragraphs, and where something is said."""

from dataclasses import replace

import pytest

from core.passages import PARAGRAPH_WORDS, Passage, Spoken, occurrences, paragraphs, sentences, spoken, text_of
from core.transcript import Segment, Word
from tests.unit.test_formats import chinese, document, said


def texts(passages: list[Passage]) -> list[str]:
    return [text_of(one) for one in passages]


def found(words: list[Spoken], phrase: str) -> list[Passage]:
    return occurrences(words, [phrase])[phrase]


def sentences_of(*segments: Segment) -> list[str]:
    return texts(sentences(spoken(document(*segments))))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Well. I see.", ["Well.", "I see."], id="at full stops"),
        pytest.param("Is it? Yes! Good.", ["Is it?", "Yes!", "Good."], id="at other marks"),
        pytest.param('He said "no." I left.', ['He said "no."', "I left."], id="behind a closing quote"),
        pytest.param("Ask Dr. Smith now.", ["Ask Dr. Smith now."], id="not behind a title"),
        pytest.param("Well... maybe so.", ["Well... maybe so."], id="not before a small letter"),
        pytest.param("no marks at all", ["no marks at all"], id="nowhere"),
    ],
)
def test_a_sentence_ends_where_its_text_says_so(text: str, expected: list[str]) -> None:
    assert sentences_of(said(text)) == expected


def test_a_sentence_may_go_on_in_the_next_segment() -> None:
    assert sentences_of(said("we shall", 0.0), said("see. Then we go", 1.0)) == ["we shall see.", "Then we go"]


def test_another_speaker_and_a_long_silence_end_a_sentence() -> None:
    assert sentences_of(said("I think", 0.0, speaker="S1"), said("so do I", 1.0, speaker="S2")) == [
        "I think",
        "so do I",
    ]
    assert sentences_of(said("I think", 0.0), said("so", 60.0)) == ["I think", "so"]


def test_chinese_is_written_without_blanks() -> None:
    assert sentences_of(chinese("我们开会。大家好。")) == ["我们开会。", "大家好。"]


def test_who_speaks_on_another_channel_ends_no_sentence() -> None:
    left = replace(said("one two three four", 0.0, pace=1.0), channel=0)
    right = replace(said("yes", 1.5), channel=1)
    made = spoken(document(left, right))
    assert [one.index for one in made] == list(range(5))
    assert texts(sentences(made)) == ["one two three four", "yes"]


def test_no_words_have_no_sentences() -> None:
    assert (spoken(document()), sentences([]), paragraphs([])) == ([], [], [])


def test_a_paragraph_is_of_one_speaker_and_not_endless() -> None:
    five = [said("One two three four five.", 2.0 * number, speaker="S1") for number in range(30)]
    other = said("Quite so.", 60.0, speaker="S2")
    parts = paragraphs(spoken(document(*five, other)))
    assert [len(one) for one in parts] == [PARAGRAPH_WORDS, 50, 2]
    assert texts(parts)[2] == "Quite so."


def test_a_sentence_longer_than_a_paragraph_is_one() -> None:
    long = said(" ".join(["word"] * 150) + ".", pace=0.1)
    assert [len(one) for one in paragraphs(spoken(document(long, said("Then.", 16.0))))] == [150, 1]


@pytest.mark.parametrize(
    ("phrase", "indexes"),
    [
        ("the", [0, 5]),
        ("THE", [0, 5]),
        ("report", [1]),
        ("the report", [0]),
        ("the  board.", [5]),
        ("three-year", [2]),
        ("three", []),
        ("reportthree-year", []),
        ("board the", []),
        ("!", []),
    ],
)
def test_a_phrase_is_found_whole(phrase: str, indexes: list[int]) -> None:
    made = spoken(document(said("The report, three-year plan to the board.")))
    assert [one[0].index for one in found(made, phrase)] == indexes


def test_what_no_blank_parts_is_one_word() -> None:
    """Recognizers give `three` and `-year` apart."""
    parted = (Word(0.0, 0.2, " three", 0.5), Word(0.2, 0.8, "-year", 0.9))
    made = spoken(document(replace(said("three-year", pace=0.8), words=parted)))
    assert [(one.piece.text.strip(), one.piece.start, one.piece.end) for one in made] == [("three-year", 0.0, 0.8)]
    assert made[0].piece.confidence == pytest.approx(0.8)
    assert len(found(made, "three-year")) == 1


def test_chinese_is_found_however_it_was_parted() -> None:
    made = spoken(document(chinese("我们开会，我们走。")))
    places = found(made, "我们")
    assert [(text_of(one), len(one)) for one in places] == [("我们", 2), ("我们", 2)]
    assert text_of(found(made, "开会")[0]) == "开会，"


def test_a_phrase_is_of_one_channel() -> None:
    left = replace(said("good morning", 0.0, pace=2.0), channel=0)
    right = replace(said("evening", 1.0), channel=1)
    made = spoken(document(left, right))
    assert [one.index for one in found(made, "good morning")[0]] == [0, 2]
    assert not found(made, "good evening")
