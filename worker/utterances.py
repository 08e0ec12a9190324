"""Speakers and what they say: labels in order of first speech, seconds spoken, utterances. Pure.

Seconds from the start of the recording.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from core.transcript import SpeakerTurn, Utterance, Word

PAUSE = 2.0
"""A longer silence ends an utterance: pauses for thought stay in it, the wait for an answer does not."""


def utterances(words: Iterable[Word], pause: float = PAUSE) -> Iterator[Utterance]:
    """Consecutive words of one speaker, in the words' order, every word in exactly one.

    A change of speaker ends one, and a silence of more than `pause` seconds. Words without a speaker make utterances
    of their own.
    """
    opened: list[Word] = []
    end = 0.0
    for word in words:
        if opened and (word.speaker != opened[-1].speaker or word.start - end > pause):
            yield _utterance(opened, end)
            opened = []
        end = max(end, word.end) if opened else word.end
        opened.append(word)
    if opened:
        yield _utterance(opened, end)


def _utterance(words: list[Word], end: float) -> Utterance:
    text = "".join(word.word for word in words).strip()
    return Utterance(min(word.start for word in words), end, words[0].speaker, text, tuple(words))


def merged(turns: Iterable[SpeakerTurn]) -> list[SpeakerTurn]:
    """In order of their beginnings; turns of one speaker that touch or overlap are one, those without length none."""
    found: list[SpeakerTurn] = []
    latest: dict[str, int] = {}
    for turn in sorted(turns, key=_order):
        at = latest.get(turn.speaker)
        if turn.end <= turn.start:
            continue
        if at is None or turn.start > found[at].end:
            latest[turn.speaker] = len(found)
            found.append(turn)
        elif turn.end > found[at].end:
            found[at] = replace(found[at], end=turn.end)
    return found


def labels(turns: Iterable[SpeakerTurn]) -> dict[str, str]:
    """The diarizer's label -> `S1`, `S2` … in order of first speech; of two that begin at once, the one that ends first
    comes first, then the alphabet decides, so that the same turns always get the same labels."""
    first = dict.fromkeys(turn.speaker for turn in sorted(turns, key=_order) if turn.end > turn.start)
    return {speaker: f"S{number}" for number, speaker in enumerate(first, 1)}


def relabel(turns: Iterable[SpeakerTurn], names: Mapping[str, str] | None = None) -> list[SpeakerTurn]:
    """The turns in the same order, without those that have no length, with labels in order of first speech, or with
    those of `names`.

    For the exclusive turns of a diarization, and for its embeddings, hand over the `labels` of its overlapping turns:
    somebody who is only ever heard under others is in those alone. A speaker without a name is a KeyError.
    """
    given = list(turns)
    names = labels(given) if names is None else names
    return [replace(turn, speaker=names[turn.speaker]) for turn in given if turn.end > turn.start]


def seconds_spoken(turns: Iterable[SpeakerTurn]) -> dict[str, float]:
    """By speaker, in order of first speech; a second that two share counts for both."""
    found: dict[str, float] = {}
    for turn in merged(turns):
        found[turn.speaker] = found.get(turn.speaker, 0.0) + turn.end - turn.start
    return found


def _order(turn: SpeakerTurn) -> tuple[float, float, str]:
    return turn.start, turn.end, turn.speaker
