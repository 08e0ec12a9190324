"""Words -> captions that can be read in time. Pure.

Sizes follow common broadcast practice (BBC and Netflix subtitle guidelines): two lines of at most 42 columns unless
a caller says otherwise, at most seven seconds, broken where a sentence or a pause ends. East Asian characters take two
columns, as on a screen.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

from core.transcript import weighted_mean

LINE_COLUMNS = 42
MIN_COLUMNS = 10
"""A wide character with the punctuation that is never parted from it takes six."""
LONGEST = 7.0
"""Seconds a caption stays at most, unless one word lasts longer."""
SHORTEST = 1.0
"""Seconds a caption stays at least, where the next one leaves room."""
PAUSE = 0.7
"""A silence of this many seconds between two words ends a caption."""
BREATH = 0.3
"""A sentence of under SHORTEST seconds ends its caption only before such a pause: "Dr." is no sentence."""

SENTENCE_END = re.compile(r"[.!?…。！？｡]['\"’”»)\]」』）]*$")
_TOKEN = re.compile(r"\s*\S+")
_CHARACTER = re.compile(r"\s*\S[,.!?…。，、！？；：）」』】”]{0,2}")


@dataclass(frozen=True)
class Layout:
    """The most that a caption holds: `columns` a line, at least MIN_COLUMNS, and `lines`."""

    columns: int = LINE_COLUMNS
    lines: int = 2


BROADCAST = Layout()


@dataclass(frozen=True)
class Piece:
    """What is never parted: a word with the space before it. Seconds."""

    start: float
    end: float
    text: str
    speaker: str | None = None
    confidence: float = 1.0


@dataclass(frozen=True)
class Caption:
    """Milliseconds, since that is what the formats carry; `end` > `start`, and those of one channel never overlap."""

    start: int
    end: int
    lines: tuple[str, ...]
    speaker: str | None


def captions(transcript: dict[str, Any], layout: Layout = BROADCAST) -> list[Caption]:
    """Of a transcript document, in order of time. Channels apart: two who speak at once, each on a microphone, are two
    captions at once, not one that changes hands with every word."""
    by_channel: dict[int | None, list[dict[str, Any]]] = {}
    for segment in transcript["segments"]:
        by_channel.setdefault(segment.get("channel"), []).append(segment)
    found = [cue for segments in by_channel.values() for cue in _of_channel(segments, layout)]
    return sorted(found, key=lambda cue: cue.start)


def _of_channel(segments: Sequence[dict[str, Any]], layout: Layout) -> list[Caption]:
    pieces = [piece for segment in segments for piece in pieces_of(segment, layout)]
    groups = list(_grouped(unspaced(sorted(pieces, key=lambda piece: piece.start)), layout))
    timed: list[Caption] = []
    for index, group in enumerate(groups):
        following = groups[index + 1][0].start if index + 1 < len(groups) else float("inf")
        start, end = _times(group, timed[-1].end if timed else 0, following)
        timed.append(Caption(start, end, laid_out(group, layout), group[0].speaker))
    return timed


def columns(text: str) -> int:
    """Width on a screen: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def pieces_of(segment: dict[str, Any], layout: Layout = BROADCAST) -> list[Piece]:
    """As `words_of`, but cut where a word is wider than a line."""
    return unspaced([part for piece in words_of(segment) for part in _short_enough(piece, layout)])


def words_of(segment: dict[str, Any]) -> list[Piece]:
    """The segment's words, as its text parts them; where it has none, its text with the time shared out by width."""
    speaker = segment.get("speaker")
    words = [
        Piece(word["start"], word["end"], word["word"], word.get("speaker") or speaker, word["confidence"])
        for word in segment.get("words") or ()
        if word["word"].strip()
    ]
    whole = Piece(segment["start"], segment["end"], segment["text"], speaker, segment["confidence"])
    words = words or tokens(whole)
    if words:
        words[0] = replace(words[0], text=" " + words[0].text)  # a segment is a word of its own
    return list(_glued([replace(word, text=_tidied(word.text)) for word in words]))


def tokens(piece: Piece) -> list[Piece]:
    """Parted at its blanks, with the time shared out by width."""
    return _shared_out(piece, _TOKEN)


def joined(pieces: Sequence[Piece]) -> str:
    """Their text on one line."""
    return "".join(piece.text for piece in pieces).strip()


def laid_out(pieces: Sequence[Piece], layout: Layout) -> tuple[str, ...]:
    """Their text on as few lines as can be, and those as even as can be."""
    needed = _lines_needed(pieces, layout.columns)
    if needed == 1:
        return (joined(pieces),)
    starts = _most_even(pieces, needed, layout.columns)
    return tuple(joined(pieces[start:end]) for start, end in pairwise((*starts, len(pieces))))


