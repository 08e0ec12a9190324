"""Which calibration a loaded model has, and putting it to use on what the model heard."""

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from core.calibration import BadCalibration, Calibration
from core.disk import flush_folder
from core.errors import UnknownModel
from core.models import resolve
from core.settings import Settings
from core.transcript import Segment, Word
from worker.engines.protocols import EngineInfo, Hypothesis

log = logging.getLogger(__name__)
FILE = "calibration.json"
"""In a local model's own folder."""


def find(info: EngineInfo, settings: Settings) -> Calibration | None:
    """An operator's own before the one that came with the model. None where neither was made for these weights:
    confidences are then the decode's own, and the log says why."""
    for path in _places(info, settings):
        if found := _usable(path, info):
            log.info("confidences of the model %s are calibrated (%s)", info.name, found.id)
            return found
    log.info("confidences of the model %s are not calibrated; `scriptorium models calibrate` makes them so", info.name)
    return None


def own(name: str, data: Path) -> Path:
    """Where an operator's calibration of that model lies. Every name gives another file, and none another folder."""
    return data / "calibrations" / f"{quote(name, safe='')}.json"


def calibrated(hypothesis: Hypothesis, calibration: Calibration | None) -> Hypothesis:
    """With the words' confidences replaced; the text stays. Once only: a confidence does not say what it is."""
    if calibration is None:
        return hypothesis
    return replace(hypothesis, segments=tuple(_segment(one, calibration) for one in hypothesis.segments))


def applies(hypothesis: Hypothesis, calibration: Calibration | None) -> bool:
    """Whether `calibrated` covers every confidence in it: not those of segments without words, nor of a language that
    it was not made for."""
    return calibration is not None and all(
        segment.words and calibration.covers(segment.language) for segment in hypothesis.segments
    )


def write(calibration: Calibration, path: Path) -> None:
    """Whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.new")
    with unfinished.open("w") as written:
        written.write(_text(calibration))
        written.flush()
        os.fsync(written.fileno())
    unfinished.replace(path)
    flush_folder(path.parent)


def _text(calibration: Calibration) -> str:
    """JSON, a line a field: people read it."""
    lines = (f" {json.dumps(name)}: {json.dumps(value)}" for name, value in calibration.to_json().items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _places(info: EngineInfo, settings: Settings) -> Iterator[Path]:
    yield own(info.name, settings.data)
    try:
        source = resolve(info.name, settings)
    except UnknownModel:  # it was loaded from somewhere that its name does not tell
        return
    if source.is_local:
        yield Path(source.source) / FILE


def _usable(path: Path, info: EngineInfo) -> Calibration | None:
    """None where there is none, or one of other weights: their probabilities say something else. Another compute type
    moves them by less than a calibration is sure of (docs/decisions/0009-calibrated-confidence.md)."""
    try:
        found = Calibration.from_json(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, BadCalibration) as error:
        log.warning("%s cannot be used: %s", path, error)
        return None
    if found.revision != info.revision:
        log.warning("%s is of revision %s; the model %s here is %s", path, found.revision, info.name, info.revision)
        return None
    if found.compute_type != info.compute_type:
        log.info("%s was made in %s and is used in %s", path, found.compute_type, info.compute_type)
    return found


def _segment(segment: Segment, calibration: Calibration) -> Segment:
    if not calibration.covers(segment.language):
        return segment
    words = tuple(_word(word, calibration) for word in segment.words)
    return replace(segment, words=words)


def _word(word: Word, calibration: Calibration) -> Word:
    return replace(word, confidence=calibration.of(word.confidence))
