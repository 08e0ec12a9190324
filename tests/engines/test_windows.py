"""Which window of the encoder a clip takes, and that a shorter one hears the same."""

from collections.abc import Sequence

import numpy as np
import pytest

from core.settings import Settings
from worker import engines
from worker.engines.faster_whisper import FasterWhisper
from worker.engines.faster_whisper.windows import MARGIN, WINDOW, Row, buckets
from worker.engines.protocols import SAMPLE_RATE, Clip, Hypothesis, Samples


def row(seconds: float, windows: Sequence[float], seek: float = 0.0) -> Row:
    """As the recognizer makes it of a clip of so many seconds."""
    features = np.ones((80, round(seconds * 100) + 1), np.float32)
    clip = Clip(np.zeros(0, np.float32))
    return Row(0, clip, features, (), "en", buckets(windows), seek=round(seek * 100))


@pytest.mark.parametrize(
    ("seconds", "seek", "windows", "expected"),
    [
        pytest.param(1.0, 0.0, (30.0,), 3000, id="whisper's own, whatever the length"),
        pytest.param(1.0, 0.0, (5.0, 10.0), 500, id="the shortest that holds it"),
        pytest.param(3.0, 0.0, (5.0, 10.0), 500, id="with two seconds of silence"),
        pytest.param(3.01, 0.0, (5.0, 10.0), 1000, id="and no less"),
        pytest.param(8.01, 0.0, (5.0, 10.0), 3000, id="else 30 s, which nobody has to name"),
        pytest.param(29.5, 0.0, (5.0, 30.0), 3000, id="where the end needs no silence"),
        pytest.param(30.0, 0.0, (5.0,), 3000, id="a whole window"),
        pytest.param(9.0, 6.5, (5.0, 10.0), 500, id="what is left of a clip"),
        pytest.param(1.0, 0.0, (4.999,), 500, id="an even number of frames"),
    ],
)
def test_the_bucket_is_by_the_rows_own_length(
    seconds: float, seek: float, windows: tuple[float, ...], expected: int
) -> None:
    found = row(seconds, windows, seek)
    assert found.bucket == expected
    assert found.window().shape == (80, expected)
    assert found.window()[:, : found.size].all()
    assert not found.window()[:, found.size :].any()
    assert expected in (WINDOW, *buckets(windows))
    assert expected == WINDOW or expected - found.size >= MARGIN


@pytest.fixture(scope="module")
def full() -> FasterWhisper:
    return loaded((30.0,))


@pytest.fixture(scope="module")
def short() -> FasterWhisper:
    return loaded((5.0,))


def loaded(windows: tuple[float, ...]) -> FasterWhisper:
    found = engines.recognizer("demo", Settings(threads=1, device="cpu", windows=windows))
    assert isinstance(found, FasterWhisper)
    return found


def heard(recognizer: FasterWhisper, samples: Samples) -> Hypothesis:
    [answer] = recognizer.transcribe([Clip(samples, "en")])
    assert isinstance(answer, Hypothesis)
    return answer


def test_every_result_says_with_which_windows(short: FasterWhisper, full: FasterWhisper) -> None:
    assert (short.info.windows, full.info.windows) == ((5.0, 30.0), (30.0,))


def test_words_and_their_times_are_the_same_in_a_short_window(short: FasterWhisper, full: FasterWhisper) -> None:
    known = engines.known_answer(Settings())
    ours, theirs = ([word for one in heard(each, known).segments for word in one.words] for each in (short, full))
    assert [word.word for word in ours] == [word.word for word in theirs]
    assert np.allclose([word.start for word in ours], [word.start for word in theirs], atol=0.1)


def test_a_short_window_invents_nothing(short: FasterWhisper) -> None:
    chance = np.random.default_rng(3)
    for level in (0.0, 0.01, 0.1):
        noise = chance.normal(0, 1, 3 * SAMPLE_RATE).astype(np.float32) * np.float32(level)
        assert heard(short, noise).segments == ()
