"""Which chunks are heard again, and what they are told."""

from dataclasses import replace

import pytest

from core.second_pass import Again, FirstPass, choose, dominant

PLAIN = FirstPass(
    index=0, start=0.0, end=20.0, forced_cut=False, speech_seconds=18.0, language="en", probability=0.99,
    doubtful=False, tail="what was said before",
)  # fmt: skip
NEXT = replace(PLAIN, index=1, start=20.5, end=40.0, tail="and after that")
FLIPPED = replace(NEXT, language="zh", probability=0.5, speech_seconds=2.0)


@pytest.mark.parametrize(
    ("case", "chunks", "asked", "expected"),
    [
        ("all is well", [PLAIN, NEXT], False, []),
        (
            "a doubtful chunk is told what was said before",
            [PLAIN, replace(NEXT, doubtful=True)],
            False,
            [Again(1, ("low_confidence",), PLAIN.tail)],
        ),
        ("the first knows nothing new", [replace(PLAIN, doubtful=True), NEXT], False, []),
        ("doubtful text is no help", [replace(PLAIN, doubtful=True), replace(NEXT, doubtful=True)], False, []),
        (
            "nor what was said long ago",
            [PLAIN, replace(NEXT, start=60.0, end=80.0, doubtful=True)],
            False,
            [],
        ),
        ("nor a chunk that is missing", [PLAIN, replace(NEXT, index=2, doubtful=True)], False, []),
        (
            "after a forced cut a sentence goes on",
            [replace(PLAIN, forced_cut=True), NEXT],
            False,
            [Again(1, ("forced_cut",), PLAIN.tail)],
        ),
        (
            "a doubtful language is settled by the recording",
            [PLAIN, FLIPPED],
            False,
            [Again(1, ("language_flip",), PLAIN.tail, "en")],
        ),
        ("a sure one stands: people do change language", [PLAIN, replace(FLIPPED, probability=0.95)], False, []),
        (
            "but one word is never sure",
            [PLAIN, replace(FLIPPED, probability=0.95, speech_seconds=0.5)],
            False,
            [Again(1, ("language_flip",), PLAIN.tail, "en")],
        ),
        ("the caller knows the language", [PLAIN, FLIPPED], True, []),
        (
            "another language is no context, and the language alone is something new",
            [replace(PLAIN, language="zh", probability=0.9, speech_seconds=1.0), FLIPPED, replace(NEXT, index=2)],
            False,
            [Again(1, ("language_flip",), "", "en")],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_heard_again(case: str, chunks: list[FirstPass], asked: bool, expected: list[Again]) -> None:
    assert choose(chunks, language_asked=asked) == expected


def test_the_dominant_language_is_that_of_most_speech_with_a_text() -> None:
    noise = replace(PLAIN, language="la", speech_seconds=500.0, tail="")
    guessed = replace(PLAIN, language="cy", speech_seconds=20.0, probability=0.3)
    assert dominant([noise, PLAIN, guessed]) == "en"
    assert dominant([noise]) is None
    assert dominant([]) is None
