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
    """`chunks` as each microphone heard them, with speakers: what the ledger keeps, so that another assembly may decide
    otherwise. `segments` in the order in which they were said, each word once; `gaps`: what two tracks heard; `names`:
    of the labels whose tracks have one."""

    chunks: list[HeardChunk]
    segments: list[Segment]
    turns: tuple[SpeakerTurn, ...]
    utterances: tuple[Utterance, ...]
    names: dict[str, str]
    gaps: tuple[Gap, ...]


def interleaved(facts: AssemblyFacts, chunks: Sequence[HeardChunk]) -> Interleaved:
    heard: Heard = defaultdict(list)
    for chunk in chunks:
        heard[track_of(chunk.index)].append(chunk)
    diarized = (facts.speakers or {}).get("tracks", {})
    owned = {one.index: _owned(one, heard[one.index], diarized.get(str(one.index))) for one in facts.tracks}
    told, gaps = _without_cross_talk(owned)
    labels = utterances.labels(turn for one in told.values() for turn in one.turns)
    merged: Mapping[str, str] = (facts.speakers or {}).get("merged", {})
    labels = {own: merged.get(label, label) for own, label in labels.items()}
    shown = {number: _Shown(number, told, labels) for number in sorted(told)}
    said = {number: [one(segment) for segment in told[number].segments] for number, one in shown.items()}
    return Interleaved(
        [
            replace(chunk, segments=tuple(map(one, chunk.segments)))
            for number, one in shown.items()
            for chunk in owned[number].chunks
        ],
        sorted((one for each in said.values() for one in each), key=lambda one: (one.start, one.channel or 0)),
        tuple(utterances.merged(_renamed(told, labels))),
        _utterances(said),
        {label: name for number in sorted(told, reverse=True) for label, name in _names(told[number], labels)},
        tuple(gaps),
    )


@dataclass(frozen=True)
class _Owned:
    """A track as its microphone heard it. Words have speakers, whose labels begin with the track's number, as in
    `2/S1`. `turns`: None where the track is one speaker."""

    track: Track
    chunks: list[HeardChunk]
    turns: tuple[SpeakerTurn, ...] | None

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(segment for chunk in self.chunks for segment in chunk.segments)


@dataclass(frozen=True)
class _Told:
    """What is left of a track without what is said better on others."""

    track: Track
    segments: tuple[Segment, ...]
    turns: tuple[SpeakerTurn, ...]


def _without_cross_talk(owned: Mapping[int, _Owned]) -> tuple[dict[int, _Told], list[Gap]]:
    order = sorted(owned)
    texts = [cross_talk.TrackText(owned[number].segments, _Levels(owned[number].chunks)) for number in order]
    kept, gaps = cross_talk.separated(texts)
    found = {}
    for number, segments in zip(order, kept, strict=True):
        turns = owned[number].turns
        found[number] = _Told(
            owned[number].track, segments, tuple(_turns(segments, str(number))) if turns is None else turns
        )
    return found, gaps


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


def _owned(track: Track, chunks: list[HeardChunk], diarized: Mapping[str, Any] | None) -> _Owned:
    if diarized is not None and (found := cluster.kept(diarized)).turns:
        prefixed = Diarization(_prefixed(track, found.turns), _prefixed(track, found.exclusive))
        return _Owned(track, spoken(chunks, prefixed), prefixed.turns)
    label = str(track.index)
    own = [replace(chunk, segments=tuple(_of(segment, label) for segment in chunk.segments)) for chunk in chunks]
    return _Owned(track, own, None)


def _prefixed(track: Track, turns: Sequence[SpeakerTurn]) -> tuple[SpeakerTurn, ...]:
    return tuple(replace(turn, speaker=f"{track.index}/{turn.speaker}") for turn in turns)


def _of(segment: Segment, label: str) -> Segment:
    """Whose microphone it is, is certain."""
    words = tuple(replace(word, speaker=label, speaker_confidence=1.0) for word in segment.words)
    return replace(segment, speaker=label, words=words)


def _turns(segments: Sequence[Segment], label: str) -> list[SpeakerTurn]:
    found: list[SpeakerTurn] = []
    for start, end in ((one.start, one.end) for segment in segments for one in _said(segment)):
        if found and start - found[-1].end <= PAUSE:
            found[-1] = replace(found[-1], end=max(found[-1].end, end))
        else:
            found.append(SpeakerTurn(start, end, label))
    return found


def _said(segment: Segment) -> Sequence[Word | Segment]:
    return segment.words or (segment,)


class _Shown:
    """A segment of one track with the labels that callers see, its words marked where somebody spoke on another track
    at the same time."""

    def __init__(self, number: int, told: Mapping[int, _Told], labels: Mapping[str, str]) -> None:
        self._labels = labels
        self._others = _Busy([turn for other, one in told.items() if other != number for turn in one.turns])

    def __call__(self, segment: Segment) -> Segment:
        words = tuple(map(self._marked, segment.words))
        return replace(segment, speaker=self._labels.get(segment.speaker or ""), words=words)

    def _marked(self, word: Word) -> Word:
        shared = self._others.seconds(word.start, word.end) > (word.end - word.start) / 2
        return replace(word, speaker=self._labels.get(word.speaker or ""), overlap=word.overlap or shared)


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


def _utterances(said: Mapping[int, Sequence[Segment]]) -> tuple[Utterance, ...]:
    """Track by track, since words of two who speak at once would else cut each other's to pieces."""
    found = [
        utterance
        for segments in said.values()
        for utterance in utterances.utterances(word for segment in segments for word in segment.words)
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
