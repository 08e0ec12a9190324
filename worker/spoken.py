"""Segments -> segments whose words have speakers, by what a diarizer heard. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from core.jobs import HeardChunk
from core.transcript import Segment, Word
from worker import attribution
from worker.engines.protocols import Diarization


def spoken(chunks: Sequence[HeardChunk], found: Diarization) -> list[HeardChunk]:
    """Every word with its speaker, by what stands before and after it, also in other chunks."""
    words = [word for chunk in chunks for segment in chunk.segments for word in _words(segment)]
    attributed = iter(attribution.attribute(words, found.turns, found.exclusive))
    return [
        replace(chunk, segments=tuple(_spoken(segment, attributed) for segment in chunk.segments)) for chunk in chunks
    ]


def _words(segment: Segment) -> tuple[Word, ...]:
    """Of a segment without words, one that stands for it."""
    return segment.words or (Word(segment.start, segment.end, segment.text, segment.confidence),)


def _spoken(segment: Segment, attributed: Iterator[attribution.AttributedWord]) -> Segment:
    taken = [next(attributed) for _ in _words(segment)]
    words = tuple(replace(one.word, overlap=one.overlap) for one in taken)
    seconds: dict[str | None, float] = defaultdict(float)
    for word in words:
        seconds[word.speaker] += max(word.end - word.start, 0.01)
    return replace(segment, speaker=max(seconds, key=seconds.__getitem__), words=words if segment.words else ())


def unspoken(chunks: Sequence[HeardChunk]) -> list[HeardChunk]:
    """Without the speakers of an earlier run, which the stored segments still have."""
    return [replace(chunk, segments=tuple(map(_nobodys, chunk.segments))) for chunk in chunks]


def _nobodys(segment: Segment) -> Segment:
    if segment.speaker is None and not any(word.speaker for word in segment.words):
        return segment
    words = tuple(replace(word, speaker=None, speaker_confidence=None, overlap=False) for word in segment.words)
    return replace(segment, speaker=None, words=words)
