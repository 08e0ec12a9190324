"""Chunks -> the transcript document. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from core import seams
from core.jobs import AssemblyFacts, HeardChunk
from core.transcript import Gap, Segment, Speaker, SpeakerTurn, Transcript, Utterance, dominant_language
from worker import participants, utterances
from worker.interleaved import interleaved
from worker.participants import Heard
from worker.spoken import spoken, unspoken
from worker.steps import cluster


@dataclass(frozen=True)
class Assembled:
    """`changed`: chunks whose segments became others where they were joined with their neighbours."""

    document: dict[str, Any]
    changed: dict[int, list[dict[str, Any]]]


@dataclass(frozen=True)
class _Speakers:
    """`names`: by label, of those who have one that no person gave, with the score of one that was concluded."""

    turns: tuple[SpeakerTurn, ...]
    utterances: tuple[Utterance, ...]
    names: Mapping[str, tuple[str, float | None]]


def assembled(job_id: UUID, facts: AssemblyFacts) -> Assembled:
    chunks = joined(facts.chunks)
    made = _of_tracks(facts, chunks) if facts.tracks else _of_one(facts, chunks)
    return Assembled(made[0].to_json(str(job_id)), _changed(facts, made[1]))


def _of_one(facts: AssemblyFacts, chunks: Sequence[HeardChunk]) -> tuple[Transcript, Sequence[HeardChunk]]:
    found = cluster.kept(facts.speakers) if facts.speakers else None
    chunks = spoken(chunks, found) if found else unspoken(chunks)
    segments = [segment for chunk in chunks for segment in chunk.segments]
    made = _transcript(facts, chunks, _as_asked(facts, segments))
    if found:
        said = tuple(utterances.utterances(word for segment in segments for word in segment.words))
        made = _with_speakers(made, _Speakers(found.turns, said, _evidence(facts, found.turns)), facts)
    return made, chunks


def _of_tracks(facts: AssemblyFacts, chunks: Sequence[HeardChunk]) -> tuple[Transcript, Sequence[HeardChunk]]:
    found = interleaved(facts, chunks)
    made = _transcript(facts, found.chunks, _as_asked(facts, found.segments), found.gaps)
    names = _evidence(facts, found.turns) | {label: (name, None) for label, name in found.names.items()}
    return _with_speakers(made, _Speakers(found.turns, found.utterances, names), facts), found.chunks


def _as_asked(facts: AssemblyFacts, segments: Sequence[Segment]) -> Sequence[Segment]:
    """Some have words that nobody asked for, because only they tell at a seam whose word is whose, or who says it. The
    ledger keeps them: another assembly needs them again."""
    return segments if facts.word_timestamps else [*map(_wordless, segments)]


def _changed(facts: AssemblyFacts, chunks: Sequence[HeardChunk]) -> dict[int, list[dict[str, Any]]]:
    before = {one.index: one.segments for one in facts.chunks}
    return {
        now.index: [segment.to_json() for segment in now.segments]
        for now in chunks
        if now.segments != before[now.index]
    }


def _with_speakers(made: Transcript, found: _Speakers, facts: AssemblyFacts) -> Transcript:
    """What a person says of a speaker stands before everything else, also that it has no name."""
    said = cluster.names(facts.speakers or {})
    told = []
    for label, length in utterances.seconds_spoken(found.turns).items():
        name, score = (said[label], None) if label in said else found.names.get(label, (None, None))
        told.append(Speaker(label, length, name, score))
    turns = tuple(utterances.merged(found.turns))
    return replace(made, speakers=tuple(told), utterances=found.utterances, turns=turns)


def _evidence(facts: AssemblyFacts, turns: Sequence[SpeakerTurn]) -> dict[str, tuple[str, float | None]]:
    heard = [Heard(one["participant"], one["start"], one["end"]) for one in facts.participants]
    found = participants.named(turns, heard) if heard else {}
    return {label: (one.name, round(one.score, 3)) for label, one in found.items()}


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


def _transcript(
    facts: AssemblyFacts, chunks: Sequence[HeardChunk], said: Sequence[Segment], more: Sequence[Gap] = ()
) -> Transcript:
    """`said`: all segments, in their order. `more`: gaps beside those of chunks."""
    segments = tuple(said)
    gaps: list[Gap] = [*facts.failed, *more, *(gap for chunk in chunks for gap in chunk.gaps)]
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
