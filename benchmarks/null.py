"""Recognizers that need no model, as engines: what is left of a job's cost is the product's own.

`null` answers one word at once, whatever it hears. `sleeping` answers as many words as a speaker would have said, after
a share of the clip's length in which it leaves the processor to others: `sleeping:0.02` takes 0.6 s for 30 s.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from core.models import ModelSource
from core.settings import Settings
from core.transcript import Segment, Word
from worker.engines.protocols import SAMPLE_RATE, Clip, EngineFailure, EngineInfo, Hypothesis

NULL = "null:word"
"""The model that answers nothing but that word."""

ENVIRONMENT = {
    "SCRIPTORIUM_ENGINES": json.dumps({"null": "benchmarks.null:null", "sleeping": "benchmarks.null:sleeping"})
}
"""What a server is told to know both."""

_WORD = " word"
_PACE = 0.4
"""Seconds of a word of ordinary speech."""


def sleeping_model(factor: float) -> str:
    """`factor`: seconds of work for a second of sound."""
    return f"sleeping:{factor:g}"


@dataclass(frozen=True)
class Fixed:
    """A Recognizer. `factor`: seconds that it waits for each second of sound; `pace`: seconds of a word, 0 for a
    single one."""

    info: EngineInfo
    factor: float = 0.0
    pace: float = 0.0

    def prepare(self, clip: Clip) -> Clip:
        return clip

    def transcribe(self, clips: Sequence[Clip]) -> list[Hypothesis | EngineFailure]:
        lengths = [len(clip.samples) / SAMPLE_RATE for clip in clips]
        if self.factor:
            threading.Event().wait(self.factor * sum(lengths))
        return [_answer(length, self.pace) for length in lengths]

    def rest(self) -> None:
        pass


def null(source: ModelSource, settings: Settings) -> Fixed:
    return Fixed(_info(source))


def sleeping(source: ModelSource, settings: Settings) -> Fixed:
    return Fixed(_info(source), float(source.source), _PACE)


def _info(source: ModelSource) -> EngineInfo:
    return EngineInfo(source.name, source.engine, "none", "cpu", "none")


def _answer(length: float, pace: float) -> Hypothesis:
    count = max(1, int(length / pace)) if pace else 1
    step = length / count
    words = tuple(Word(number * step, (number + 1) * step, _WORD, 1.0) for number in range(count))
    return Hypothesis((Segment(0.0, length, _WORD * count, "en", 0.0, 0.0, words),), "en", 1.0)
