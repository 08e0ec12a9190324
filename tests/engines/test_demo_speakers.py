"""The demonstration diarizer that ships with the project: it loads in the unmodified pyannote.audio, finds who speaks
in the bundled meeting, and is what its scores say. How well it does on other voices is in `models/demo-speakers`."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.models import DEMO_SPEAKERS, DIARIZERS
from core.settings import Settings
from scriptorium.scoring.diarization import speaker_errors
from scriptorium.scoring.files import read
from worker.audio import decode
from worker.engines.protocols import Diarization, Samples, samples

if find_spec("pyannote") is None or find_spec("pyannote.audio") is None:
    pytest.skip("needs the extra diarization", allow_module_level=True)

from worker.engines.pyannote import PyannoteDiarizer, load

# isort: split
import pyannote.audio
import torch
from pyannote.audio import Pipeline

MEETING = Path(__file__).parents[2] / "samples" / "meeting"
CALL = Path(pyannote.audio.__file__).parent / "sample"
SCORES: dict[str, Any] = json.loads((DEMO_SPEAKERS / "scores.json").read_text())
MOST_BYTES = 8_000_000


def sound(path: Path) -> Samples:
    return samples(b"".join(decode(path, Settings(), tolerant=False, check=lambda: None)))


@pytest.fixture(scope="module")
def diarizer() -> PyannoteDiarizer:
    return load(DIARIZERS["demo"], Settings(threads=1))


@pytest.fixture(scope="module")
def found(diarizer: PyannoteDiarizer) -> Diarization:
    return diarizer.diarize(sound(MEETING / "meeting.flac"))


def test_it_finds_who_speaks_in_the_meeting(found: Diarization) -> None:
    """A floor that catches breakage; the score itself is in scores.json."""
    said = read(MEETING / "meeting.rttm", "REF").turns()
    assert speaker_errors([(said, found.turns)]).rate < 0.15
    assert sorted(found.embeddings) == ["S1", "S2", "S3"]


def test_the_unmodified_library_loads_it_and_hears_the_same(found: Diarization) -> None:
    waveform = torch.from_numpy(sound(MEETING / "meeting.flac"))[None]
    stock = Pipeline.from_pretrained(DEMO_SPEAKERS)({"waveform": waveform, "sample_rate": 16_000, "uri": "meeting"})
    theirs = sorted((turn.start, turn.end) for turn, _ in stock.speaker_diarization.itertracks())
    ours = sorted((turn.start, turn.end) for turn in found.turns)
    assert np.array(ours) == pytest.approx(np.array(theirs), abs=0.03)


def test_a_real_call_goes_through_it(diarizer: PyannoteDiarizer) -> None:
    """30 s of a telephone call that comes with pyannote.audio. The networks know synthetic voices only: what they find
    there is in `benchmarks/README.md`, and no floor."""
    turns = diarizer.diarize(sound(CALL / "sample.wav")).turns
    assert turns
    assert all(0 <= turn.start < turn.end <= 30.1 for turn in turns)


def test_it_is_small_and_its_card_tells_its_scores() -> None:
    assert sum(path.stat().st_size for path in DEMO_SPEAKERS.rglob("*") if path.is_file()) < MOST_BYTES
    card = (DEMO_SPEAKERS / "README.md").read_text()
    for rate in (SCORES["held_out"]["der"], SCORES["meeting"]["der"]):
        assert f"{rate:.1%}" in card
    assert f"{SCORES['held_out']['right_number']} of {SCORES['held_out']['conversations']}" in card
