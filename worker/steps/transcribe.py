"""From a chunk's PCM to a clip, and from a hypothesis back to the recording's time. The runner calls the engine."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from core.errors import Unavailable
from core.options import Options
from core.transcript import Gap, Segment
from worker.engines.protocols import Clip, EngineInfo, Hypothesis
from worker.steps import ChunkSpec

Read = Callable[[int, int, int], bytes]
"""(part number, first byte, byte count) -> PCM."""


def params(generation: str, chunk: ChunkSpec) -> dict[str, Any]:
    """What a transcribe step is told."""
    return {"generation": generation, **chunk.to_json()}


def clip(params: Mapping[str, Any], options: Options, read: Read) -> Clip:
    """The clip of a step whose params hold a ChunkSpec's JSON. Raises Unavailable where stored PCM is short."""
    chunk = ChunkSpec.from_json(params)
    pcm = b"".join(read(*part) for part in chunk.parts)
    if len(pcm) != sum(count for _, _, count in chunk.parts):
        raise Unavailable("the stored sound of a chunk is incomplete")
    return Clip(
        samples=np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768),
        language=options.whisper_language,
        task=options.task,
        prompt=options.prompt,
        hotwords=options.hotwords,
        word_timestamps=options.word_timestamps,
    )


def result(hypothesis: Hypothesis, params: Mapping[str, Any], info: EngineInfo) -> dict[str, Any]:
    """What the step records: segments in the recording's time, none dropped, none outside its chunk, and
    what the engine suppressed."""
    chunk = ChunkSpec.from_json(params)
    length = chunk.end - chunk.start
    segments = [_clamped(segment, length).shifted(chunk.start).to_json() for segment in hypothesis.segments]
    return {
        "segments": segments,
        "language": hypothesis.language,
        "language_probability": hypothesis.language_probability,
        "model": asdict(info),
        "suppressed": [_gap(gap, chunk.start, length) for gap in hypothesis.suppressed],
    }


def _gap(gap: Gap, offset: float, length: float) -> dict[str, Any]:
    """In the recording's time, inside its chunk."""
    start, end = (offset + min(max(time, 0.0), length) for time in (gap.start, gap.end))
    return asdict(replace(gap, start=start, end=end))


def _clamped(segment: Segment, length: float) -> Segment:
    """Whisper's window is 30 s whatever the clip's length, and its times may lie in the padding."""

    def inside(time: float) -> float:
        return min(max(time, 0.0), length)

    words = tuple(replace(word, start=inside(word.start), end=inside(word.end)) for word in segment.words)
    return replace(segment, start=inside(segment.start), end=inside(segment.end), words=words)
