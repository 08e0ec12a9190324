"""Which of the words that were heard were said."""

import pytest

from core.transcript import Word
from worker import calibrate


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("Hello, everyone!", ["hello", "everyone"], "punctuation and case are no errors"),
        ("don't", ["dont"], "an apostrophe parts no word"),
        ("twenty-one", ["twenty", "one"], "a dash does"),
        ("你好,李先生。", ["你", "好", "李", "先", "生"], "Chinese by character"),
        ("用 GPU 训练", ["用", "gpu", "训", "练"], "a word in an alphabet stays whole between them"),
        ("ＡＢＣ", ["abc"], "full width is the same letter"),
        (" … ", [], "no word"),
    ],
)
def test_units(text: str, expected: list[str], why: str) -> None:
    assert calibrate.units(text) == expected, why


@pytest.mark.parametrize(
    ("said", "words", "right", "why"),
    [
        ("good morning everyone", [" Good", " morning,", " everyone."], [True, True, True], "as it was said"),
        ("good morning everyone", [" Good", " evening", " everyone"], [True, False, True], "another word"),
        ("good everyone", [" good", " big", " everyone"], [True, False, True], "a word too many"),
        ("good big morning", [" good", " morning"], [True, True], "a missing word has no probability"),
        ("twenty one days", [" twenty-one", " days"], [True, True], "both parts are right"),
        ("twenty two days", [" twenty-one", " days"], [False, True], "one part is not"),
        ("我们讨论项目", ["我们", "讨论", "价格"], [True, True, False], "a word of two characters"),
        ("我们讨论项目", ["我们", "讨论", "项"], [True, True, True], "half of a word is half of it right"),
        ("", [" Thank", " you."], [False, False], "words in silence"),
        ("hello", [" …", " hello"], [True], "no word is not judged"),
        ("hello", [], [], "nothing was heard"),
    ],
)
def test_judged(said: str, words: list[str], right: list[bool], why: str) -> None:
    found = calibrate.judged([Word(0, 1, word, 0.5) for word in words], said)
    assert [word.right for word in found] == right, why
