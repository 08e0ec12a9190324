"""What the rest of the product knows of a speech library: small protocols and our own dataclasses.

Audio is 16 kHz mono float32 in [-1, 1]; times are seconds from the clip's start; no paths, no rows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequest, ScriptoriumError
from core.transcript import Gap, Segment, SpeakerTurn
from worker.engines.blocks import BlockResult

SAMPLE_RATE = 16_000
Samples = NDArray[np.float32]

SAMPLED = "sampled"
"""The flag of a segment that temperature 0 did not give: another decode may give another."""


def samples(pcm: bytes) -> Samples:
    """Of 16-bit PCM."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


@dataclass(frozen=True)
class Clip:
    """A chunk's samples, at most 30 s, with its decode options. `language` is Whisper's code, None to detect.
    `speech_seconds`: how much speech a detector found in it, None where none was asked.
    `features`: what a recognizer's own `prepare` made of the samples, and nobody else reads."""

    samples: Samples
    language: str | None = None
    task: str = "transcribe"
    prompt: str = ""
    hotwords: tuple[str, ...] = ()
    word_timestamps: bool = True
    speech_seconds: float | None = None
    features: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Hypothesis:
    """`language_probability` is 1.0 where the language was given. `suppressed`: text that the engine does not believe,
    with its reasons."""

    segments: tuple[Segment, ...]
    language: str
    language_probability: float
    suppressed: tuple[Gap, ...] = ()

    @property
    def sampled(self) -> bool:
        return any(SAMPLED in segment.flags for segment in self.segments)


@dataclass(frozen=True)
class EngineFailure:
    """One clip failed; its neighbours did not."""

    error: ScriptoriumError


@dataclass(frozen=True)
class EngineInfo:
    """What every result records of how it was made. `windows`: seconds of sound that the model may be given at once,
    which are part of what it hears."""

    name: str
    engine: str
    revision: str
    device: str
    compute_type: str
    windows: tuple[float, ...] = (30.0,)


class Recognizer(Protocol):
    @property
    def info(self) -> EngineInfo: ...

    def transcribe(self, clips: Sequence[Clip]) -> list[Hypothesis | EngineFailure]:
        """One answer a clip, in their order, prepared or not. Raises OutOfMemory when the whole batch is too large for
        the device."""
        ...

    def prepare(self, clip: Clip) -> Clip:
        """The clip with the work done that needs no device: in another thread, while `transcribe` decodes others.
        Raises nothing: what cannot be prepared comes back as it is, and fails in `transcribe`."""
        ...

    def rest(self) -> None:
        """Frees the device; twice is once. Waits while `transcribe` is at work, whose next call loads again."""
        ...


@dataclass(frozen=True)
class Span:
    """A speech span, in seconds from the start of the stream."""

    start: float
    end: float


class SpeechDetector(Protocol):
    def spans(self, frames: Iterable[bytes]) -> Iterator[Span]:
        """`frames` are blocks of 16-bit mono PCM of any size; spans come in order, as early as they are certain."""
        ...


@dataclass(frozen=True)
class SpeakerHints:
    """How many speakers there are, as far as the caller knows. Raises InvalidRequest where that cannot be."""

    exact: int | None = None
    least: int | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        given = {"speakers": self.exact, "min_speakers": self.least, "max_speakers": self.most}
        if wrong := [name for name, number in given.items() if number is not None and number < 1]:
            raise InvalidRequest(
                f"{wrong[0]} must be at least 1", errors=[{"field": wrong[0], "message": "is below 1"}]
            )
        low, high = self.least or 1, self.most or self.exact or self.least or 1
        if not low <= (self.exact or low) <= high:
            raise InvalidRequest(
                f"no number of speakers fits these hints: {', '.join(f'{k} {v}' for k, v in given.items() if v)}",
                errors=[{"field": "speakers", "message": "contradicts min_speakers or max_speakers"}],
            )


@dataclass(frozen=True)
class Diarization:
    """Who spoke when, in order of time. `turns` may overlap; of `exclusive`, which are for giving words to speakers, no
    two do. `embeddings`: of each speaker the mean voice, in the space of the diarizer's own model; a speaker of whom
    too little was heard has none. Labels are `S1`, `S2`, … in the order of first speech."""

    turns: tuple[SpeakerTurn, ...] = ()
    exclusive: tuple[SpeakerTurn, ...] = ()
    embeddings: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


class Audio(Protocol):
    """A recording's samples by range, so that nobody must hold all of them. An array is one."""

    def __len__(self) -> int: ...

    def __getitem__(self, span: slice, /) -> Samples: ...


Progress = Callable[[float], None]
"""Called with the share that is done, 0 to 1. What it raises ends the work, and reaches the caller."""


def unheard(_: float) -> None:
    """The Progress of who wants none."""


class Diarizer(Protocol):
    @property
    def info(self) -> EngineInfo: ...

    def spans(self, samples: int) -> list[tuple[int, int]]:
        """The blocks of a recording of so many samples: for each the first sample to read and the one after the last.
        They overlap by a window."""
        ...

    def windows(self, block: Samples, start: int, progress: Progress = unheard) -> BlockResult:
        """What is heard in one block; `start` is the first of its span. Blocks may be heard in any order and process.
        Raises OutOfMemory where even one window at a time is too many."""
        ...

    def join(self, blocks: Sequence[BlockResult], hints: SpeakerHints = SpeakerHints()) -> Diarization:
        """One clustering over all blocks of a recording, in their order: a speaker keeps one label from the first
        minute to the last. Raises EngineError where blocks are missing or made by another model."""
        ...

    def diarize(self, audio: Audio, hints: SpeakerHints = SpeakerHints(), progress: Progress = unheard) -> Diarization:
        """All blocks one after the other, then joined."""
        ...
