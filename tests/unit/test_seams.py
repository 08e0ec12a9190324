"""Two chunks that heard a second of each other: every word once, whichever side heard it how."""

import pytest

from core.seams import FLAG, joined
from core.transcript import Segment, Word

SEAM = 10.0


def side(*words: tuple[str, float, float] | tuple[str, float, float, float]) -> tuple[Segment, ...]:
    """One segment of (word, start, end, confidence)."""
    made = tuple(Word(start, end, f" {word}", *(rest or [0.9])) for word, start, end, *rest in words)
    text = "".join(word.word for word in made)
    return (Segment(made[0].start, made[-1].end, text, "en", -0.2, 0.0, made),) if made else ()


def text(*sides: tuple[Segment, ...]) -> str:
    return "".join(segment.text for one in sides for segment in one).strip()


@pytest.mark.parametrize(
    ("case", "before", "after", "expected"),
    [
        (
            "both heard the word that the seam tears",
            side(("we", 9.2, 9.5), ("agree", 9.8, 10.2), ("on", 10.3, 10.5)),
            side(("agree", 9.8, 10.2), ("on", 10.3, 10.6), ("it", 10.7, 10.9)),
            "we agree on it",
        ),
        (
            "they time it on different sides: not twice",
            side(("we", 9.2, 9.5), ("agree", 9.7, 10.1)),
            side(("agree", 9.9, 10.3), ("on", 10.4, 10.6)),
            "we agree on",
        ),
        (
            "they time it each on the other's side: not lost",
            side(("we", 9.2, 9.5), ("agree", 9.95, 10.25)),
            side(("agree", 9.75, 10.1), ("on", 10.4, 10.6)),
            "we agree on",
        ),
        (
            "it is written differently, and is the same",
            side(("we", 9.2, 9.5), ("Agree,", 9.8, 10.2)),
            side(("agree", 9.8, 10.2), ("on", 10.4, 10.6)),
            "we Agree, on",
        ),
        (
            "one heard half of it: the likelier word stays",
            side(("we", 9.2, 9.5), ("a", 9.8, 10.1, 0.3)),
            side(("agree", 9.8, 10.25, 0.9), ("on", 10.4, 10.6)),
            "we agree on",
        ),
        (
            "the second heard nothing of its first words",
            side(("we", 9.2, 9.5), ("agree", 10.1, 10.4)),
            side(("it", 10.7, 10.9)),
            "we agree it",
        ),
        ("a word said twice is two words", side(("no", 9.3, 9.6)), side(("no", 10.3, 10.6)), "no no"),
        ("one side has nothing", side(("we", 9.2, 9.5)), (), "we"),
        ("nor has the other", (), side(("we", 10.2, 10.5)), "we"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_word_once(case: str, before: tuple[Segment, ...], after: tuple[Segment, ...], expected: str) -> None:
    assert text(*joined(before, after, SEAM)) == expected


def test_what_was_joined_stays_as_it_is() -> None:
    once = joined(side(("no", 9.5, 9.8), ("no", 9.9, 10.2)), side(("no", 9.9, 10.2), ("yes", 10.3, 10.6)), SEAM)
    assert text(*once) == "no no yes"
    assert joined(*once, SEAM) == once
    assert all(FLAG in segment.flags for one in once for segment in one)


def test_segments_without_words_are_kept_whole() -> None:
    before = (Segment(5.0, 9.9, " first part", "en", -0.2, 0.0),)
    after = (Segment(10.0, 14.0, " second part", "en", -0.2, 0.0),)
    assert text(*joined(before, after, SEAM)) == "first part second part"
