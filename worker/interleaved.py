"""Tracks -> one conversation: what several microphones heard, on one time axis, each word once, with its speaker. Pure.

Times are seconds of the job. A track is one speaker, unless a diarizer heard several on it. Labels are given over all
tracks, in order of first speech.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.jobs import AssemblyFacts, HeardChunk
from core.jobs.tracks import Track
from core.tracks import track_of
from core.transcript import Gap, Segment, SpeakerTurn, Utterance, Word
from worker import cross_talk, utterances
from worker.engines.protocols import Diarization
from worker.spoken import spoken
from worker.steps import cluster
from worker.steps.transcribe import LEVEL

PAUSE = 0.5
"""Words of one track that are not further apart are one turn."""

Heard = dict[int, list[HeardChunk]]
"""By track, in the order of their times."""


@dataclass(frozen=True)
class Interleaved:
    """`chunks` as they were, with what is left of their segments; `gaps`: what two tracks heard; `names`: of the
    labels whose tracks have one."""

    chunks: list[HeardChunk]
    turns: tuple[SpeakerTurn, ...]
    utterances: tuple[Utterance, ...]
    names: dict[str, str]
    gaps: tuple[Gap, ...]

    @property
    def segments(self) -> list[Segment]:
        """In the order in which they were said."""
        found = [segment for chunk in self.chunks for segment in chunk.segments]
        return sorted(found, key=lambda segment: (segment.start, segment.channel or 0))


def interleaved(facts: AssemblyFacts, chunks: Sequence[HeardChunk]) -> Interleaved:
    heard: Heard = defaultdict(list)
    for chunk in chunks:
        heard[track_of(chunk.index)].append(chunk)
    found, gaps = _without_cross_talk(heard)
    diarized = (facts.speakers or {}).get("tracks", {})
    told = {track.index: _told(track, found[track.index], diarized.get(str(track.index))) for track in facts.tracks}
    labels = utterances.labels(turn for one in told.values() for turn in one.turns)
    merged: Mapping[str, str] = (facts.speakers or {}).get("merged", {})
    labels = {own: merged.get(label, label) for own, label in labels.items()}
    said = {number: _overlapped(number, told, labels) for number in sorted(told)}
    return Interleaved(
        [chunk for chunks in said.values() for chunk in chunks],
        tuple(utterances.merged(_renamed(told, labels))),
        _utterances(said),
        {label: name for number in sorted(told, reverse=True) for label, name in _names(told[number], labels)},
        tuple(gaps),
    )


@dataclass(frozen=True)
class _Told:
    """A track whose words have speakers, and their turns; labels begin with the track's number, as in `2/S1`."""

    track: Track
    chunks: list[HeardChunk]
    turns: tuple[SpeakerTurn, ...]


def _without_cross_talk(heard: Heard) -> tuple[Heard, list[Gap]]:
    order = sorted(heard)
    texts = [
        cross_talk.TrackText(
            tuple(segment for chunk in heard[number] for segment in chunk.segments), _Levels(heard[number])
        )
        for number in order
    ]
    kept, gaps = cross_talk.separated(texts)
    found: Heard = defaultdict(list)
    for number, segments in zip(order, kept, strict=True):
        found[number] = _in_chunks(heard[number], segments)
    return found, gaps


def _in_chunks(chunks: Sequence[HeardChunk], segments: Sequence[Segment]) -> list[HeardChunk]:
    """What is left of them goes back to where it came from: the last chunk that begins before its middle."""
    found: list[HeardChunk] = []
    left = list(segments)
    for chunk, following in zip(chunks, [*chunks[1:], None], strict=True):
        until = float("inf") if following is None else following.start
        own = [segment for segment in left if (segment.start + segment.end) / 2 < until]
        found.append(replace(chunk, segments=tuple(own)))
        left = left[len(own) :]
    return found


class _Levels:
    """Of a track: the level of a time, in dBFS, from what its chunks noted."""

    def __init__(self, chunks: Sequence[HeardChunk]) -> None:
        self._at: dict[int, int] = {}
        for chunk in chunks:
            first = round((chunk.start - chunk.lead) / LEVEL)
            self._at.update({first + number: level for number, level in enumerate(chunk.levels)})

    def __call__(self, start: float, end: float) -> float | None:
        """The loudest `LEVEL` of it: a word may lie at the edge of two."""
        places = range(int(start / LEVEL), max(int(start / LEVEL), int(end / LEVEL)) + 1)
        known = [self._at[place] for place in places if place in self._at]
        return float(max(known)) if known else None


