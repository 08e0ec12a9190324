"""A recording, once through: decode, store PCM, find speech, cut chunks, hand them over while decoding goes on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core import models
from core.errors import InputError
from core.probe import Probe, audible
from worker import channels, engines
from worker.audio import (
    ASKED,
    BYTES_PER_SECOND,
    CHECKED,
    MIX,
    SAMPLE_RATE,
    DecodeFailed,
    Decoder,
    GapTooLong,
    decode,
    decoder,
    own_decoder,
)
from worker.chunking import FRAME, VERSION, Cut, Loudness, cut, rules_for
from worker.engines.protocols import Span, SpeechDetector
from worker.parts import Parts
from worker.steps import ChunkSpec, StepContext

TRUNCATED_BY = 0.02
"""Share by which decoded and claimed duration may differ before the caller is told."""

_FRAME_SAMPLES = int(FRAME * SAMPLE_RATE)
_REPORT = 30.0


@dataclass
class _Pass:
    """One decode of the recording: where it writes, what it saw."""

    context: StepContext
    decoder: str
    generation: str
    parts: Parts
    loudness: Loudness
    start: float
    stop: float | None
    decoded: float = 0.0
    reported: float = 0.0
    speech: float = 0.0

    def emit(self, chunks: list[ChunkSpec]) -> None:
        self.context.emit(self.generation, chunks)
        self.reported = self.decoded


def run(context: StepContext, using: Decoder | None = None) -> dict[str, Any]:
    """What the recording turned out to be. Raises InputError: empty_file, invalid_media, no_audio_stream,
    truncated_media, media_too_long, decode_timeout."""
    chosen = using or decoder()
    with context.blobs.path(context.source_key) as path:
        found = audible(path, ffprobe="" if chosen.path else None)
        if context.to_separate:
            context = context.separate(*channels.looked_at(path, found.channels, context, chosen))
        detector = engines.detector(context.options.vad or context.settings.vad)
        try:
            done = _taken(context, path, chosen, detector, found)
        except GapTooLong:
            done = _taken(context, path, own_decoder(), detector, found)
    _compare(context, found, done)
    return {
        "duration": done.decoded,
        "channels": found.channels,
        "codec": found.codec,
        "container": found.format,
        "container_duration": found.duration,
        "sample_rate": found.sample_rate,
        "speech_seconds": round(done.speech, 3),
        "decoder": done.decoder,
        "generation": done.generation,
    }


def _taken(context: StepContext, path: Path, chosen: Decoder, detector: SpeechDetector, found: Probe) -> _Pass:
    """Strict, and tolerant where that fails; at once where the end is sure to look damaged, and is not."""
    if found.open_ended:
        return _decoded(context, path, chosen, detector, tolerant=True)
    try:
        return _decoded(context, path, chosen, detector, tolerant=False, checked=found.codec in CHECKED)
    except GapTooLong:
        raise
    except DecodeFailed:
        done = _decoded(context, path, chosen, detector, tolerant=True)
        context.warn("media_damaged", "parts of the file are damaged; what could be decoded was transcribed")
        return done


def _decoded(
    context: StepContext, path: Path, chosen: Decoder, detector: SpeechDetector, *, tolerant: bool,
    checked: bool = False,
) -> _Pass:  # fmt: skip
    """The whole pass. A tolerant one takes what comes before the decoder gives up."""
    options, settings = context.options, context.settings
    generation = _generation(context, chosen, tolerant)
    parts = Parts(lambda part, blocks: context.blobs.put(context.pcm_key(generation, part), blocks))
    done = _Pass(context, chosen.name, generation, parts, Loudness(), options.clip_start, options.clip_end)
    done.emit([])  # whatever an earlier generation left goes now
    limit = settings.max_duration + 1
    seconds = limit if done.stop is None else min(done.stop, limit)
    heard = MIX if context.place.channel is None else str(context.place.channel)
    blocks = decode(
        path, settings, tolerant=tolerant, check=context.check, seconds=seconds, using=chosen, heard=heard,
        checked=checked,
    )  # fmt: skip
    sound = _from(done, _recorded(done, _bearing(blocks) if tolerant else blocks))
    waiting: list[ChunkSpec] = []
    rules = rules_for(models.window(context.model))
    spans = _shifted(done, detector.spans(sound))
    cuts = cut(spans, done.loudness, start=done.start, length=lambda: done.decoded, rules=rules)
    for index, one in enumerate(cuts):
        waiting.append(_spec(index, one, done))
        _hand_over(done, waiting)
    if done.decoded == 0:
        raise InputError("nothing in the file could be decoded; upload it again in full", code="truncated_media")
    parts.close()
    done.emit(waiting)
    return done


def _generation(context: StepContext, chosen: Decoder, tolerant: bool) -> str:
    """Names what decides the bytes of the PCM, whose immutable parts several jobs may share, and how it is cut."""
    options = context.options
    stop = "" if options.clip_end is None else f"-to{round(options.clip_end * 1000)}"
    one = "" if context.place.channel is None else f"-ch{context.place.channel}"
    return f"{chosen.name}-asked{ASKED}-{'tolerant' if tolerant else 'strict'}{one}-cut{VERSION}{stop}"


def _bearing(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Ends where the decoder gives up; an input that gave nothing keeps its own error."""
    try:
        yield from blocks
    except GapTooLong:
        raise
    except DecodeFailed as error:
        if error.details["decoded"] == 0:
            raise


