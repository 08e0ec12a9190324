"""What decides a recognizer's answer, as one hash, and the answer as JSON: the key and the content of the chunk cache.

Two chunks of one fingerprint would be heard alike. So all that can change a word, a time or a number of the answer is
in it, and nothing else: not the recording, the job or the place of the chunk in either.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from core.transcript import Gap, Segment
from worker.engines.protocols import Clip, EngineInfo, Hypothesis

PIPELINE = 1
"""Raise it with every change that lets the same clip give another answer with the same model: to decoding and its
constants (beam, temperatures, gates, windows, prompts), to the smoothing of times, to what a stored answer holds, and
with another version of faster-whisper, CTranslate2 or tokenizers. What was heard before is then not found any more."""

APART = {"samples": "hashed as bytes", "features": "made of the samples by the recognizer itself"}
"""Fields of a clip that its description leaves out, and why."""


def of(clip: Clip, info: EngineInfo, calibration_id: str) -> str:
    """SHA-256, in hexadecimal, of the clip's samples and of all else that decides what `info`'s recognizer answers.

    `calibration_id`: of the calibration that the stored confidences went through, empty without one. The device is in
    it, since a GPU and a CPU round differently. On a GPU in half precision the neighbours in a batch may change a
    last digit; an answer is not bound to them.
    """
    hashed = hashlib.sha256(_described(clip, info, calibration_id))
    hashed.update(np.ascontiguousarray(clip.samples, "<f4").data)
    return hashed.hexdigest()


def _described(clip: Clip, info: EngineInfo, calibration_id: str) -> bytes:
    """JSON of one form, so that equal options are equal bytes; it ends where the samples begin, at a zero byte."""
    asked = {one.name: getattr(clip, one.name) for one in fields(clip) if one.name not in APART}
    said = {"asked": asked, "by": asdict(info), "calibration": calibration_id, "pipeline": PIPELINE}
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode() + b"\0"


def repeatable(hypothesis: Hypothesis) -> bool:
    """Whether the same clip gives the same again. What was sampled may not: it is not kept."""
    return not hypothesis.sampled


def stored(hypothesis: Hypothesis) -> dict[str, Any]:
    """As JSON, in the clip's time. `hypothesis` is its inverse, to the last digit."""
    plain = {one.name: getattr(hypothesis, one.name) for one in fields(hypothesis)}
    segments = [segment.to_json() for segment in hypothesis.segments]
    suppressed = [{**asdict(gap), "reasons": list(gap.reasons)} for gap in hypothesis.suppressed]
    return {**plain, "segments": segments, "suppressed": suppressed}


def hypothesis(stored: Mapping[str, Any]) -> Hypothesis:
    gaps = tuple(Gap(**{**one, "reasons": tuple(one["reasons"])}) for one in stored["suppressed"])
    segments = tuple(Segment.from_json(one) for one in stored["segments"])
    return Hypothesis(**{**stored, "segments": segments, "suppressed": gaps})
