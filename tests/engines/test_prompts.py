"""What stands before a clip's text, as tokens: the nearest of it, in lengths that batches can share."""

import numpy as np

from worker.engines.faster_whisper.prompts import MOST, STEP, prefix
from worker.engines.protocols import Clip

PREV = 1000


def tokens(text: str) -> list[int]:
    """One a word."""
    return [int(word) for word in text.replace(",", " ").split()]


def of(prompt: int = 0, hotwords: int = 0) -> tuple[int, ...]:
    clip = Clip(
        np.zeros(16, np.float32),
        prompt=" ".join(map(str, range(prompt))),
        hotwords=tuple(str(500 + number) for number in range(hotwords)),
    )
    return prefix(clip, tokens, PREV)


def test_nothing_is_told_where_there_is_nothing_to_tell() -> None:
    assert of() == ()


def test_a_short_prompt_is_told_whole() -> None:
    assert of(prompt=11) == (PREV, *range(11))


def test_of_a_long_one_its_end_is_told_in_a_length_that_others_share() -> None:
    assert of(prompt=27) == (PREV, *range(3, 27))
    assert {len(of(prompt=length)) for length in range(24, 24 + STEP)} == {25}


def test_both_together_leave_room_for_a_text() -> None:
    told = of(prompt=400, hotwords=100)
    assert len(told) <= MOST + 1
    assert told[1:3] == (500, 501)
    assert told[-1] == 399