def _recorded(done: _Pass, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Stores each block, measures its loudness, passes it on. Raises media_too_long."""
    rest = b""
    for block in blocks:
        done.parts.add(block)
        done.decoded = done.parts.size / BYTES_PER_SECOND
        if done.decoded > done.context.settings.max_duration:
            limit = done.context.settings.max_duration
            raise InputError(f"the recording is longer than {limit:.0f} s, this server's limit", code="media_too_long")
        rest = measured(done.loudness, rest + block)
        if done.decoded - done.reported > _REPORT:
            done.emit([])
        yield block


def measured(loudness: Loudness, pcm: bytes) -> bytes:
    """Adds the mean square of each whole 30 ms; returns the rest."""
    whole = len(pcm) // (2 * _FRAME_SAMPLES)
    frames = np.frombuffer(pcm, "<i2", whole * _FRAME_SAMPLES).reshape(whole, _FRAME_SAMPLES).astype(np.float32)
    loudness.add(np.square(frames).mean(axis=1).tolist())
    return pcm[whole * 2 * _FRAME_SAMPLES :]


def _from(done: _Pass, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """What the detector hears: the sound from `clip_start` on."""
    unheard = round(done.start * SAMPLE_RATE) * 2
    for block in blocks:
        heard = block[unheard:]
        unheard = max(0, unheard - len(block))
        if heard:
            yield heard


def _shifted(done: _Pass, spans: Iterable[Span]) -> Iterator[Span]:
    for span in spans:
        moved = Span(span.start + done.start, min(span.end + done.start, done.decoded))
        done.speech += max(0.0, moved.end - moved.start)
        yield moved


def _spec(index: int, one: Cut, done: _Pass) -> ChunkSpec:
    begin, end = one.start - one.lead, one.end + one.trail
    ranges = done.parts.ranges(round(begin * SAMPLE_RATE) * 2, round(end * SAMPLE_RATE) * 2)
    place = done.context.place
    start, end = one.start + place.offset, one.end + place.offset
    return ChunkSpec(
        place.first + index, start, end, ranges, one.forced_cut, one.speech_seconds, one.lead, one.trail
    )  # fmt: skip


def _hand_over(done: _Pass, waiting: list[ChunkSpec]) -> None:
    """Those whose every byte is stored."""
    ready = [chunk for chunk in waiting if chunk.parts[-1][0] < done.parts.stored]
    if ready:
        done.emit(ready)
        del waiting[: len(ready)]


def _compare(context: StepContext, found: Probe, done: _Pass) -> None:
    if found.duration is None or found.estimated or done.stop is not None:
        return
    if abs(done.decoded - found.duration) > max(TRUNCATED_BY * found.duration, 0.5):
        context.warn(
            "media_truncated",
            f"the file says it lasts {found.duration:.1f} s, but {done.decoded:.1f} s could be decoded",
        )
