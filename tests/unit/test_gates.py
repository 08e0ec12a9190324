"""What may stand of a decode, and why not."""

import pytest

from worker.engines.faster_whisper import gates
from worker.engines.faster_whisper.gates import Reading


def reading(text: str = " Good morning everyone.", logprob: float = -0.3, silence: float = 0.0) -> Reading:
    return Reading((), text, logprob, silence)


LOOP = " no" * 8
LONG_LOOP = " thank you for watching this" * 12


@pytest.mark.parametrize(
    ("case", "given", "seconds", "again", "why"),
    [
        ("a good one", reading(), 3.0, False, ()),
        ("improbable is tried again, and stands", reading(logprob=-1.4), 3.0, True, ()),
        ("silence is not tried again", reading(logprob=-1.4, silence=0.9), 3.0, False, ("no_speech",)),
        ("a probable text stands whatever the silence says", reading(silence=0.9), 3.0, False, ()),
        ("a short loop", reading(LOOP), 9.0, True, ("repetition",)),
        ("a long loop", reading(LONG_LOOP), 20.0, True, ("repetition",)),
        ("a loop in Chinese", reading("好的" * 9), 9.0, True, ("repetition",)),
        ("said twice", reading(" no no no"), 2.0, False, ()),
        ("quicker than anyone speaks", reading(" Good morning everyone, and welcome to it."), 0.5, False, ("rate",)),
        ("a short word in a short clip", reading(" Yes."), 0.1, False, ()),
        ("nothing", reading("  ", logprob=-2.0, silence=0.9), 3.0, False, ()),
    ],
    ids=lambda value: value if isinstance(value, str) and value[:1].islower() else "",
)
def test_gates(case: str, given: Reading, seconds: float, again: bool, why: tuple[str, ...]) -> None:
    assert gates.another(given) is again
    assert gates.reasons(given, seconds) == why


def test_the_best_of_bad_ones_does_not_repeat_itself() -> None:
    looping, plain, worse = reading(LOOP, -0.1), reading(logprob=-1.2), reading(logprob=-2.0)
    assert gates.best([looping, worse, plain]) == plain
    assert gates.best([looping]) == looping


@pytest.mark.parametrize(
    ("case", "given", "speech", "why"),
    [
        ("a drum beat that the detector took for speech", reading(" Emma.", -0.94), 0.06, ("little_speech",)),
        ("a short word that is heard clearly", reading(" Yes.", -0.3), 0.2, ()),
        ("a short word that is not", reading(" Yes.", -0.9), 0.4, ()),
        ("no detector was asked", reading(" Emma.", -0.94), None, ()),
    ],
    ids=lambda value: value if isinstance(value, str) and value[:1].islower() else "",
)
def test_hardly_any_speech_needs_a_probable_text(
    case: str, given: Reading, speech: float | None, why: tuple[str, ...]
) -> None:
    assert gates.reasons(given, 0.7, speech) == why
