"""Calibrating a real model: the folder, which words are right, the file, and what the worker makes of it."""

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.calibration import Calibration, TooFewWords, made
from core.errors import InvalidRequest
from core.isotonic import Judged
from core.models import DEMO_FOLDER
from core.settings import Settings
from core.transcript import Segment, Word
from tests.fakes import tones
from worker import calibrate, engines
from worker.engines import calibrations
from worker.engines.protocols import Clip, EngineInfo, Hypothesis, Recognizer

SETTINGS = Settings(threads=1, device="cpu", engines={"reference": "tests.fakes.recognizers:load"})
SAMPLES = Path(__file__).parents[2] / "samples"
INFO = EngineInfo("demo", "faster-whisper", "1", "cpu", "int8")


def halving(info: EngineInfo = INFO, language: str | None = None) -> Calibration:
    """Words of 0.4 are right one time in five, of 0.8 two times in five."""
    words = [Judged(raw, number < 50 * raw) for raw in (0.4, 0.8) for number in range(100)]
    return made(
        [words],
        model=info.name,
        revision=info.revision,
        compute_type=info.compute_type,
        language=language,
        made_at="",
        least=1,
    )


def segment(language: str, *confidences: float) -> Segment:
    words = tuple(Word(n, n + 1, f" w{n}", confidence) for n, confidence in enumerate(confidences))
    return Segment(0.0, float(len(words)), "".join(word.word for word in words), language, -0.2, 0.0, words)


def heard(*segments: Segment) -> Hypothesis:
    return Hypothesis(segments, "en", 1.0)


def test_a_folder_of_pairs_at_any_depth(tmp_path: Path) -> None:
    for name in ("a.wav", "a.txt", "a.rttm", "deep/b.FLAC", "deep/b.txt", "c.mp3", "d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = calibrate.labelled(tmp_path)
    assert [one.name for one in found.recordings] == ["a.wav", "deep/b.FLAC"]
    assert found.alone == ("c.mp3", "d.txt")


def test_a_folder_without_a_pair_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InvalidRequest) as refused:
        calibrate.labelled(tmp_path)
    assert "talk.wav" in refused.value.message


def test_words_get_another_confidence_and_the_text_stays() -> None:
    before = heard(segment("en", 0.4, 0.6, 0.8))
    after = calibrations.calibrated(before, halving())
    assert [word.confidence for word in after.segments[0].words] == pytest.approx([0.2, 0.3, 0.4], abs=0.01)
    assert after.segments[0].text == before.segments[0].text
    assert calibrations.calibrated(before, None) == before


@pytest.mark.parametrize(
    ("hypothesis", "language", "applies", "why"),
    [
        (heard(segment("en", 0.4)), None, True, "for all languages"),
        (heard(segment("en", 0.4)), "en", True, "for this one"),
        (heard(segment("zh", 0.4)), "en", False, "for another"),
        (heard(segment("en", 0.4), segment("zh", 0.4)), "en", False, "in part"),
        (heard(segment("en")), None, False, "without words, the segment has the mean token's probability"),
        (heard(), None, True, "nothing was heard: nothing is uncalibrated"),
    ],
)
def test_what_a_calibration_covers(hypothesis: Hypothesis, language: str | None, applies: bool, why: str) -> None:
    calibration = halving(language=language)
    assert calibrations.applies(hypothesis, calibration) is applies, why
    assert calibrations.applies(hypothesis, None) is False
    if not applies and hypothesis.segments[-1].words:
        assert calibrations.calibrated(hypothesis, calibration).segments[-1] == hypothesis.segments[-1]


def test_an_operators_own_comes_before_the_models(tmp_path: Path) -> None:
    info = replace(
        INFO, revision=Calibration.from_json(json.loads((DEMO_FOLDER / calibrations.FILE).read_text())).revision
    )
    settings = Settings(data=tmp_path)
    bundled = calibrations.find(info, settings)
    assert bundled is not None
    calibrations.write(halving(info), calibrations.own("demo", tmp_path))
    found = calibrations.find(info, settings)
    assert found == halving(info)
    assert found != bundled


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be used"),
        ("{}", "make it again"),
        (json.dumps(halving(replace(INFO, revision="2")).to_json()), "is of revision 2"),
    ],
)
def test_what_does_not_fit_is_left_out_and_the_log_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str, said: str
) -> None:
    info = replace(INFO, name="nobody/made-this")
    place = calibrations.own(info.name, tmp_path)
    place.parent.mkdir()
    place.write_text(content)
    with caplog.at_level(logging.INFO):
        assert calibrations.find(info, Settings(data=tmp_path)) is None
    assert said in caplog.text
    assert "are not calibrated" in caplog.text


