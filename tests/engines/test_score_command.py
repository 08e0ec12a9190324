"""`scriptorium score`, as a process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEETING = ROOT / "samples" / "meeting" / "meeting.stm"
TURNS = MEETING.with_suffix(".rttm")
TEXT = MEETING.with_suffix(".txt")
_WITHOUT = "import sys; sys.modules.update({}); from scriptorium.cli import main; sys.argv[0] = 'scriptorium'; main()"


def score(*arguments: object, without: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    """`without`: packages that are not there, as Python sees it."""
    program = _WITHOUT.replace("{}", repr(dict.fromkeys(without)))
    argv = (sys.executable, "-c", program, "score", *map(str, arguments))
    wide = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(argv, cwd=ROOT, env=wide, capture_output=True, text=True, check=False, timeout=120)


def test_a_transcript_without_speakers_is_scored_by_its_words() -> None:
    done = score(MEETING, TEXT)
    assert (done.returncode, done.stderr) == (0, "")
    shown = done.stdout.splitlines()
    assert shown[0] == "WER        0.0%  0 errors in 212 words (0 substituted, 0 missing, 0 extra)"
    assert shown[4] == "DER           -  not scored: no speakers in HYP (meeting.txt): it needs turns"


def test_for_programs() -> None:
    pytest.importorskip("pyannote.metrics")
    done = score(MEETING, TURNS, "--json", "--collar", "0.25", "--skip-overlap")
    document = json.loads(done.stdout)
    assert document["scores"]["der"]["rate"] == 0
    assert (document["scores"]["der"]["collar"], document["scores"]["der"]["overlap"]) == (0.25, "skipped")
    assert set(document["not_scored"]) == {"wer", "cer", "cpwer", "tcpwer"}


def test_what_is_not_installed_is_named_with_the_command_that_brings_it() -> None:
    done = score(MEETING, MEETING, without=("meeteval", "pyannote.metrics"))
    assert done.returncode == 0, done.stderr
    missing = [line for line in done.stdout.splitlines() if "not scored" in line]
    assert [line.split()[0] for line in missing] == ["cpWER", "tcpWER", "DER", "JER"]
    assert all("pip install 'scriptorium[score]', with a C++ compiler" in line for line in missing[:2])
    assert all("pip install 'pyannote.metrics" in line for line in missing[2:])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gone.stm", None, "does not exist"),
        ("empty.stm", b"", "HYP (empty.stm) is empty"),
        ("sound.wav", b"RIFF", "the suffix must be one of .stm .ctm .rttm .txt .json"),
        ("old.txt", b"caf\xe9", "is no text in UTF-8"),
        ("wrong.stm", b"meeting 1 clara", "line 1 has 3 fields"),
        ("only.ctm", b"other 1 0 1 hi\nmeeting 1 0 1 hi", "REF (meeting.stm) has nothing of 'other'"),
    ],
)
def test_wrong_use_names_cause_and_remedy(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    done = score(MEETING, path)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_files_that_allow_no_score_are_wrong_use() -> None:
    done = score(TEXT, TURNS)
    assert done.returncode == 2
    assert done.stdout.count("not scored") == 6


@pytest.mark.parametrize("collar", ["-1", "nan", "inf", "much"])
def test_a_collar_is_a_number_of_seconds(collar: str) -> None:
    assert score(MEETING, TEXT, "--collar", collar).returncode == 2
