"""A recognizer that answers every clip with nothing, as a build on an unfit driver does. As an engine:
`tests.fakes.mute:load`."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.models import ModelSource
from core.settings import Settings
from worker.engines.protocols import Clip, EngineFailure, EngineInfo, Hypothesis


@dataclass(frozen=True)
class Mute:
    info: EngineInfo

    def transcribe(self, clips: Sequence[Clip]) -> list[Hypothesis | EngineFailure]:
        return [Hypothesis((), "en", 1.0) for _ in clips]

    def prepare(self, clip: Clip) -> Clip:
        return clip

    def rest(self) -> None:
        """There is no device."""


def load(source: ModelSource, settings: Settings) -> Mute:
    return Mute(EngineInfo(source.name, source.engine, "mute", "cpu", "none"))
