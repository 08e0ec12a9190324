"""The contract of every Recognizer, and what is faster-whisper's own."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.errors import EngineError, InvalidRequest, ModelUnavailable
from core.models import DEMO_FOLDER, ModelSource
from core.settings import Settings
from tests.fakes import tones
from worker import engines
from worker.engines import faster_whisper, hub
from worker.engines.protocols import Clip, EngineFailure, EngineInfo, Hypothesis, Recognizer

SETTINGS = Settings(threads=1, device="cpu", engines={"reference": "tests.fakes.recognizers:load"})
SECONDS = 4


@pytest.fixture(scope="module", params=["demo", "reference"])
def recognizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    if request.param == "demo":
        return engines.recognizer("demo", SETTINGS)
    folder = tmp_path_factory.mktemp("words")
    (folder / "words.json").write_text(json.dumps([{"word": f" w{n}", "start": n, "end": n + 1} for n in range(20)]))
    return engines.recognizer(f"reference:{folder / 'words.json'}", SETTINGS)


@pytest.fixture(scope="module")
def speech(recognizer: Recognizer) -> np.ndarray:
    """What this recognizer understands."""
    if recognizer.info.engine == "faster-whisper":
        return engines.known_answer(SETTINGS)
    sounds = [sound for number in range(5) for sound in (tones.burst(number), np.zeros(4000, np.float32))]
    return np.concatenate(sounds)


def heard(answer: Hypothesis | EngineFailure) -> Hypothesis:
    assert isinstance(answer, Hypothesis)
    return answer


def test_one_answer_a_clip_in_order(recognizer: Recognizer, speech: np.ndarray) -> None:
    silence = np.zeros(16_000 * SECONDS, np.float32)
    answers = recognizer.transcribe([Clip(silence, "en"), Clip(speech, "en"), Clip(silence, "en")])
    assert len(answers) == 3
    assert heard(answers[1]).segments
    assert recognizer.transcribe([]) == []


def test_words_lie_in_the_clip_and_in_order(recognizer: Recognizer, speech: np.ndarray) -> None:
    [answer] = recognizer.transcribe([Clip(speech, "en")])
    words = [word for segment in heard(answer).segments for word in segment.words]
    assert words
    assert all(0 <= word.start <= word.end <= len(speech) / 16_000 + 0.5 for word in words)
    assert [word.start for word in words] == sorted(word.start for word in words)


def test_answers_are_plain_values(recognizer: Recognizer, speech: np.ndarray) -> None:
    """They become JSON: no numpy scalar gets out."""
    [answer] = recognizer.transcribe([Clip(speech, "en")])
    stored = json.loads(json.dumps([segment.to_json() for segment in heard(answer).segments]))
    assert stored[0]["words"]
    assert type(heard(answer).language_probability) is float


def test_the_same_clip_gives_the_same_answer(recognizer: Recognizer, speech: np.ndarray) -> None:
    assert recognizer.transcribe([Clip(speech)]) == recognizer.transcribe([Clip(speech)])


def test_a_prepared_clip_gives_the_same_answer(recognizer: Recognizer, speech: np.ndarray) -> None:
    clips = [Clip(speech, "en"), Clip(np.zeros(16_000 * SECONDS, np.float32), "en")]
    assert recognizer.transcribe([recognizer.prepare(clip) for clip in clips]) == recognizer.transcribe(clips)


def test_clips_are_prepared_while_others_are_decoded(recognizer: Recognizer, speech: np.ndarray) -> None:
    alone = [recognizer.prepare(Clip(speech[: -n * 800], "en")) for n in range(1, 9)]
    with ThreadPoolExecutor(1) as beside:
        prepared = beside.map(lambda n: recognizer.prepare(Clip(speech[: -n * 800], "en")), range(1, 9))
        answers = recognizer.transcribe([Clip(speech, "en")] * 3)
        together = list(prepared)
    assert answers == recognizer.transcribe([Clip(speech, "en")] * 3)
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.features, other.features)


def test_what_cannot_be_prepared_fails_when_it_is_decoded(demo: Recognizer) -> None:
    nothing = demo.prepare(Clip(np.zeros(0, np.float32)))
    assert nothing.features is None
    assert isinstance(demo.transcribe([nothing])[0], EngineFailure)


def test_after_a_rest_the_answer_is_the_same(recognizer: Recognizer, speech: np.ndarray) -> None:
    before, info = recognizer.transcribe([Clip(speech, "en")]), recognizer.info
    recognizer.rest()
    recognizer.rest()
    assert recognizer.info == info
    prepared = recognizer.prepare(Clip(speech, "en"))
    assert recognizer.transcribe([prepared]) == before


def test_a_model_says_that_it_rests(known: np.ndarray) -> None:
    loaded = engines.recognizer("demo", SETTINGS)
    assert isinstance(loaded, faster_whisper.FasterWhisper)
    assert not loaded.resting
    loaded.rest()
    assert loaded.resting
    loaded.transcribe([Clip(known, "en")])
    assert not loaded.resting


def test_info_says_how_it_was_made(recognizer: Recognizer) -> None:
    assert all(vars(recognizer.info).values())


@pytest.fixture(scope="module")
def demo() -> Recognizer:
    return engines.recognizer("demo", SETTINGS)


@pytest.fixture(scope="module")
def known() -> np.ndarray:
    return engines.known_answer(SETTINGS)


def test_the_known_answer(demo: Recognizer) -> None:
    engines.prove(demo, SETTINGS)


def test_a_model_that_hears_nothing_is_not_put_to_work() -> None:
    class Deaf:
        info = EngineInfo("deaf", "fake", "1", "cpu", "int8")

        def transcribe(self, clips):  # type: ignore[no-untyped-def]
            return [Hypothesis((), "en", 1.0) for _ in clips]

        def prepare(self, clip: Clip) -> Clip:
            return clip

        def rest(self) -> None: ...

    with pytest.raises(EngineError) as refused:
        engines.prove(Deaf(), SETTINGS)
    assert "deaf" in refused.value.message


def test_the_language_is_detected(demo: Recognizer, known: np.ndarray) -> None:
    [answer] = demo.transcribe([Clip(known)])
    assert heard(answer).language == "en"
    assert 0.5 < heard(answer).language_probability <= 1


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        pytest.param({"language": "de"}, "unsupported_language", id="a language that it has not learned"),
        pytest.param({"samples": np.zeros(0, np.float32)}, "invalid_clip", id="no sound at all"),
        pytest.param({"samples": np.full(16_000, np.nan, np.float32)}, "invalid_clip", id="no numbers"),
        pytest.param({"samples": np.zeros(16_000 * 40, np.float32)}, "invalid_clip", id="longer than its window"),
    ],
)
def test_a_bad_clip_fails_alone(demo: Recognizer, known: np.ndarray, bad: dict[str, object], code: str) -> None:
    good = Clip(known, "en")
    failed, answer = demo.transcribe([Clip(**{"samples": known, **bad}), good])  # type: ignore[arg-type]
    assert isinstance(failed, EngineFailure)
    assert failed.error.code == code
    assert heard(answer).segments
    if code == "unsupported_language":
        assert "en, zh" in failed.error.message


def test_without_word_timestamps_there_are_no_words(demo: Recognizer, known: np.ndarray) -> None:
    [answer] = demo.transcribe([Clip(known, "en", word_timestamps=False)])
    assert all(segment.words == () for segment in heard(answer).segments)


def test_a_model_that_is_not_here_says_what_to_do_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(ModelUnavailable) as refused:
        engines.recognizer("nobody/never-made-this", SETTINGS)
    assert time.monotonic() - began < 5
    assert "scriptorium models pull nobody/never-made-this" in refused.value.message
    assert "--model demo" in refused.value.message


def test_half_a_model_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelUnavailable) as refused:
        faster_whisper.load(ModelSource("half", "faster-whisper", str(tmp_path)), SETTINGS)
    assert "model.bin" in refused.value.message


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    for name in hub.NEEDED:
        (tmp_path / name).write_text("{}")
    with pytest.raises(ModelUnavailable):
        faster_whisper.load(ModelSource("other", "faster-whisper", str(tmp_path)), SETTINGS)


def test_a_local_folder_needs_no_pull() -> None:
    assert engines.pull("demo", SETTINGS) == DEMO_FOLDER


def test_an_engine_that_is_not_installed_names_the_command() -> None:
    settings = Settings(engines={"other": "no_such_package.engine:load"})
    with pytest.raises(ModelUnavailable) as refused:
        engines.recognizer("other:thing", settings)
    assert "pip install no_such_package" in refused.value.message


def test_an_unknown_detector_names_the_known_ones() -> None:
    with pytest.raises(InvalidRequest) as refused:
        engines.detector("ears")
    assert refused.value.details["errors"][0]["allowed"] == ["silero", "webrtc"]
