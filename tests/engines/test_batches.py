"""Many clips in one call give what each gives alone, and what upstream's own sequential decoding gives."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.errors import EngineError, OutOfMemory
from core.settings import Settings
from worker import engines
from worker.audio import decode
from worker.engines.faster_whisper import FasterWhisper
from worker.engines.faster_whisper.prompts import MOST, prefix
from worker.engines.faster_whisper.windows import Row
from worker.engines.protocols import SAMPLE_RATE, Clip, EngineFailure, Hypothesis, Samples, samples

SETTINGS = Settings(threads=1, device="cpu", windows=(30.0,))
BUCKETED = Settings(threads=1, device="cpu", windows=(4.0, 6.0, 8.0))
MEETING = Path(__file__).resolve().parents[2] / "samples" / "meeting" / "meeting.flac"


@pytest.fixture(scope="module")
def demo() -> FasterWhisper:
    return loaded(SETTINGS)


@pytest.fixture(scope="module")
def bucketed() -> FasterWhisper:
    return loaded(BUCKETED)


def loaded(settings: Settings) -> FasterWhisper:
    found = engines.recognizer("demo", settings)
    assert isinstance(found, FasterWhisper)
    return FasterWhisper(found._model, found.info, frames=sys.maxsize)  # as on a GPU: a batch is one call


@pytest.fixture(scope="module")
def meeting() -> Samples:
    pcm = b"".join(decode(MEETING, SETTINGS, tolerant=False, check=lambda: None))
    return samples(pcm)


def cuts(meeting: Samples, count: int, seed: int) -> list[Clip]:
    """Pieces of 1 to 10 s from anywhere, some of which begin inside a word."""
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        seconds = chance.uniform(1, 10)
        first = int(chance.uniform(0, len(meeting) / SAMPLE_RATE - seconds) * SAMPLE_RATE)
        found.append(
            Clip(meeting[first : first + int(seconds * SAMPLE_RATE)], word_timestamps=bool(chance.integers(2)))
        )
    return found


def heard(answers: Sequence[Hypothesis | EngineFailure]) -> list[Hypothesis]:
    assert not [one.error for one in answers if isinstance(one, EngineFailure)]
    return [one for one in answers if isinstance(one, Hypothesis)]


def sampled(answer: Hypothesis) -> bool:
    """Chance had a part in it: CTranslate2's generator lives as long as its thread, so twice is not the same."""
    return any("sampled" in segment.flags for segment in answer.segments)


@pytest.mark.parametrize("windows", ["demo", "bucketed"])
def test_a_batch_gives_what_each_clip_gives_alone(
    windows: str, request: pytest.FixtureRequest, meeting: Samples
) -> None:
    recognizer: FasterWhisper = request.getfixturevalue(windows)
    clips = [
        *cuts(meeting, 8, seed=1),
        Clip(np.zeros(3 * SAMPLE_RATE, np.float32)),
        Clip(meeting[: 6 * SAMPLE_RATE], "en", hotwords=("summary",)),
        Clip(meeting[: 6 * SAMPLE_RATE], "en", prompt="Good morning."),
        Clip(meeting[: 5 * SAMPLE_RATE], "zh"),
    ]
    together = heard(recognizer.transcribe([recognizer.prepare(clip) for clip in clips]))
    alone = [heard(recognizer.transcribe([clip]))[0] for clip in clips]
    pairs = [pair for pair in zip(together, alone, strict=True) if not any(map(sampled, pair))]
    assert len(pairs) >= len(clips) // 2
    for batched, single in pairs:
        assert batched == single


def test_alone_it_is_upstreams_own_decoding(demo: FasterWhisper, meeting: Samples) -> None:
    for clip in cuts(meeting, 6, seed=2):
        [ours] = heard(demo.transcribe([clip]))
        theirs, _ = demo._model.transcribe(
            clip.samples, vad_filter=False, condition_on_previous_text=False, word_timestamps=clip.word_timestamps
        )
        expected = [(one.start, one.end, one.text) for one in theirs]
        if not sampled(ours) and not ours.suppressed:
            assert [(one.start, one.end, one.text) for one in ours.segments] == expected