def _told(track: Track, chunks: list[HeardChunk], diarized: Mapping[str, Any] | None) -> _Told:
    if diarized is not None and (found := cluster.kept(diarized)).turns:
        prefixed = Diarization(_prefixed(track, found.turns), _prefixed(track, found.exclusive))
        return _Told(track, spoken(chunks, prefixed), prefixed.turns)
    label = str(track.index)
    own = [replace(chunk, segments=tuple(_of(segment, label) for segment in chunk.segments)) for chunk in chunks]
    return _Told(track, own, tuple(_turns(own, label)))


def _prefixed(track: Track, turns: Sequence[SpeakerTurn]) -> tuple[SpeakerTurn, ...]:
    return tuple(replace(turn, speaker=f"{track.index}/{turn.speaker}") for turn in turns)


def _of(segment: Segment, label: str) -> Segment:
    """Whose microphone it is, is certain."""
    words = tuple(replace(word, speaker=label, speaker_confidence=1.0) for word in segment.words)
    return replace(segment, speaker=label, words=words)


def _turns(chunks: Sequence[HeardChunk], label: str) -> list[SpeakerTurn]:
    found: list[SpeakerTurn] = []
    for start, end in (
        (one.start, one.end) for chunk in chunks for segment in chunk.segments for one in _said(segment)
    ):
        if found and start - found[-1].end <= PAUSE:
            found[-1] = replace(found[-1], end=max(found[-1].end, end))
        else:
            found.append(SpeakerTurn(start, end, label))
    return found


def _said(segment: Segment) -> Sequence[Word | Segment]:
    return segment.words or (segment,)


def _overlapped(number: int, told: Mapping[int, _Told], labels: Mapping[str, str]) -> list[HeardChunk]:
    """With the labels that callers see, and marked where somebody spoke on another track at the same time."""
    others = _Busy([turn for other, one in told.items() if other != number for turn in one.turns])

    def marked(word: Word) -> Word:
        shared = others.seconds(word.start, word.end) > (word.end - word.start) / 2
        return replace(word, speaker=labels.get(word.speaker or ""), overlap=word.overlap or shared)

    def relabelled(segment: Segment) -> Segment:
        words = tuple(map(marked, segment.words))
        return replace(segment, speaker=labels.get(segment.speaker or ""), words=words)

    return [replace(chunk, segments=tuple(map(relabelled, chunk.segments))) for chunk in told[number].chunks]


class _Busy:
    """When anybody of some turns speaks."""

    def __init__(self, turns: Sequence[SpeakerTurn]) -> None:
        together = utterances.merged(replace(turn, speaker="") for turn in turns)
        self._starts, self._ends = [one.start for one in together], [one.end for one in together]

    def seconds(self, start: float, end: float) -> float:
        """Of this time."""
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end)
        return sum(min(end, self._ends[at]) - max(start, self._starts[at]) for at in range(first, last))


def _renamed(told: Mapping[int, _Told], labels: Mapping[str, str]) -> list[SpeakerTurn]:
    return utterances.relabel((turn for one in told.values() for turn in one.turns), labels)


def _utterances(said: Mapping[int, Sequence[HeardChunk]]) -> tuple[Utterance, ...]:
    """Track by track, since words of two who speak at once would else cut each other's to pieces."""
    found = [
        utterance
        for chunks in said.values()
        for utterance in utterances.utterances(
            word for chunk in chunks for segment in chunk.segments for word in segment.words
        )
    ]
    return tuple(sorted(found, key=lambda one: (one.start, one.end)))


def _names(told: _Told, labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """A track's name is its speaker's; of several, each is numbered in order of first speech."""
    if told.track.name is None:
        return []
    own = dict.fromkeys(labels[turn.speaker] for turn in told.turns if turn.speaker in labels)
    if len(own) == 1:
        return [(label, told.track.name) for label in own]
    return [(label, f"{told.track.name} ({number})") for number, label in enumerate(own, 1)]
