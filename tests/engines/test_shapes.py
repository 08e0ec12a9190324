"""Whispers of a true shape load and run, in the library as in our engine, and both say the script."""

from pathlib import Path

import numpy as np
import pytest

from core.settings import Settings
from tests.fakes import shapes
from worker import engines
from worker.engines.faster_whisper import FasterWhisper
from worker.engines.protocols import SAMPLE_RATE, Clip, EngineInfo, Hypothesis

SETTINGS = Settings(device="cpu")
WORDS = 20
NOISE = np.random.default_rng(1).normal(0, 0.1, 29 * SAMPLE_RATE).astype(np.float32)
SILENCE = np.zeros(30 * SAMPLE_RATE, np.float32)


def loaded(folder: Path, shape: str) -> FasterWhisper:
    found = engines.recognizer(str(shapes.build(folder, shape, WORDS)), SETTINGS)
    assert isinstance(found, FasterWhisper)
    return found


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> FasterWhisper:
    return loaded(tmp_path_factory.mktemp("tiny"), "tiny")


def ours(recognizer: FasterWhisper, clips: list[Clip]) -> None:
    for answer in recognizer.transcribe(clips):
        assert isinstance(answer, Hypothesis)
        assert answer.suppressed == ()
        assert answer.language == "en"
        assert [(segment.text, segment.flags) for segment in answer.segments] == [(shapes.script(WORDS), ())]


def theirs(recognizer: FasterWhisper, clip: Clip) -> None:
    found = list(recognizer._model.transcribe(clip.samples, language="en", word_timestamps=clip.word_timestamps)[0])
    assert [(segment.text, segment.temperature) for segment in found] == [(shapes.script(WORDS), 0.0)]


def test_tiny_says_its_script_whatever_it_hears(tiny: FasterWhisper) -> None:
    clips = [Clip(NOISE), Clip(SILENCE), Clip(NOISE, "en", word_timestamps=False)]
    ours(tiny, clips)
    for clip in clips:
        theirs(tiny, clip)


def test_its_one_segment_fills_the_window(tiny: FasterWhisper) -> None:
    [answer] = tiny.transcribe([Clip(SILENCE, "en", word_timestamps=False)])
    assert isinstance(answer, Hypothesis)
    assert [(segment.start, segment.end) for segment in answer.segments] == [shapes.SPOKEN]


@pytest.mark.parametrize("quantization", ["float16", "float32"])
def test_other_weights_say_the_same(tmp_path: Path, quantization: str) -> None:
    folder = shapes.build(tmp_path, "tiny", WORDS, quantization)
    found = engines.recognizer(str(folder), SETTINGS)
    assert isinstance(found, FasterWhisper)
    ours(found, [Clip(NOISE, "en", word_timestamps=False)])


def test_large_v3_turbo_loads_and_runs(tmp_path: Path) -> None:
    """128 mel bins, 51,866 tokens, 809 million parameters, in int8 on processors."""
    turbo = loaded(tmp_path, "large-v3-turbo")
    assert (turbo._model.model.n_mels, turbo._model.hf_tokenizer.get_vocab_size()) == (128, 51_866)
    assert turbo.info == EngineInfo(tmp_path.name, "faster-whisper", turbo.info.revision, "cpu", "int8_float32")
    ours(turbo, [Clip(NOISE)])
    theirs(turbo, Clip(SILENCE))


def test_the_vocabularies_are_whispers() -> None:
    """As many tokens as openai/whisper's two multilingual vocabularies, the specials where they stand in them."""
    tiny, turbo = (shapes.SHAPES[name].vocabulary for name in ("tiny", "large-v3-turbo"))
    assert (len(tiny), len(turbo)) == (51_865, 51_866)
    assert len(set(turbo)) == len(turbo)
    assert [tiny.index(token) for token in ("", "<|endoftext|>", "<|startoftranscript|>")] == [50_256, 50_257, 50_258]
    assert [tiny.index(token) for token in ("<|translate|>", "<|notimestamps|>", "<|0.00|>")] == [
        50_358,
        50_363,
        50_364,
    ]


def test_a_script_that_the_decoder_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="half of the decoder"):
        shapes.build(tmp_path, "tiny", words=250)