def _lines_needed(pieces: Sequence[Piece], room: int) -> int:
    """With every line filled before the next."""
    lines, used, fresh = 1, 0, True
    for piece in pieces:
        width = columns(piece.text)
        if not fresh and used + width > room:
            lines, used, fresh = lines + 1, 0, True
        used += width - _indent(piece) if fresh else width
        fresh = False
    return lines


def _most_even(pieces: Sequence[Piece], lines: int, room: int) -> tuple[int, ...]:
    """Where each line starts: of all ways to fill `lines` lines, the one with the least sum of squared widths."""
    ends = list(accumulate((columns(piece.text) for piece in pieces), initial=0))
    found: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}  # pieces used up -> the least sum, where lines start
    for _ in range(lines):
        ways = [
            (end, (cost + width**2, (*starts, start)))
            for start, (cost, starts) in found.items()
            for end in range(start + 1, len(pieces) + 1)
            if (width := ends[end] - ends[start] - _indent(pieces[start])) <= room or end == start + 1
        ]
        found = dict(sorted(ways, reverse=True))  # the least of each end comes last, and stays
    return found[len(pieces)][1]


def _indent(piece: Piece) -> int:
    return int(piece.text.startswith(" "))


def _tidied(text: str) -> str:
    """White space inside is one blank, before it at most one, after it none."""
    return (" " if text[0].isspace() else "") + " ".join(text.split())


def unspaced(pieces: Sequence[Piece]) -> list[Piece]:
    """Without the blank between two wide characters: Chinese is written without."""
    kept = list(pieces[:1])
    for before, piece in pairwise(pieces):
        wide = columns(before.text[-1]) == 2 and columns(piece.text.lstrip()[0]) == 2
        kept.append(replace(piece, text=piece.text.lstrip()) if wide else piece)
    return kept


def _glued(words: Sequence[Piece]) -> Iterator[Piece]:
    """`three` and `-year` are one piece: no line breaks where the text has no blank, except between wide characters."""
    held: Piece | None = None
    for word in words:
        if held and not word.text.startswith(" ") and not _wide_seam(held.text, word.text):
            sure = weighted_mean([(one.confidence, max(one.end - one.start, 0.01)) for one in (held, word)])
            held = replace(held, end=max(held.end, word.end), text=held.text + word.text, confidence=sure)
            continue
        if held:
            yield held
        held = word
    if held:
        yield held


def _wide_seam(left: str, right: str) -> bool:
    """Punctuation stays with what it follows, and an opening bracket with what it precedes."""
    if unicodedata.category(right[0]) in ("Po", "Pe", "Pf") or unicodedata.category(left[-1]) in ("Ps", "Pi"):
        return False
    return columns(left[-1]) == 2 or columns(right[0]) == 2


def _short_enough(piece: Piece, layout: Layout) -> list[Piece]:
    """Cut where one piece is wider than a line: a run of Chinese without word times, a spelled-out address."""
    if columns(piece.text.strip()) <= layout.columns:
        return [piece]
    return _shared_out(piece, _CHARACTER)


def _shared_out(piece: Piece, pattern: re.Pattern[str]) -> list[Piece]:
    texts: list[str] = pattern.findall(piece.text)
    widths = [max(1, columns(text)) for text in texts]
    second = (piece.end - piece.start) / max(1, sum(widths))
    starts = [piece.start + second * before for before in accumulate(widths, initial=0)]
    return [replace(piece, start=a, end=b, text=text) for text, (a, b) in zip(texts, pairwise(starts), strict=True)]


def _grouped(pieces: Sequence[Piece], layout: Layout) -> Iterator[list[Piece]]:
    group: list[Piece] = []
    for piece in pieces:
        if group and _ends(group, piece, layout):
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _ends(group: Sequence[Piece], following: Piece, layout: Layout) -> bool:
    """Whether the caption is over before this piece."""
    pause, lasted = following.start - group[-1].end, group[-1].end - group[0].start
    return (
        following.speaker != group[0].speaker
        or pause >= PAUSE
        or following.end - group[0].start > LONGEST
        or (bool(SENTENCE_END.search(group[-1].text.rstrip())) and (lasted >= SHORTEST or pause >= BREATH))
        or _lines_needed([*group, following], layout.columns) > layout.lines
    )


def _times(group: Sequence[Piece], free_from: int, following: float) -> tuple[int, int]:
    """Starts when the one before is gone, stays long enough to be read, and yields to the next."""
    start = max(free_from, round(group[0].start * 1000))
    wanted = max(max(piece.end for piece in group), group[0].start + SHORTEST)
    return start, max(start + 1, round(min(wanted, following) * 1000))
