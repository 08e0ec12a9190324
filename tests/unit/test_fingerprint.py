"""The chunk cache's key must tell apart what may be heard differently; its content must come back as it was."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.transcript import Gap, Segment, Word
from worker import fingerprint
from worker.engines.protocols import SAMPLED, Clip, EngineInfo, Hypothesis

CONSTRAINTS = (Path(__file__).resolve().parents[2] / "constraints.txt").read_text()
SAMPLES = np.linspace(-1, 1, 1600, dtype=np.float32)
CLIP = Clip(SAMPLES, "en", hotwords=("Ada",))
INFO = EngineInfo("demo", "faster-whisper", "0f3a", "cpu", "int8")

OTHER_CLIPS: dict[str, Any] = {
    "samples": np.append(SAMPLES, np.float32(0)),
    "language": None,  # detected: the answer may be another language, and its probability is not 1
    "task": "translate",
    "prompt": "Minutes of the board.",
    "hotwords": ("Ada", "Bea"),
    "word_timestamps": False,  # segments without words
    "speech_seconds": 0.1,  # hardly any: a gate wants a probable text
}
OTHER_ENGINES: dict[str, Any] = {
    "name": "small",
    "engine": "another",
    "revision": "0f3b",  # trained further
    "device": "cuda",  # rounds differently
    "compute_type": "float32",
    "windows": (10.0, 30.0),  # short clips with less silence after them
}


def test_every_field_is_in_the_fingerprint_or_known_not_to_matter() -> None:
    """A new field that decides the answer and is not in the key would serve one caller's wish to another's chunk."""
    assert {one.name for one in fields(Clip)} == set(OTHER_CLIPS) | {"features"}
    assert {one.name for one in fields(EngineInfo)} == set(OTHER_ENGINES)


@pytest.mark.parametrize("field", OTHER_CLIPS)
def test_another_clip_has_another_fingerprint(field: str) -> None:
    other = replace(CLIP, **{field: OTHER_CLIPS[field]})
    assert fingerprint.of(other, INFO, "") != fingerprint.of(CLIP, INFO, "")


@pytest.mark.parametrize("field", OTHER_ENGINES)
def test_another_recognizer_has_another_fingerprint(field: str) -> None:
    other = replace(INFO, **{field: OTHER_ENGINES[field]})
    assert fingerprint.of(CLIP, other, "") != fingerprint.of(CLIP, INFO, "")


def test_another_calibration_has_another_fingerprint() -> None:
    assert fingerprint.of(CLIP, INFO, "a1") != fingerprint.of(CLIP, INFO, "")


def test_one_sample_decides() -> None:
    quieter = SAMPLES.copy()
    quieter[800] = np.nextafter(quieter[800], np.float32(0))
    assert fingerprint.of(replace(CLIP, samples=quieter), INFO, "") != fingerprint.of(CLIP, INFO, "")


def test_what_a_recognizer_prepared_changes_nothing() -> None:
    prepared = replace(CLIP, features=np.zeros((80, 10)))
    assert fingerprint.of(prepared, INFO, "") == fingerprint.of(CLIP, INFO, "")


def test_the_same_sound_in_another_buffer_is_the_same() -> None:
    """A slice of a longer recording, not contiguous, in the other byte order."""
    strided = np.repeat(SAMPLES, 2)[::2]
    swapped = SAMPLES.astype(">f4")
    for samples in (strided, swapped):
        assert fingerprint.of(replace(CLIP, samples=samples), INFO, "") == fingerprint.of(CLIP, INFO, "")


HEARD = Hypothesis(
    segments=(
        Segment(
            start=0.1,
            end=1.0 / 3.0,
            text=" Good morning.",
            language="en",
            avg_logprob=-0.1234567890123,
            no_speech_prob=1e-12,
            words=(Word(0.1, 0.2, " Good", 0.97), Word(0.2, 1.0 / 3.0, " morning.", 0.91)),
            flags=("forced_cut",),
        ),
        Segment(4.0, 5.0, " 早上好", "zh", -0.4, 0.0),
    ),
    language="en",
    language_probability=0.87,
    suppressed=(Gap(1.0, 3.5, ("no_speech", "rate"), " Thank you."), Gap(8.0, 9.0, ())),
)


@pytest.mark.parametrize("heard", [HEARD, Hypothesis((), "en", 1.0)], ids=["words", "nothing"])
def test_an_answer_comes_back_from_json_as_it_was(heard: Hypothesis) -> None:
    assert fingerprint.hypothesis(json.loads(json.dumps(fingerprint.stored(heard)))) == heard


def test_what_was_sampled_is_not_kept() -> None:
    sampled = replace(HEARD.segments[0], flags=(SAMPLED,))
    assert fingerprint.repeatable(HEARD)
    assert not fingerprint.repeatable(replace(HEARD, segments=(*HEARD.segments, sampled)))


def test_suppressed_text_is_an_answer_too() -> None:
    assert fingerprint.repeatable(replace(HEARD, segments=()))


def test_the_pipeline_is_raised_with_the_libraries_that_decode() -> None:
    """With other versions the same clip may give other words: raise fingerprint.PIPELINE, then say so here."""
    decoders = ("faster-whisper", "ctranslate2", "tokenizers")
    pinned = [re.search(rf"^{name}==(.+)$", CONSTRAINTS, re.M) for name in decoders]
    assert (fingerprint.PIPELINE, *(found and found[1] for found in pinned)) == (1, "1.2.1", "4.8.5", "0.23.3")
