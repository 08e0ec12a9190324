"""A diarizer that reads tones, and misbehaves when told to: `SCRIPTORIUM_ENGINES` names `load`."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import EngineError
from core.models import ModelSource
from core.settings import Settings
from tests.fakes import tones, voices
from tests.fakes.voices import VoiceReader
from tests.faults import control
from tests.faults.control import Control, Rule
from worker.engines.blocks import BlockResult
from worker.engines.protocols import Audio, Diarization, EngineInfo, Progress, Samples, SpeakerHints, unheard

_TURN = 0.02


@dataclass(frozen=True)
class Unreliable:
    """Follows the rules for DIARIZER as it hears the block with their words: RAISE, HANG, HOLD."""

    reader: VoiceReader
    control: Control

    @property
    def info(self) -> EngineInfo:
        return self.reader.info

    def spans(self, samples: int) -> list[tuple[int, int]]:
        return self.reader.spans(samples)

    def windows(self, block: Samples, start: int, progress: Progress = unheard) -> BlockResult:
        _, rules = self.control.read(control.DIARIZER)
        numbers = {number for number, _, _ in tones.read(block)} if rules else set()
        for rule in rules:
            if any(rule.first <= one <= rule.last for one in numbers) and self.control.take(rule):
                self._misbehave(rule)
                progress = unheard  # nobody stops it on its way: what comes too late must be refused
        return self.reader.windows(block, start, progress)

    def join(self, blocks: Sequence[BlockResult], hints: SpeakerHints = voices.ANY) -> Diarization:
        return self.reader.join(blocks, hints)

    def diarize(self, audio: Audio, hints: SpeakerHints = voices.ANY, progress: Progress = unheard) -> Diarization:
        spans = self.spans(len(audio))
        return self.join([self.windows(audio[start:stop], start, progress) for start, stop in spans], hints)

    def _misbehave(self, rule: Rule) -> None:
        match rule.do:
            case control.RAISE:
                raise EngineError("the diarizer failed, as it was told to")
            case control.HANG:
                threading.Event().wait()
            case control.HOLD:
                while rule in self.control.read(control.DIARIZER)[1]:
                    threading.Event().wait(_TURN)


def load(source: ModelSource, settings: Settings) -> Unreliable:
    return Unreliable(voices.load(source, settings), Control(Path(source.source).parent))
