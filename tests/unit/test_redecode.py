"""When the second text takes the place of the first: only when it is better by every rule."""

from dataclasses import replace

import numpy as np
import pytest

from core.transcript import Gap, Segment
from worker.engines.protocols import Clip, Hypothesis
from worker.steps import redecode

CONTEXT = {"reasons": ["low_confidence"], "prompt": "we spoke about the budget for next year", "language": None}
FLIP = {"reasons": ["language_flip"], "prompt": "", "language": "en"}


def segment(text: str, logprob: float = -0.4, *flags: str) -> Segment:
    return Segment(0.0, 5.0, text, "en", logprob, 0.1, flags=flags)


def heard(*segments: Segment, suppressed: tuple[Gap, ...] = ()) -> Hypothesis:
    return Hypothesis(segments, "en", 1.0, suppressed)


FIRST = [segment(" the price is loo", -0.7)]
BETTER = segment(" the price is low", -0.3)


@pytest.mark.parametrize(
    ("case", "first", "second", "params", "expected"),
    [
        ("it is more probable", FIRST, heard(BETTER), CONTEXT, ()),
        ("it is not", FIRST, heard(replace(BETTER, avg_logprob=-0.69)), CONTEXT, ("less_probable",)),
        ("it is the same", FIRST, heard(replace(FIRST[0], avg_logprob=-0.1)), CONTEXT, ("same",)),
        ("it has no text", FIRST, heard(), CONTEXT, ("empty", "length", "less_probable")),
        ("the first had none", [], heard(BETTER), CONTEXT, ()),
        ("it leaves speech out", FIRST, heard(segment(" the price", -0.1)), CONTEXT, ("length",)),
        (
            "it says the prompt again",
            FIRST,
            heard(segment(" budget for next year is low", -0.1)),
            CONTEXT,
            ("echo", "length"),
        ),
        (
            "a gate stopped some of it",
            FIRST,
            heard(BETTER, suppressed=(Gap(5, 6, ("rate",)),)),
            CONTEXT,
            ("suppressed",),
        ),
        ("it was sampled", FIRST, heard(segment(" the price is low", -0.3, "sampled")), CONTEXT, ("sampled",)),
        (
            "in the recording's language it may be a little less probable",
            FIRST,
            heard(segment(" the price is low and the year is long", -0.75)),
            FLIP,
            (),
        ),
        ("but not much", FIRST, heard(segment(" the price is low", -0.9)), FLIP, ("less_probable",)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_which_text_stands(
    case: str, first: list[Segment], second: Hypothesis, params: dict[str, object], expected: tuple[str, ...]
) -> None:
    assert redecode.objections(first, second, params) == expected


def test_it_is_told_what_was_said_before_after_what_the_caller_said() -> None:
    clip = Clip(np.zeros(16, np.float32), language="de", prompt="Minutes.")
    told = redecode.clip(clip, CONTEXT)
    assert (told.prompt, told.language) == ("Minutes. we spoke about the budget for next year", "de")
    assert redecode.clip(clip, FLIP).language == "en"
