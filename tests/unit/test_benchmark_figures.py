"""What the benchmarks make of what they count: rows whose answers are known."""

import numpy as np
import pytest

from benchmarks.bookkeeping import Cost, table
from benchmarks.hallucinations import pink, sounds
from benchmarks.null import null, sleeping
from benchmarks.percentiles import percentile
from benchmarks.seams import compared
from core.models import ModelSource
from core.settings import Settings
from worker.engines.protocols import SAMPLE_RATE, Clip, Hypothesis


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.95, 95.0),
        ([float(n) for n in range(1, 21)], 0.95, 19.0),  # one of twenty may be slower
        ([7.0], 0.95, 7.0),
        ([1.0, 2.0], 0.0, 1.0),
    ],
)
def test_percentile(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


@pytest.mark.parametrize(
    ("written", "lost", "doubled", "foreign", "disordered"),
    [
        ("a b c d", 0, 0, 0, 0),
        ("a b d", 1, 0, 0, 0),
        ("a b b c d", 0, 1, 0, 0),  # twice at a seam: the order is kept
        ("a b c b c d", 0, 2, 0, 1),  # both sides of a seam said both words
        ("a x b c d", 0, 0, 1, 0),
        ("a c b d", 0, 0, 0, 1),
        ("", 4, 0, 0, 0),
    ],
)
def test_words_lost_and_doubled(written: str, lost: int, doubled: int, foreign: int, disordered: int) -> None:
    found = compared("", ["a", "b", "c", "d"], written.split(), forced=0)
    assert (found.lost, found.doubled, found.foreign, found.disordered) == (lost, doubled, foreign, disordered)


def test_costs_are_of_a_chunk_and_against_the_first() -> None:
    first = Cost(chunks=10, jobs=2, spent={"ingest": 0.1, "light1": 0.1, "light2": 0.1, "upkeep": 0.1}, wall=1.0)
    second = Cost(chunks=100, jobs=1, spent={"transcribe1": 1.0}, wall=2.0)
    assert first.each == pytest.approx(20.0)
    assert first.of("light") == pytest.approx(10.0)
    rows = table([first, second]).splitlines()[2:]
    assert rows[0] == "| 10 | 2 | 20.00 | 1.00 | 5.00 | 10.00 | 0.00 | 0.00 | 0.00 | 0.00 | 5.00 | 50.0 |"
    assert rows[1].startswith("| 100 | 1 | 10.00 | 0.50 | 0.00 | 0.00 | 10.00 |")


def test_the_null_recognizer_says_its_word_whatever_it_hears() -> None:
    recognizer = null(ModelSource("null:word", "null", "word"), Settings())
    clips = [recognizer.prepare(Clip(np.zeros(seconds * SAMPLE_RATE, np.float32))) for seconds in (1, 30)]
    answers = recognizer.transcribe(clips)
    assert [_text(answer) for answer in answers] == [" word", " word"]
    recognizer.rest()


def test_the_sleeping_recognizer_says_as_much_as_a_speaker() -> None:
    recognizer = sleeping(ModelSource("sleeping:0.001", "sleeping", "0.001"), Settings())
    assert recognizer.factor == 0.001
    [answer] = recognizer.transcribe([Clip(np.zeros(4 * SAMPLE_RATE, np.float32))])
    assert _text(answer) == " word" * 10
    assert isinstance(answer, Hypothesis)
    assert answer.segments[0].words[-1].end == pytest.approx(4.0)


def _text(answer: object) -> str:
    assert isinstance(answer, Hypothesis)
    return "".join(segment.text for segment in answer.segments)


def test_pink_noise_has_as_much_power_in_each_octave() -> None:
    power = np.square(np.abs(np.fft.rfft(pink(2**16))))
    low, high = (power[edge : 2 * edge].sum() for edge in (2**9, 2**13))
    assert low == pytest.approx(high, rel=0.2)


def test_every_sound_is_as_loud_as_it_was_asked_for() -> None:
    levels = {name: float(np.sqrt(np.mean(np.square(sound)))) for name, sound in sounds(SAMPLE_RATE * 3, 0.1, 20.0)}
    assert levels.pop("digital silence") == 0.0
    assert levels == {name: pytest.approx(0.01, rel=1e-3) for name in ("white noise", "pink noise", "music", "clicks")}
