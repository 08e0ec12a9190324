"""What the ingest step sees of the world: the ledger and storage, through one step in this worker's hands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from core import jobs
from core.blobs import LocalBlobs
from core.context import Context
from core.errors import ScriptoriumError
from core.options import Options
from core.settings import Settings
from core.states import Kind
from worker.parts import pcm_key, source_key
from worker.steps import ChunkSpec, Place, transcribe


class StepLost(ScriptoriumError):
    """Cancelled, deleted, or taken over by another worker: nothing of it may be written any more."""

    code = "step_lost"


@dataclass(frozen=True)
class IngestContext:
    """A `worker.steps.StepContext`. `guard` raises when the step is to end."""

    context: Context
    step: jobs.Claimed
    guard: Callable[[], None]

    @property
    def settings(self) -> Settings:
        return self.context.settings

    @property
    def blobs(self) -> LocalBlobs:
        return self.context.blobs

    @property
    def recording_id(self) -> UUID:
        return self.step.sound

    @property
    def source_key(self) -> str:
        return source_key(self.step.sound)

    @property
    def options(self) -> Options:
        return Options.model_validate(self.step.options)

    @property
    def model(self) -> str:
        return self.step.job_model

    def pcm_key(self, generation: str, part: int) -> str:
        return pcm_key(self.step.sound, generation, part)

    @property
    def place(self) -> Place:
        return Place.of(self.step.params)

    @property
    def to_separate(self) -> bool:
        return self.options.channels == "separate" and not self.place.told

    def separate(self, channels: Sequence[int], warning: tuple[str, str] | None) -> "IngestContext":
        params = jobs.separate(self.context, self.step, channels, warning)
        if params is None:
            raise StepLost("the step was cancelled or taken over")
        return replace(self, step=replace(self.step, params=params))

    def check(self) -> None:
        self.guard()

    def emit(self, generation: str, chunks: Sequence[ChunkSpec]) -> None:
        place = self.place
        new = [
            jobs.NewStep(Kind.TRANSCRIBE, c.index, c.end - c.start, transcribe.params(generation, c, place))
            for c in chunks
        ]
        if not jobs.emit(self.context, self.step, generation, new):
            raise StepLost("the step was cancelled or taken over")

    def warn(self, code: str, message: str) -> None:
        jobs.note(self.context, self.step, code, message)
