"""Recognizers that need no model. As an engine: SCRIPTORIUM_ENGINES='{"reference": "tests.fakes.recognizers:load"}'
and the model `reference:/path/to/words.json` (written by tests.fakes.tones.make)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.models import ModelSource
from core.settings import Settings
from core.transcript import Segment, Word
from tests.fakes import tones
from worker.engines.protocols import Clip, EngineFailure, EngineInfo, Hypothesis

_SENTENCE_PAUSE = 0.25
_AUDIBLE = 0.1
"""Something was said that is no tone, as in the clip that proves a recognizer at its start."""


@dataclass(frozen=True)
class ReferenceRecognizer:
    """Answers the words whose bursts it hears, at the times where it hears them."""

    words: tuple[str, ...]
    info: EngineInfo

    def transcribe(self, clips: Sequence[Clip]) -> list[Hypothesis | EngineFailure]:
        return [self._heard(clip) for clip in clips]

    def prepare(self, clip: Clip) -> Clip:
        return clip

    def rest(self) -> None:
        """There is no device."""

    def _heard(self, clip: Clip) -> Hypothesis:
        heard = tones.read(clip.samples)
        if not heard and float(np.abs(clip.samples).max(initial=0.0)) > _AUDIBLE:
            return Hypothesis((_segment([Word(0.0, 0.1, " (no tones)", 0.0)]),), "en", 1.0)
        segments: list[list[Word]] = []
        for number, start, end in heard:
            if not segments or start - segments[-1][-1].end > _SENTENCE_PAUSE:
                segments.append([])
            segments[-1].append(Word(start, end, self.words[number], 1.0))
        return Hypothesis(tuple(_segment(words) for words in segments), "en", 1.0)


def load(source: ModelSource, settings: Settings) -> ReferenceRecognizer:
    stored = json.loads(Path(source.source).read_text())
    words = tuple(one["word"] for one in stored)
    return ReferenceRecognizer(words, EngineInfo(source.name, source.engine, "reference", "cpu", "none"))


def _segment(words: list[Word]) -> Segment:
    text = "".join(word.word for word in words)
    return Segment(words[0].start, words[-1].end, text, "en", 0.0, 0.0, tuple(words))
