"""From probabilities to shares of words that are right, and how far off they are."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calibration import BadCalibration, Calibration, TooFewWords, errors, made, measured
from core.isotonic import Judged, fit, interpolated, sound
from core.transcript import Transcript

PROBABILITIES = st.floats(0, 1)
WORDS = st.lists(st.builds(Judged, PROBABILITIES, st.booleans()), min_size=1, max_size=150)


def said(raw: float, right: int, wrong: int) -> list[Judged]:
    """So many words of one probability."""
    return [Judged(raw, True)] * right + [Judged(raw, False)] * wrong


def calibration(recordings: list[list[Judged]], least: int = 1) -> Calibration:
    return made(
        recordings,
        model="demo",
        revision="612ff98803ea",
        compute_type="int8",
        language=None,
        made_at="2026-11-22T12:00:00Z",
        least=least,
    )


def overconfident(count: int, seed: int) -> list[Judged]:
    """Words of any probability that are right half as often as it says."""
    chance = random.Random(seed)
    probabilities = [chance.random() for _ in range(count)]
    return [Judged(raw, chance.random() < raw / 2) for raw in probabilities]


@pytest.mark.parametrize(
    ("words", "points", "why"),
    [
        (said(0.5, 49, 49), ((0.5, 0.5),), "what the decode says is so"),
        (said(0.9, 49, 49), ((0.9, 0.5),), "it is too sure"),
        (said(0.5, 98, 0), ((0.5, 0.99),), "all right is not certainty: one wrong word is added"),
        (said(0.5, 0, 98), ((0.5, 0.01),), "nor is all wrong impossibility"),
        (said(0.5, 1, 0), ((0.5, 0.6667),), "a single word says little"),
        (said(0.2, 24, 74) + said(0.8, 74, 24), ((0.2, 0.25), (0.8, 0.75)), "rising shares stand"),
        (said(0.2, 60, 38) + said(0.8, 38, 60), ((0.5, 0.5),), "falling ones are pooled: more probable is never worse"),
        (
            said(0.2, 9, 89) + said(0.5, 58, 40) + said(0.6, 38, 60) + said(0.9, 88, 10),
            ((0.2, 0.1), (0.55, 0.4899), (0.9, 0.89)),
            "only what falls is pooled",
        ),
        (said(0.1, 1, 9) + said(0.9, 9, 1), ((0.5, 0.5),), "few words make one bin"),
        (said(0.5, 400, 0), ((0.5, 0.9975),), "equal probabilities are never parted"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_fit(words: list[Judged], points: tuple[tuple[float, float], ...], why: str) -> None:
    assert fit(words) == points, why


@settings(max_examples=50)
@given(WORDS, st.lists(PROBABILITIES, min_size=2, max_size=20))
def test_a_more_probable_word_is_never_worth_less(words: list[Judged], raw: list[float]) -> None:
    points = fit(words)
    assert sound(points)
    found = [interpolated(points, one) for one in sorted(raw)]
    assert found == sorted(found)
    assert all(0 < one < 1 for one in found)


@pytest.mark.parametrize(
    ("raw", "calibrated", "why"),
    [
        (0.2, 0.1, "a point"),
        (0.5, 0.3, "half way between two"),
        (0.8, 0.5, "the last point"),
        (0.0, 0.1, "flat before the first"),
        (1.0, 0.5, "flat after the last"),
    ],
)
def test_interpolated(raw: float, calibrated: float, why: str) -> None:
    assert interpolated(((0.2, 0.1), (0.8, 0.5)), raw) == calibrated, why


@pytest.mark.parametrize(
    ("words", "confidences", "ece", "brier", "why"),
    [
        (said(0.0, 5, 5), [0.5] * 10, 0.0, 0.25, "half of them, as it says; but it tells no word from another"),
        (said(0.0, 5, 5), [1.0] * 5 + [0.0] * 5, 0.0, 0.0, "perfect"),
        (said(0.0, 5, 5), [0.0] * 5 + [1.0] * 5, 1.0, 1.0, "the wrong way round"),
        (said(0.0, 9, 1), [1.0] * 10, 0.1, 0.1, "too sure of one in ten"),
        (said(0.0, 1, 0), [1.0], 0.0, 0.0, "certainty has a bin too"),
    ],
)
def test_errors(words: list[Judged], confidences: list[float], ece: float, brier: float, why: str) -> None:
    found = errors(words, confidences)
    assert (found.ece, found.brier) == (ece, brier), why


def test_the_reliability_table_counts_every_word_once() -> None:
    words = overconfident(500, seed=1)
    table = measured(words, [word.raw / 2 for word in words]).reliability
    assert sum(one.words for one in table) == 500
    assert all(one.low <= one.mean_raw <= one.high for one in table)
    assert table[-1].share_right < 0.65
    assert table[-1].calibrated == pytest.approx(table[-1].mean_raw / 2, abs=1e-3)


def test_it_puts_right_what_it_was_not_made_from() -> None:
    found = calibration([overconfident(100, seed) for seed in range(20)])
    assert found.measured.before.ece > 0.2
    assert found.measured.after is not None
    assert found.measured.after.ece < 0.04
    unseen = overconfident(2000, seed=99)
    assert errors(unseen, [found.of(word.raw) for word in unseen]).ece < 0.04


def test_the_error_after_is_of_recordings_that_were_held_out() -> None:
    """Two that contradict each other: fitted to both, the error would vanish."""
    found = calibration([said(0.5, 100, 0), said(0.5, 0, 100)])
    assert found.points == ((0.5, 0.5),)
    assert found.measured.after is not None
    assert found.measured.after.ece > 0.98


def test_of_a_single_recording_the_error_after_is_not_known() -> None:
    found = calibration([overconfident(600, seed=1), []])
    assert found.measured.after is None
    assert found.to_json()["ece_after"] is None
    assert Calibration.from_json(found.to_json()) == found


def test_too_few_words_say_how_many_there_are() -> None:
    with pytest.raises(TooFewWords) as refused:
        calibration([said(0.5, 10, 10)], least=500)
    assert "20 words" in refused.value.message
    assert "500" in refused.value.message
    assert refused.value.status < 500
    with pytest.raises(TooFewWords):
        calibration([], least=0)


def test_json_gives_the_same_back() -> None:
    found = calibration([overconfident(300, seed) for seed in range(3)])
    stored = found.to_json()
    assert Calibration.from_json(stored) == found
    assert {"model", "revision", "points", "ece_before", "ece_after", "reliability", "made_at"} <= set(stored)


def test_the_id_is_of_what_it_does() -> None:
    one, other = (calibration([overconfident(600, seed)]) for seed in (1, 2))
    assert one.id != other.id
    assert Calibration.from_json({**one.to_json(), "made_at": "later"}).id == one.id
    assert Calibration.from_json({**one.to_json(), "language": "en"}).id != one.id


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"points": []}, "no points"),
        ({"points": [[0.5, 0.2], [0.6, 0.1]]}, "a falling share"),
        ({"points": [[0.5, 0.2], [0.5, 0.3]]}, "two shares of one probability"),
        ({"points": [[0.5, 1.0]]}, "certainty"),
        ({"points": [["high", 0.5]]}, "no number"),
        ({"points": [0.5]}, "no pair"),
        ({"reliability": [{"low": 0.1}]}, "half a table"),
        ({"ece_before": None}, "nothing measured"),
    ],
)
def test_what_is_no_calibration_is_refused(change: dict[str, object], why: str) -> None:
    stored = {**calibration([overconfident(600, seed=1)]).to_json(), **change}
    with pytest.raises(BadCalibration):
        Calibration.from_json(stored)


@pytest.mark.parametrize("stored", [None, [], {}, {"model": "demo"}])
def test_other_json_is_refused(stored: object) -> None:
    with pytest.raises(BadCalibration):
        Calibration.from_json(stored)


def test_a_transcript_says_whether_its_confidences_are_calibrated() -> None:
    plain = Transcript(3.0, None, (), 2.0).to_json("job")
    assert plain["confidence_calibrated"] is False
    assert plain["coverage"]["speech_without_text_seconds"] == 0.0
    told = Transcript(3.0, None, (), 2.0, calibrated=True, speech_without_text=1.23456).to_json("job")
    assert told["confidence_calibrated"] is True
    assert told["coverage"]["speech_without_text_seconds"] == 1.235
