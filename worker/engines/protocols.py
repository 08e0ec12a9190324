"""What the rest of the product knows of a speech library: small protocols and our own dataclasses.

Audio is 16 kHz mono float32 in [-1, 1]; times are seconds from the clip's start; no paths, no rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import ScriptoriumError
from core.transcript import Gap, Segment

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