def test_another_compute_type_is_used_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    info = replace(INFO, name="nobody/made-this")
    calibrations.write(halving(info), calibrations.own(info.name, tmp_path))
    with caplog.at_level(logging.INFO):
        assert calibrations.find(replace(info, compute_type="float16"), Settings(data=tmp_path))
    assert "made in int8 and is used in float16" in caplog.text


@pytest.mark.parametrize("name", ["owner/name", "engine:name", "../../etc", "名"])
def test_every_name_is_a_file_in_one_folder(tmp_path: Path, name: str) -> None:
    place = calibrations.own(name, tmp_path)
    assert place.resolve().parent == tmp_path / "calibrations"
    calibrations.write(halving(), place)
    assert [path.name for path in place.parent.iterdir()] == [place.name]


@pytest.fixture(scope="module")
def demo() -> Recognizer:
    return engines.recognizer("demo", SETTINGS)


def test_the_demonstration_model_has_one(demo: Recognizer, tmp_path: Path) -> None:
    """Made of these very weights. A new model needs a new one: `models/demo-whisper/README.md`."""
    found = calibrations.find(demo.info, Settings(data=tmp_path))
    assert found is not None
    assert found.measured.after is not None
    assert found.words >= 3000
    assert found.measured.after.ece < found.measured.before.ece
    [answer] = demo.transcribe([Clip(engines.known_answer(SETTINGS), "en")])
    assert isinstance(answer, Hypothesis)
    after = calibrations.calibrated(answer, found)
    assert [one.text for one in after.segments] == [one.text for one in answer.segments]
    assert after.segments[0].words[0].confidence == found.of(answer.segments[0].words[0].confidence)
    assert after != answer


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled meeting, Mandarin, and what is no recording."""
    folder = tmp_path_factory.mktemp("labelled")
    for path in (*SAMPLES.glob("meeting/meeting.*"), *SAMPLES.glob("mandarin.*")):
        shutil.copy(path, folder / path.name)
    (folder / "broken.wav").write_bytes(b"no sound at all" * 100)
    (folder / "broken.txt").write_text("something was said")
    return folder


def test_calibrating_the_demonstration_model(demo: Recognizer, samples: Path) -> None:
    told: list[str] = []
    found = calibrate.calibration(demo, samples, SETTINGS, least=200, tell=told.append)
    assert found.revision == demo.info.revision
    assert 200 < found.words < 300
    assert found.measured.after is not None
    assert any(line.startswith("broken.wav is left out") for line in told)
    assert any(line.startswith("meeting.flac: ") for line in told)


@pytest.fixture
def mandarin(tmp_path: Path) -> Path:
    """Four sentences."""
    folder = tmp_path / "mandarin"
    folder.mkdir()
    for path in SAMPLES.glob("mandarin.*"):
        shutil.copy(path, folder)
    return folder


def test_checking_makes_none(demo: Recognizer, mandarin: Path, tmp_path: Path) -> None:
    info, settings = demo.info, SETTINGS.model_copy(update={"data": tmp_path})
    calibrations.write(halving(info), calibrations.own("demo", tmp_path))
    found = calibrate.checked(demo, mandarin, settings)
    assert found.after is not None
    assert found.after.ece > found.before.ece, "words are right more often than half as often as they say"
    assert calibrations.find(info, settings) == halving(info)


def test_too_few_words_are_wrong_use(demo: Recognizer, mandarin: Path) -> None:
    with pytest.raises(TooFewWords) as refused:
        calibrate.calibration(demo, mandarin, SETTINGS)
    assert "500" in refused.value.message


def test_a_recording_is_cut_as_the_product_cuts_it(tmp_path: Path) -> None:
    """A recognizer that hears every word of the tones: all are right, so none was lost or halved at a cut."""
    words = tones.make(tmp_path / "tones.wav", 90)
    (tmp_path / "tones.txt").write_text(" ".join(one.word for one in words))
    settings = SETTINGS.model_copy(update={"vad": "webrtc"})
    recognizer = engines.recognizer(f"reference:{tmp_path / 'tones.json'}", settings)
    told: list[str] = []
    calibrate.calibration(recognizer, tmp_path, settings, least=1, tell=told.append)
    assert told == [f"tones.wav: {len(words)} of {len(words)} words that were heard are right"]


def test_without_a_calibration_there_is_nothing_to_check(tmp_path: Path) -> None:
    (tmp_path / "words.json").write_text("[]")
    recognizer = engines.recognizer(f"reference:{tmp_path / 'words.json'}", SETTINGS)
    with pytest.raises(InvalidRequest) as refused:
        calibrate.checked(recognizer, tmp_path, Settings(data=tmp_path))
    assert "--check" in refused.value.message
