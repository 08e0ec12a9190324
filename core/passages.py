"""A transcript as its words, sentences and paragraphs, and where something is said in it. Pure."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.captions import SENTENCE_END, Piece, columns, joined, unspaced, words_of

PAUSE = 2.0
"""Seconds of silence that end a sentence, whatever its last word looks like: not every model writes full stops."""
PARAGRAPH_WORDS = 100
"""A paragraph takes no further sentence that would make it longer than so many words."""

_ABBREVIATIONS = frozenset("dr. mr. mrs. ms. prof. st. vs. e.g. i.e. no. etc.".split())
_EDGES = re.compile(r"^\W+|\W+$")


@dataclass(frozen=True)
class Spoken:
    """A whole word. `index`: its place among all words of the transcript. `channel`: of the recording, from 0."""

    index: int
    piece: Piece
    channel: int | None


Passage = tuple[Spoken, ...]
"""Words of one channel that follow one another; at least one."""


def spoken(transcript: dict[str, Any]) -> list[Spoken]:
    """All words of a transcript document, in order of time."""
    found = [(piece, one.get("channel")) for one in transcript["segments"] for piece in words_of(one)]
    found.sort(key=lambda one: one[0].start)
    return [Spoken(index, piece, channel) for index, (piece, channel) in enumerate(found)]


def text_of(words: Iterable[Spoken]) -> str:
    return joined(unspaced([one.piece for one in words]))


def sentences(words: Sequence[Spoken]) -> list[Passage]:
    """In order of their beginnings. Channels apart: who speaks at the same time ends no sentence of another."""
    return _of_each_channel(words, _ends_sentence)


def paragraphs(words: Sequence[Spoken]) -> list[Passage]:
    """Sentences of one speaker that follow one another without a long silence."""
    found = sentences(words)
    ends, lengths = {one[-1].index for one in found}, {one[0].index: len(one) for one in found}

    def ends_paragraph(so_far: Sequence[Spoken], after: Spoken) -> bool:
        if so_far[-1].index not in ends:
            return False
        return _apart(so_far[-1], after) or len(so_far) + lengths[after.index] > PARAGRAPH_WORDS

    return _of_each_channel(words, ends_paragraph)


def occurrences(words: Sequence[Spoken], phrases: Iterable[str]) -> dict[str, list[Passage]]:
    """Where each phrase is said, without regard to case and punctuation, in order of time."""
    lanes = [_Lane(lane) for lane in _by_channel(words)]
    return {
        phrase: sorted((found for lane in lanes for found in lane.find(phrase)), key=lambda found: found[0].index)
        for phrase in phrases
    }


class _Lane:
    """The words of one channel, to be searched several times: ten hours hold a hundred thousand."""

    def __init__(self, words: Iterable[Spoken]) -> None:
        said = [(one, plain) for one in words if (plain := _plain(one.piece.text))]
        self._words, self._texts = [one for one, _ in said], [plain for _, plain in said]
        self._places: dict[str, list[int]] = {}
        for place, text in enumerate(self._texts):
            self._places.setdefault(text, []).append(place)

    def find(self, phrase: str) -> Iterator[Passage]:
        wanted = [word for word in map(_plain, phrase.split()) if word]
        if any(columns(char) == 2 for char in phrase):
            yield from self._together("".join(wanted))
        elif wanted:
            for start in self._places.get(wanted[0], ()):
                if self._texts[start : start + len(wanted)] == wanted:
                    yield tuple(self._words[start : start + len(wanted)])

    def _together(self, wanted: str) -> Iterator[Passage]:
        """Where no blank says what a word is: recognizers part Chinese as they like."""
        for start in (place for text, places in self._places.items() if wanted.startswith(text) for place in places):
            rest, end = wanted, start
            while rest and end < len(self._texts) and rest.startswith(self._texts[end]):
                rest, end = rest[len(self._texts[end]) :], end + 1
            if not rest:
                yield tuple(self._words[start:end])


def _plain(text: str) -> str:
    return _EDGES.sub("", unicodedata.normalize("NFKC", text).casefold())


def _by_channel(words: Iterable[Spoken]) -> Iterable[list[Spoken]]:
    lanes: dict[int | None, list[Spoken]] = {}
    for one in words:
        lanes.setdefault(one.channel, []).append(one)
    return lanes.values()


def _of_each_channel(words: Sequence[Spoken], ends: Callable[[Sequence[Spoken], Spoken], bool]) -> list[Passage]:
    found = [passage for lane in _by_channel(words) for passage in _parts(lane, ends)]
    return sorted(found, key=lambda passage: passage[0].index)


def _parts(lane: Sequence[Spoken], ends: Callable[[Sequence[Spoken], Spoken], bool]) -> Iterator[Passage]:
    """`ends`: whether what was gathered so far is over before the next word."""
    gathered: list[Spoken] = []
    for one in lane:
        if gathered and ends(gathered, one):
            yield tuple(gathered)
            gathered = []
        gathered.append(one)
    if gathered:
        yield tuple(gathered)


def _apart(before: Spoken, after: Spoken) -> bool:
    """Another speaker, or a long silence."""
    return before.piece.speaker != after.piece.speaker or after.piece.start - before.piece.end >= PAUSE


def _ends_sentence(so_far: Sequence[Spoken], after: Spoken) -> bool:
    last, following = so_far[-1].piece.text.strip(), after.piece.text.strip()
    stops = SENTENCE_END.search(last) and last.lower() not in _ABBREVIATIONS and not following[0].islower()
    return bool(stops) or _apart(so_far[-1], after)
