"""The contract of every SpeechDetector, on the bundled recordings, whose word times are known."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.settings import Settings
from worker import engines
from worker.audio import BYTES_PER_SECOND, decode
from worker.chunking import Loudness, cut
from worker.engines.protocols import Span, SpeechDetector
from worker.engines.spans import Hysteresis, spans

MEETING = Path(__file__).resolve().parents[2] / "samples" / "meeting" / "meeting.flac"


@pytest.fixture(params=sorted(engines.DETECTORS))
def detector(request: pytest.FixtureRequest) -> SpeechDetector:
    return engines.detector(request.param)


@pytest.fixture(scope="module")
def meeting() -> bytes:
    return b"".join(decode(MEETING, Settings(), tolerant=False, check=lambda: None))


def words() -> list[tuple[float, float]]:
    stored = json.loads(MEETING.with_suffix(".words.json").read_text())
    return [(word["start"], word["end"]) for word in stored]


def in_blocks(pcm: bytes, size: int) -> Iterator[bytes]:
    yield from (pcm[at : at + size] for at in range(0, len(pcm), size))


def noisy(pcm: bytes, decibels: float) -> bytes:
    """With white noise that far under the whole recording's mean level."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    noise = np.random.default_rng(1).standard_normal(len(samples))
    mixed = samples + noise * np.sqrt(np.square(samples).mean()) * 10 ** (-decibels / 20)
    return np.clip(mixed, -32768, 32767).astype("<i2").tobytes()


def test_spans_come_in_order_and_apart(detector: SpeechDetector, meeting: bytes) -> None:
    found = list(detector.spans([meeting]))
    assert found
    assert all(0 <= span.start < span.end <= len(meeting) / BYTES_PER_SECOND + 0.04 for span in found)
    assert all(one.end <= following.start for one, following in zip(found, found[1:], strict=False))
    assert all(type(span.start) is float and type(span.end) is float for span in found)


def test_the_blocks_do_not_matter(detector: SpeechDetector, meeting: bytes) -> None:
    whole = list(detector.spans([meeting]))
    for size in (999, 65_536):
        assert list(detector.spans(in_blocks(meeting, size))) == whole


def test_a_detector_remembers_nothing_of_the_last_recording(detector: SpeechDetector, meeting: bytes) -> None:
    assert list(detector.spans([meeting])) == list(detector.spans([meeting]))


@pytest.mark.parametrize("decibels", [None, 20])
def test_no_word_is_outside_the_chunks(detector: SpeechDetector, meeting: bytes, decibels: float | None) -> None:
    """Recall before precision: a word that is missed here is lost for ever."""
    pcm = meeting if decibels is None else noisy(meeting, decibels)
    chunks = list(cut(detector.spans(in_blocks(pcm, 65_536)), Loudness()))
    for start, end in words():
        middle = (start + end) / 2
        assert any(chunk.start <= middle <= chunk.end for chunk in chunks), (start, end)


@pytest.mark.parametrize("seconds", [0, 0.01, 5])
def test_silence_is_no_speech(detector: SpeechDetector, seconds: float) -> None:
    assert list(detector.spans([bytes(2 * int(seconds * 16_000))])) == []


def test_faint_hiss_is_no_speech(detector: SpeechDetector) -> None:
    hiss = (np.random.default_rng(2).standard_normal(16_000 * 20) * 8).astype("<i2").tobytes()
    heard = sum(span.end - span.start for span in detector.spans([hiss]))
    assert heard < 1.0


def test_an_odd_last_byte_is_no_error(detector: SpeechDetector, meeting: bytes) -> None:
    assert list(detector.spans([meeting[:64_001]])) == list(detector.spans([meeting[:64_000]]))


RULES = Hysteresis(enter=0.5, leave=0.3, silence=0.2, piece=1.0)


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        pytest.param([0, 0, 0.4], [], id="never sure"),
        pytest.param([0, 0.6, 0.4, 0.4, 0, 0, 0], [(0.1, 0.4)], id="goes on while above the lower bound"),
        pytest.param([0.6, 0, 0.6, 0, 0, 0], [(0, 0.3)], id="a short silence is bridged"),
        pytest.param([0.6, 0, 0, 0, 0.6], [(0, 0.1), (0.4, 0.5)], id="a longer one is not"),
        pytest.param([0.9] * 15, [(0, 1.0), (1.0, 1.5)], id="long speech is handed over in touching pieces"),
    ],
)
def test_hysteresis(probabilities: list[float], expected: list[tuple[float, float]]) -> None:
    found = [(round(span.start, 3), round(span.end, 3)) for span in spans(probabilities, 0.1, RULES)]
    assert found == expected
    assert all(isinstance(span, Span) for span in spans(probabilities, 0.1, RULES))
