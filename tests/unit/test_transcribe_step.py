"""What a transcribe step tells the second pass."""

import numpy as np
import pytest

from core.options import Options
from core.second_pass import TAIL
from core.transcript import Gap, Segment, Word
from worker.engines.protocols import Hypothesis
from worker.steps import transcribe

WORDS = tuple(Word(float(at), at + 0.9, f" word{at}", 0.9) for at in range(30))
SEGMENT = Segment(0.0, 30.0, "".join(word.word for word in WORDS), "en", -0.2, 0.0, WORDS)


def test_the_tail_begins_with_a_word_and_ends_before_what_the_next_chunk_hears() -> None:
    whole = transcribe.tail([SEGMENT], 30.0)
    assert len(whole) <= TAIL
    assert whole.startswith("word")
    assert whole.endswith("word29")
    assert transcribe.tail([SEGMENT], 29.0).endswith("word28")
    assert transcribe.tail([], 30.0) == ""


def test_characters_without_spaces_have_a_tail_too() -> None:
    said = Segment(0.0, 5.0, "好" * 150, "zh", -0.2, 0.0)
    assert transcribe.tail([said], 5.0) == "好" * TAIL


@pytest.mark.parametrize(
    ("case", "hypothesis", "doubtful"),
    [
        ("sure", Hypothesis((SEGMENT,), "en", 1.0), False),
        ("nothing was said", Hypothesis((), "en", 1.0), False),
        ("improbable", Hypothesis((Segment(0, 1, " hm", "en", -0.9, 0.0),), "en", 1.0), True),
        ("sampled", Hypothesis((Segment(0, 1, " hm", "en", -0.1, 0.0, flags=("sampled",)),), "en", 1.0), True),
        ("stopped by a gate", Hypothesis((), "en", 1.0, (Gap(0, 1, ("repetition",), "no no no"),)), True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_when_a_text_is_doubtful(case: str, hypothesis: Hypothesis, doubtful: bool) -> None:
    assert transcribe.doubtful(hypothesis) is doubtful


def test_a_chunk_is_heard_with_its_neighbours_seconds_and_words_lie_in_the_recording() -> None:
    params = {
        "generation": "g", "index": 3, "start": 60.0, "end": 85.0, "forced_cut": True, "speech_seconds": 25.0,
        "lead": 1.0, "trail": 1.0, "parts": [[0, 0, 27 * 32_000]],
    }  # fmt: skip
    clip = transcribe.clip(params, Options(word_timestamps=False), lambda part, first, count: bytes(count))
    assert len(clip.samples) == 27 * 16_000
    assert clip.word_timestamps, "only their words' times tell at a seam whose is which"
    assert np.all(clip.samples == 0)
    (moved,) = transcribe.segments(Hypothesis((SEGMENT,), "en", 1.0), params)
    assert (moved.start, moved.end) == (59.0, 86.0)
