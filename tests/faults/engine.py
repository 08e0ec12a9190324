"""A recognizer that reads tones, takes its time, and misbehaves when told to: `SCRIPTORIUM_ENGINES` names `load`."""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from core.errors import EngineError, OutOfMemory
from core.models import ModelSource
from core.settings import Settings
from tests.fakes import tones
from tests.fakes.recognizers import ReferenceRecognizer
from tests.fakes.recognizers import load as load_reference
from tests.faults import control
from tests.faults.control import Control, Rule
from worker.engines.protocols import Clip, EngineFailure, EngineInfo, Hypothesis

_NAN = float("nan")
_UNSURE = -0.9


@dataclass(frozen=True)
class Unreliable:
    reference: ReferenceRecognizer
    control: Control

    @property
    def info(self) -> EngineInfo:
        return self.reference.info

    def transcribe(self, clips: Sequence[Clip]) -> list[Hypothesis | EngineFailure]:
        seconds, rules = self.control.read()
        heard = [[number for number, _, _ in tones.read(clip.samples)] for clip in clips]
        threading.Event().wait(seconds * sum(map(bool, heard)))
        answers = [_doubted(answer, clip) for answer, clip in zip(self.reference.transcribe(clips), clips, strict=True)]
        for rule in rules:
            hit = [at for at, numbers in enumerate(heard) if any(rule.first <= one <= rule.last for one in numbers)]
            if hit and _applies(rule, clips) and self.control.take(rule):
                answers = _misbehave(rule, answers, hit[0])
        return answers

    def prepare(self, clip: Clip) -> Clip:
        return clip

    def rest(self) -> None:
        """There is no device."""


def _doubted(answer: Hypothesis | EngineFailure, clip: Clip) -> Hypothesis | EngineFailure:
    """Half of what it hears without knowing what was said before it is not sure of, so that there is a second pass."""
    if isinstance(answer, EngineFailure) or clip.prompt or not answer.segments or len(answer.segments[0].words) % 2:
        return answer
    return replace(answer, segments=tuple(replace(one, avg_logprob=_UNSURE) for one in answer.segments))


def _applies(rule: Rule, clips: Sequence[Clip]) -> bool:
    return rule.do != control.MEMORY or len(clips) > rule.most


def _misbehave(
    rule: Rule, answers: list[Hypothesis | EngineFailure], at: int
) -> list[Hypothesis | EngineFailure]:  # fmt: skip
    match rule.do:
        case control.RAISE:
            answers[at] = EngineFailure(EngineError("the recognizer failed, as it was told to"))
        case control.MEMORY:
            raise OutOfMemory("the device has no room, as it was told")
        case control.SHORT:
            return answers[:-1]
        case control.NAN:
            answers[at] = _without_times(answers[at])
        case control.TEXT:
            answers[at] = cast(Any, "no hypothesis")
        case control.HANG:
            threading.Event().wait()
        case control.ABORT:
            os.abort()
    return answers


def _without_times(answer: Hypothesis | EngineFailure) -> Hypothesis | EngineFailure:
    assert isinstance(answer, Hypothesis)
    segments = [
        replace(segment, start=_NAN, words=tuple(replace(word, start=_NAN) for word in segment.words))
        for segment in answer.segments
    ]
    return replace(answer, segments=tuple(segments))


def load(source: ModelSource, settings: Settings) -> Unreliable:
    return Unreliable(load_reference(source, settings), Control(Path(source.source).parent))
