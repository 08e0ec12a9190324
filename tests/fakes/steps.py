"""A StepContext that keeps in memory what a real one would commit."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.blobs import LocalBlobs
from core.options import Options
from core.settings import Settings
from worker.steps import ChunkSpec, Place


def _nothing() -> None:
    pass


@dataclass
class FakeStepContext:
    """`emitted`: the calls, in order; `chunks`: those of the last generation. `separated`: the channels that ingest
    told apart, of which it goes on with the first."""

    blobs: LocalBlobs
    settings: Settings = field(default_factory=Settings)
    options: Options = field(default_factory=lambda: Options(vad="webrtc"))
    model: str = "large-v3"
    recording_id: uuid.UUID = field(default_factory=uuid.uuid4)
    check: Callable[[], None] = _nothing
    emitted: list[tuple[str, list[ChunkSpec]]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    place: Place = field(default_factory=Place)
    separated: list[int] = field(default_factory=list)

    @property
    def to_separate(self) -> bool:
        return self.options.channels == "separate" and not self.place.told

    def separate(self, channels: Sequence[int], warning: tuple[str, str] | None) -> "FakeStepContext":
        self.separated.extend(channels)
        if warning is not None:
            self.warn(*warning)
        if len(channels) > 1:
            told = {"track": 0, "recording": str(self.recording_id), "offset": 0.0, "channel": channels[0]}
            self.place = Place.of(told)
        return self

    @property
    def source_key(self) -> str:
        return f"recordings/{self.recording_id}/source"

    @property
    def generation(self) -> str:
        return self.emitted[-1][0]

    @property
    def chunks(self) -> list[ChunkSpec]:
        return [chunk for generation, chunks in self.emitted if generation == self.generation for chunk in chunks]

    def upload(self, path: Path) -> "FakeStepContext":
        self.blobs.put(self.source_key, [path.read_bytes()])
        return self

    def pcm_key(self, generation: str, part: int) -> str:
        return f"recordings/{self.recording_id}/pcm-{generation}/{part:05d}.s16"

    def emit(self, generation: str, chunks: Sequence[ChunkSpec]) -> None:
        stored = [self.blobs.exists(self.pcm_key(generation, part)) for chunk in chunks for part, _, _ in chunk.parts]
        if not all(stored):
            raise AssertionError("a chunk was handed over before its sound was stored")
        self.emitted.append((generation, list(chunks)))

    def warn(self, code: str, message: str) -> None:
        self.warnings.append((code, message))

    def read(self, part: int, start: int, length: int) -> bytes:
        return self.blobs.read_range(self.pcm_key(self.generation, part), start, length)
