"""One file a kind of step: load, call pure code, return a dict. This is what the runner and the steps share."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol
from uuid import UUID

from core.blobs import LocalBlobs
from core.options import Options
from core.settings import Settings
from core.tracks import indices


@dataclass(frozen=True)
class ChunkSpec:
    """A chunk and where its PCM lies. Seconds from the start of the recording; `parts` are (part number, first
    byte, byte count) in that part's blob. `forced_cut`: its end is inside speech, and the next begins right there.
    `lead`, `trail`: seconds of its neighbours that its PCM begins and ends with (`worker.chunking`)."""

    index: int
    start: float
    end: float
    parts: tuple[tuple[int, int, int], ...]
    forced_cut: bool
    speech_seconds: float
    lead: float = 0.0
    trail: float = 0.0

    @property
    def heard(self) -> tuple[float, float]:
        """From when to when its PCM goes."""
        return self.start - self.lead, self.end + self.trail

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "parts": [list(part) for part in self.parts]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "ChunkSpec":
        """Of a mapping that may hold more, such as a step's params."""
        known = {name: stored[name] for name in cls.__dataclass_fields__ if name in stored}
        known["parts"] = tuple((int(part), int(first), int(count)) for part, first, count in stored["parts"])
        return cls(**known)


@dataclass(frozen=True)
class Place:
    """Which of a job's sounds a step is about, and where on the job's time axis it begins, in seconds. `told`: what its
    steps' params say of it; nothing of a job that is one sound. `channel`: to decode, from 0; None for all, mixed."""

    first: int = 0
    """The number of its first chunk."""
    offset: float = 0.0
    channel: int | None = None
    told: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> "Place":
        if "track" not in params:
            return cls()
        told = {name: params[name] for name in ("track", "recording", "offset", "channel") if name in params}
        return cls(indices(params["track"]).start, params["offset"], params.get("channel"), told)


class StepContext(Protocol):
    """What ingest needs of the runner."""

    @property
    def settings(self) -> Settings: ...
    @property
    def blobs(self) -> LocalBlobs: ...
    @property
    def recording_id(self) -> UUID: ...
    @property
    def source_key(self) -> str: ...
    @property
    def options(self) -> Options: ...
    @property
    def model(self) -> str: ...
    @property
    def place(self) -> Place: ...
    @property
    def to_separate(self) -> bool:
        """Whether it is still to be looked which channels the recording has."""
        ...

    def separate(self, channels: Sequence[int], warning: tuple[str, str] | None) -> "StepContext":
        """What to go on with: the first of several channels, each a track; or the recording as it is."""
        ...

    def pcm_key(self, generation: str, part: int) -> str: ...

    def check(self) -> None:
        """Raises when the step was cancelled or lost its lease; called at least every second of work."""
        ...

    def emit(self, generation: str, chunks: Sequence[ChunkSpec]) -> None:
        """Commits new chunks, idempotently, and rings. A generation other than the last one discards its chunks."""
        ...

    def warn(self, code: str, message: str) -> None: ...
