"""Chunks -> the transcript document. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from core import seams
from core.jobs import AssemblyFacts, HeardChunk
from core.transcript import Gap, Segment, Speaker, Transcript, Word, dominant_language
from worker import attribution, utterances
from worker.engines.protocols import Diarization
from worker.steps import cluster


@dataclass(frozen=True)
class Assembled:
    """`changed`: chunks whose segments became others where they were joined with their neighbours."""

    document: dict[str, Any]
    changed: dict[int, list[dict[str, Any]]]


def assembled(job_id: UUID, facts: AssemblyFacts) -> Assembled:
    chunks = joined(facts.chunks)
    found = cluster.kept(facts.speakers) if facts.speakers else None
    if found:
        chunks = spoken(chunks, found)
    words = [word for chunk in chunks for segment in chunk.segments for word in segment.words]
    if not facts.word_timestamps:  # some had them, because only they tell at a seam whose word is whose
        chunks = [replace(one, segments=tuple(map(_wordless, one.segments))) for one in chunks]
    changed = {
        now.index: [segment.to_json() for segment in now.segments]
        for now, before in zip(chunks, facts.chunks, strict=True)
        if now.segments != before.segments
    }
    made = _transcript(facts, chunks)
    if found and facts.speakers:
        seconds, names = utterances.seconds_spoken(found.turns), cluster.names(facts.speakers)
        told = tuple(Speaker(label, length, names.get(label)) for label, length in seconds.items())
        said = tuple(utterances.utterances(words))
        made = replace(made, speakers=told, utterances=said, turns=tuple(utterances.merged(found.turns)))
    return Assembled(made.to_json(str(job_id)), changed)


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


def joined(chunks: Sequence[HeardChunk]) -> list[HeardChunk]:
    """Each seam in turn: what two chunks heard of each other's second is said once."""
    found = list(chunks)
    for at in range(len(found) - 1):
        one, following = found[at], found[at + 1]
        if one.trail and following.index == one.index + 1:
            before, after = seams.joined(one.segments, following.segments, one.end)
            found[at], found[at + 1] = replace(one, segments=before), replace(following, segments=after)
    return found


def _wordless(segment: Segment) -> Segment:
    return replace(segment, words=())


def _transcript(facts: AssemblyFacts, chunks: Sequence[HeardChunk]) -> Transcript:
    segments = tuple(segment for chunk in chunks for segment in chunk.segments)
    gaps: list[Gap] = [*facts.failed, *(gap for chunk in chunks for gap in chunk.gaps)]
    language = dominant_language(segments) or facts.language
    return Transcript(
        duration=facts.duration,
        language=language,
        segments=segments,
        speech_seconds=facts.speech_seconds,
        gaps=tuple(sorted(gaps, key=lambda gap: gap.start)),
        model=facts.model,
        language_probability=_mean([one.language_probability for one in chunks if one.language == language]),
        calibrated=bool(chunks) and all(one.calibrated for one in chunks),
        speech_without_text=sum(map(_unwritten, chunks)) + sum(gap.end - gap.start for gap in facts.failed),
    )


def _unwritten(chunk: HeardChunk) -> float:
    """Seconds of its speech that no segment covers."""
    written = sum(segment.end - segment.start for segment in chunk.segments)
    return max(0.0, chunk.speech_seconds - written)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 4) if known else None
