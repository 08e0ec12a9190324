"""From a chunk's PCM to a clip, and from a hypothesis back to the recording's time. The runner calls the engine."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from core.errors import Unavailable
from core.options import Options
from core.second_pass import TAIL
from core.transcript import Gap, Segment, Word
from worker.engines.protocols import SAMPLE_RATE, Clip, EngineInfo, Hypothesis, Samples, samples
from worker.steps import ChunkSpec, Place
from worker.steps.redecode import probability

DOUBT = -0.5
"""Mean log probability of a token below which a text is doubtful."""
_SLACK = 0.05
"""Seconds: a decode's times are that exact."""

LEVEL = 0.25
"""Seconds of which the level of a track is noted: a word is about as long."""
WHOLE = Place()

Read = Callable[[int, int, int], bytes]
"""(part number, first byte, byte count) -> PCM."""


def params(generation: str, chunk: ChunkSpec, place: Place = WHOLE) -> dict[str, Any]:
    """What a transcribe step is told."""
    return {**place.told, "generation": generation, **chunk.to_json()}


def clip(params: Mapping[str, Any], options: Options, read: Read) -> Clip:
    """The clip of a step whose params hold a ChunkSpec's JSON. Raises Unavailable where stored PCM is short."""
    chunk = ChunkSpec.from_json(params)
    pcm = b"".join(read(*part) for part in chunk.parts)
    if len(pcm) != sum(count for _, _, count in chunk.parts):
        raise Unavailable("the stored sound of a chunk is incomplete")
    return Clip(
        samples=samples(pcm),
        language=options.whisper_language,
        task=options.task,
        prompt=options.prompt,
        hotwords=options.hotwords,
        # Only words' times tell which chunk's they are, where two share a second, which speaker's, and which track's.
        word_timestamps=(
            options.word_timestamps or options.diarization or bool(chunk.lead or chunk.trail) or "track" in params
        ),
        speech_seconds=chunk.speech_seconds,
    )


def segments(hypothesis: Hypothesis, params: Mapping[str, Any]) -> tuple[Segment, ...]:
    """In the recording's time, none dropped, none outside what was heard."""
    begin, end = ChunkSpec.from_json(params).heard
    found = (_clamped(segment, end - begin).shifted(begin) for segment in hypothesis.segments)
    if "track" not in params:
        return tuple(found)
    return tuple(replace(segment, channel=params.get("channel", params["track"])) for segment in found)


def result(
    hypothesis: Hypothesis,
    heard: Sequence[Segment],
    params: Mapping[str, Any],
    info: EngineInfo,
    *,
    calibrated: bool = False,
) -> dict[str, Any]:
    """What the step records beside its `segments`, here `heard`: its language, what the engine suppressed, and what the
    second pass wants to know."""
    chunk = ChunkSpec.from_json(params)
    begin, end = chunk.heard
    return {
        "language": hypothesis.language,
        "language_probability": hypothesis.language_probability,
        "model": asdict(info),
        "suppressed": [_gap(gap, begin, end - begin) for gap in hypothesis.suppressed],
        "calibrated": calibrated,
        "doubtful": doubtful(hypothesis),
        "tail": tail(heard, chunk.end - chunk.trail),
    }


def levels(heard: Samples) -> list[int]:
    """dBFS of each `LEVEL` seconds of a chunk, the last of them perhaps shorter; -99 for silence."""
    size = round(LEVEL * SAMPLE_RATE)
    pieces = (heard[start : start + size] for start in range(0, len(heard), size))
    powers = [float(np.square(piece, dtype=np.float64).mean()) for piece in pieces]
    return [max(-99, round(10 * math.log10(power))) if power > 0 else -99 for power in powers]


def doubtful(hypothesis: Hypothesis) -> bool:
    """Whether the decode was unsure of its text."""
    unsure = bool(hypothesis.segments) and probability(hypothesis.segments) < DOUBT
    return unsure or hypothesis.sampled or bool(hypothesis.suppressed)


def tail(heard: Sequence[Segment], until: float) -> str:
    """The last characters of the text up to a time, from the beginning of a word."""
    pieces = [
        (word.end, word.word) for one in heard for word in one.words or (Word(one.start, one.end, one.text, 1.0),)
    ]
    text = "".join(piece for end, piece in pieces if end <= until + _SLACK).strip()
    return text if len(text) <= TAIL else text[-TAIL:].partition(" ")[2] or text[-TAIL:]


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
