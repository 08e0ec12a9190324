"""Speech spans -> chunks for a recognizer, cut at silences. Pure, streaming, flat in the recording's length.

All times are seconds from the start of the recording. A chunk keeps the silence inside it, so that a time in the
chunk plus the chunk's start is a time in the recording.
"""

import math
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

FRAME = 0.03
"""Seconds of one loudness frame: 30 ms is shorter than most closures of stops, longer than a pitch period."""


class SpeechSpan(Protocol):
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


@dataclass(frozen=True)
class Rules:
    """Seconds. `longest` is Whisper's window. Silences longer than `dropped` end a chunk and are in none;
    shorter ones stay in it, since a window costs the same however much is said in it."""

    longest: float = 30.0
    cut_from: float = 20.0
    cut_to: float = 29.5
    least: float = 5.0
    """Where there is no silence between `cut_from` and `cut_to`, an earlier one down to here beats a forced cut."""
    dropped: float = 6.0
    padding: float = 0.4
    """Kept around speech, so that no soft word edge is lost; never past the middle of the silence."""
    seam: float = 1.0
    """On either side of a forced cut, so much is heard with both chunks: a word that the cut tears is whole in both."""


RULES = Rules()
NEARLY = 0.75
"""Share of the longest silence from which another may be cut at."""
VERSION = 2
"""Of these rules: with others a recording that is ingested again must not keep some of the old chunks."""
_PAUSE = 0.35
"""Seconds of silence between two sentences."""


def rules_for(window: float) -> Rules:
    """For a model that hears at most `window` seconds well. One with less than Whisper's window was trained on single
    sentences, so its chunks end at every pause."""
    if window >= RULES.longest:
        return RULES
    return Rules(window, cut_from=0.3 * window, cut_to=window - 0.5, least=0.15 * window, dropped=_PAUSE, padding=0.3)


@dataclass(frozen=True)
class Cut:
    """`forced_cut`: the chunk ends inside speech, and the next begins right there. `speech_seconds` without padding.
    `lead` and `trail`: seconds of the neighbours that are heard with it, before and after a forced cut."""

    start: float
    end: float
    forced_cut: bool
    speech_seconds: float
    lead: float = 0.0
    trail: float = 0.0


class Loudness:
    """The level of each 30 ms of the recording (any unit that grows with loudness), forgotten once cut."""

    def __init__(self) -> None:
        self._levels: array[float] = array("f")
        self._first = 0

    def add(self, levels: Iterable[float]) -> None:
        self._levels.extend(levels)

    def quietest(self, start: float, end: float) -> float:
        """The middle of the quietest frame wholly between the times; the first of equals."""
        first = max(math.ceil(start / FRAME - 1e-6) - self._first, 0)
        stop = min(math.floor(end / FRAME + 1e-6) - self._first, len(self._levels))
        if first >= stop:
            return (start + end) / 2
        best = min(range(first, stop), key=self._levels.__getitem__)
        return (best + self._first + 0.5) * FRAME

    def forget(self, before: float) -> None:
        unneeded = min(math.floor(before / FRAME) - self._first, len(self._levels))
        if unneeded > 0:
            del self._levels[:unneeded]
            self._first += unneeded

    def __len__(self) -> int:
        return len(self._levels)


@dataclass
class _Open:
    """The chunk being filled: its first second, the speech in it, in order, never touching, and its lead."""

    start: float
    speech: list[tuple[float, float]] = field(default_factory=list)
    lead: float = 0.0

    @property
    def heard_from(self) -> float:
        return self.start - self.lead


def cut(
    spans: Iterable[SpeechSpan],
    loudness: Loudness,
    *,
    start: float = 0.0,
    length: Callable[[], float] = lambda: math.inf,
    rules: Rules = RULES,
) -> Iterator[Cut]:
    """Chunks in order, none longer than `rules.longest`, each as soon as it is certain.

    Spans are in order; two that touch are one (a detector hands a long one over in pieces). `loudness` must reach
    as far as the spans handed over. No chunk begins before `start` or ends after `length`, the recording's last
    second, which is asked for when the spans are exhausted.
    """
    opened: _Open | None = None
    for span in spans:
        if span.end <= span.start:
            continue
        if opened is None:
            opened = _Open(max(start, span.start - rules.padding))
        elif span.start - opened.speech[-1][1] > rules.dropped:
            silence = (opened.speech[-1][1], span.start)
            yield _closed(opened, _left(silence, rules))
            opened = _Open(_right(silence, rules))
        _append(opened.speech, span)
        while opened.speech[-1][1] + rules.padding - opened.heard_from > rules.longest:
            finished, opened = _split(opened, loudness, rules)
            loudness.forget(opened.start)
            yield finished
    if opened is not None:
        last = opened.speech[-1][1] + rules.padding
        yield _closed(opened, min(last, length()))


def _append(speech: list[tuple[float, float]], span: SpeechSpan) -> None:
    if speech and span.start <= speech[-1][1] + 1e-6:
        speech[-1] = (speech[-1][0], max(speech[-1][1], span.end))
    else:
        speech.append((span.start, span.end))


def _closed(chunk: _Open, end: float, trail: float = 0.0, *, forced: bool = False) -> Cut:
    spoken = sum(min(stop, end) - max(begin, chunk.start) for begin, stop in chunk.speech)
    return Cut(chunk.start, end, forced, round(spoken, 3), chunk.lead, trail)


def _split(chunk: _Open, loudness: Loudness, rules: Rules) -> tuple[Cut, _Open]:
    """The chunk up to its best cut, and what is left."""
    silences = [(a[1], b[0]) for a, b in zip(chunk.speech, chunk.speech[1:], strict=False)]
    for earliest in (rules.cut_from, rules.least):
        latest = chunk.heard_from + rules.cut_to
        possible = [one for one in silences if chunk.start + earliest <= _left(one, rules) <= latest]
        if possible:
            return _split_at(chunk, _best(possible), rules)
    seam = loudness.quietest(chunk.start + rules.cut_from, chunk.heard_from + rules.cut_to - rules.seam)
    before = [(begin, min(stop, seam)) for begin, stop in chunk.speech if begin < seam]
    after = [(max(begin, seam), stop) for begin, stop in chunk.speech if stop > seam]
    # The seam is inside speech unless a silence too early or too late to qualify holds it: then nothing is torn.
    forced = any(begin < seam < stop for begin, stop in chunk.speech)
    shared = rules.seam if forced else 0.0
    return _closed(_Open(chunk.start, before, chunk.lead), seam, shared, forced=forced), _Open(seam, after, shared)


def _best(silences: list[tuple[float, float]]) -> tuple[float, float]:
    """The longest; of those that are nearly as long the last, since longer chunks are fewer."""
    longest = max(end - start for start, end in silences)
    return max(one for one in silences if one[1] - one[0] >= NEARLY * longest)


def _split_at(chunk: _Open, silence: tuple[float, float], rules: Rules) -> tuple[Cut, _Open]:
    before = [spoken for spoken in chunk.speech if spoken[1] <= silence[0]]
    after = [spoken for spoken in chunk.speech if spoken[0] >= silence[1]]
    closed = _closed(_Open(chunk.start, before, chunk.lead), _left(silence, rules))
    return closed, _Open(_right(silence, rules), after)


def _left(silence: tuple[float, float], rules: Rules) -> float:
    """Where the chunk before a silence ends."""
    return min(silence[0] + rules.padding, (silence[0] + silence[1]) / 2)


def _right(silence: tuple[float, float], rules: Rules) -> float:
    """Where the chunk after it begins."""
    return max(silence[1] - rules.padding, (silence[0] + silence[1]) / 2)
