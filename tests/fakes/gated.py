"""A recognizer that stops at a word until a file appears, so that a test can be in the middle of a job for as long as
it likes. As an engine: `tests.fakes.gated:load`, and as the model's source what `tests.fakes.recognizers` takes; the
file is `<words>.open`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.models import ModelSource
from core.settings import Settings
from tests.fakes import recognizers, tones
from worker.engines.protocols import Clip, EngineFailure, EngineInfo, Hypothesis

FREE = 250
"""Words before the gate: about two minutes."""

_LONGEST = 120.0
"""Seconds that it waits: the test that forgot it has failed long ago."""


@dataclass(frozen=True)
class GatedRecognizer:
    reader: recognizers.ReferenceRecognizer
    gate: Path

    @property
    def info(self) -> EngineInfo:
        return self.reader.info

    def transcribe(self, clips: Sequence[Clip]) -> list[Hypothesis | EngineFailure]:
        if any(number >= FREE for clip in clips for number, _, _ in tones.read(clip.samples)):
            self._wait()
        return self.reader.transcribe(clips)

    def prepare(self, clip: Clip) -> Clip:
        return clip

    def rest(self) -> None:
        """There is no device."""

    def _wait(self) -> None:
        limit = time.monotonic() + _LONGEST
        while not self.gate.exists():
            if time.monotonic() > limit:
                raise TimeoutError(f"nobody made {self.gate}")
            time.sleep(0.02)


def gate(words: Path) -> Path:
    return words.with_suffix(".open")


def load(source: ModelSource, settings: Settings) -> GatedRecognizer:
    return GatedRecognizer(recognizers.load(source, settings), gate(Path(source.source)))