class Watched:
    """In place of the decoder: it writes down what each call holds."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.calls: list[list[tuple[int, int, int]]] = []

    def tokenizer(self, language: str, task: str) -> object:
        return self._inner.tokenizer(language, task)  # type: ignore[attr-defined]

    def advance(self, rows: list[Row]) -> None:
        self.calls.append([(row.index, row.bucket, len(row.prefix)) for row in rows])
        self._inner.advance(rows)  # type: ignore[attr-defined]


def test_a_call_holds_clips_of_one_bucket_and_one_prefix_length(bucketed: FasterWhisper, meeting: Samples) -> None:
    made, watched = watching(bucketed, sys.maxsize)
    seconds = (1, 9, 2, 5, 1.5)
    clips = [Clip(meeting[: int(length * SAMPLE_RATE)], "en", word_timestamps=False) for length in seconds]
    made.transcribe([*clips, Clip(meeting[:SAMPLE_RATE], "en", hotwords=("budget",), word_timestamps=False)])
    first = [[index for index, _, _ in call] for call in watched.calls[:4]]
    assert first == [[0, 2, 4], [5], [3], [1]]
    assert all(len({(bucket, before) for _, bucket, before in call}) == 1 for call in watched.calls)


def test_a_processor_gets_no_more_sound_in_a_call_than_it_has_caches_for(
    bucketed: FasterWhisper, meeting: Samples
) -> None:
    made, watched = watching(bucketed, 1200)
    made.transcribe([Clip(meeting[: n * SAMPLE_RATE], "en", word_timestamps=False) for n in (1, 10, 1, 1, 1, 10)])
    assert [[index for index, _, _ in call] for call in watched.calls[:4]] == [[0, 2, 3], [4], [1], [5]]


def watching(recognizer: FasterWhisper, frames: int) -> tuple[FasterWhisper, Watched]:
    made = FasterWhisper(recognizer._model, recognizer.info, frames)
    watched = Watched(made._decoder)
    made._decoder = watched  # type: ignore[assignment]
    return made, watched


class Breaking:
    """In place of the decoder: one that fails whenever a certain clip is in the call."""

    def __init__(self, inner: object, bad: int, error: str) -> None:
        self._inner, self._bad, self._error = inner, bad, error

    def tokenizer(self, language: str, task: str) -> object:
        return self._inner.tokenizer(language, task)  # type: ignore[attr-defined]

    def advance(self, rows: list[object]) -> None:
        if any(row.index == self._bad for row in rows):  # type: ignore[attr-defined]
            raise RuntimeError(self._error)
        self._inner.advance(rows)  # type: ignore[attr-defined]


def breaking(demo: FasterWhisper, bad: int, error: str) -> FasterWhisper:
    made = FasterWhisper(demo._model, demo.info, frames=sys.maxsize)
    made._decoder = Breaking(made._decoder, bad, error)  # type: ignore[assignment]
    return made


def test_one_bad_clip_fails_alone(demo: FasterWhisper, meeting: Samples) -> None:
    clips = [Clip(meeting[: 3 * SAMPLE_RATE], "en")] * 3
    answers = breaking(demo, 1, "cuBLAS failed").transcribe(clips)
    assert isinstance(answers[1], EngineFailure)
    assert isinstance(answers[1].error, EngineError)
    assert isinstance(answers[0], Hypothesis)
    assert answers[0] == answers[2]


def test_no_room_is_said_of_the_whole_batch(demo: FasterWhisper, meeting: Samples) -> None:
    with pytest.raises(OutOfMemory):
        breaking(demo, 1, "CUDA failed with error out of memory").transcribe([Clip(meeting[:SAMPLE_RATE], "en")] * 3)


def test_hotwords_and_prompt_leave_room_for_the_text(demo: FasterWhisper, meeting: Samples) -> None:
    """Both at their longest overflow upstream's decoder."""
    clip = Clip(meeting[: 4 * SAMPLE_RATE], "en", prompt="budget and summary " * 300, hotwords=("biopsy",) * 300)
    tokenizer = demo._decoder.tokenizer("en", "transcribe")
    assert len(prefix(clip, tokenizer.encode, tokenizer.sot_prev)) == MOST + 1
    [answer] = demo.transcribe([clip])
    assert isinstance(answer, Hypothesis)
