"""`scriptorium models calibrate`, as a person types it."""

import json
import subprocess
from pathlib import Path

import pytest

from core.calibration import Calibration
from tests.acceptance.running import run
from tests.fakes import tones

ENGINES = json.dumps({"reference": "tests.fakes.recognizers:load"})


def calibrate(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return run("models", "calibrate", *arguments, SCRIPTORIUM_ENGINES=ENGINES, SCRIPTORIUM_VAD="webrtc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recordings of tones whose every word the reference recognizer hears, and one without words."""
    made = tmp_path / "labelled"
    made.mkdir()
    for name in ("first", "second"):
        words = tones.make(made / f"{name}.wav", 150, seed=len(name))
        (made / f"{name}.txt").write_text(" ".join(one.word for one in words))
    (made / "third.wav").write_bytes((made / "first.wav").read_bytes())
    return made


def test_a_calibration_is_made_and_checked(folder: Path, tmp_path: Path) -> None:
    model, data = f"reference:{folder / 'first.json'}", ("--data", str(tmp_path / "data"))
    made = calibrate(model, str(folder), *data)
    assert made.returncode == 0, made.stderr
    assert "expected calibration error" in made.stdout
    assert "third.wav has no partner" in made.stderr
    (place,) = (tmp_path / "data" / "calibrations").iterdir()
    assert str(place) in made.stdout
    found = Calibration.from_json(json.loads(place.read_text()))
    assert (found.model, found.revision) == ("reference:first.json", "reference")

    checked = calibrate(model, str(folder), *data, "--check")
    assert checked.returncode == 0, checked.stderr
    assert "expected calibration error" in checked.stdout
    assert str(place) not in checked.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("no-such-model",), "no model 'no-such-model'", id="an unknown model"),
        pytest.param(("demo", "--language", "not a language"), "BCP-47", id="no language"),
        pytest.param(("demo",), "there is no labelled recording", id="an empty folder"),
        pytest.param(("demo", "--check"), "there is no labelled recording", id="nothing to check with"),
    ],
)
def test_wrong_use_is_2(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = calibrate(arguments[0], str(tmp_path), *arguments[1:])
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_too_few_words_are_wrong_use_and_leave_no_file(folder: Path, tmp_path: Path) -> None:
    (folder / "second.txt").unlink()
    (folder / "first.txt").write_text("")
    output = tmp_path / "calibration.json"
    tones.make(folder / "first.wav", 20)
    done = calibrate(f"reference:{folder / 'first.json'}", str(folder), "--output", str(output))
    assert done.returncode == 2
    assert "at least 500" in done.stderr
    assert not output.exists()
