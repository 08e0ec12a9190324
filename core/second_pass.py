"""Which chunks are heard a second time, and with what they did not know the first time. Pure.

All chunks of a recording are decoded at once, so none knows what was said before it. The doubtful ones get a second
decode with the end of their neighbour's *first* text as a prompt, so that order decides nothing, and with the language
of the recording where their own was guessed. A chunk for which there is nothing new to know is not heard again: it
would give the same text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

TAIL = 120
"""Characters of the preceding text, of which about 100 are told: prompts are cut to lengths that batches can share."""
NEAR = 15.0
"""Seconds of silence after which what was said before tells little of what comes."""
SURE = 0.8
"""Probability from which a chunk's own language stands beside the recording's: people do change language."""
ENOUGH = 1.0
"""Seconds of speech without which no probability makes a language sure: one word sounds like many languages."""
LOW_CONFIDENCE, FORCED_CUT, LANGUAGE_FLIP = "low_confidence", "forced_cut", "language_flip"


@dataclass(frozen=True)
class FirstPass:
    """A chunk as it was heard the first time. Seconds from the start of the recording; `probability` of its language;
    `doubtful`: the decode itself was unsure; `tail`: the end of its text."""

    index: int
    start: float
    end: float
    forced_cut: bool
    speech_seconds: float
    language: str
    probability: float
    doubtful: bool
    tail: str


@dataclass(frozen=True)
class Again:
    """A chunk to hear again, why, and knowing what. `language` None: what the caller asked for."""

    index: int
    reasons: tuple[str, ...]
    prompt: str = ""
    language: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the params of its step hold it."""
        return {**asdict(self), "reasons": list(self.reasons)}


def dominant(chunks: Iterable[FirstPass]) -> str | None:
    """The language of most of the speech that has a text, each chunk's seconds weighed with its probability."""
    seconds: dict[str, float] = {}
    for chunk in chunks:
        if chunk.tail:
            seconds[chunk.language] = seconds.get(chunk.language, 0.0) + chunk.speech_seconds * chunk.probability
    return max(seconds, key=lambda language: seconds[language]) if seconds else None


def choose(chunks: Sequence[FirstPass], *, language_asked: bool) -> list[Again]:
    """In the order of the recording. Where the caller named the language, none is a flip."""
    settled = None if language_asked else dominant(chunks)
    before: dict[int, FirstPass] = {chunk.index: chunk for chunk in chunks}
    found = (_again(chunk, before.get(chunk.index - 1), settled) for chunk in chunks)
    return [one for one in found if one is not None]


def _again(chunk: FirstPass, before: FirstPass | None, settled: str | None) -> Again | None:
    flipped = settled is not None and chunk.language != settled and not _sure(chunk)
    language = settled if flipped else None
    torn = before is not None and before.forced_cut
    prompt = _context(chunk, before, language or chunk.language) if chunk.doubtful or torn or flipped else ""
    reasons = {
        LANGUAGE_FLIP: flipped,
        LOW_CONFIDENCE: chunk.doubtful and bool(prompt or flipped),
        FORCED_CUT: torn and bool(prompt),
    }
    given = tuple(reason for reason, holds in reasons.items() if holds)
    return Again(chunk.index, given, prompt, language) if given else None


def _sure(chunk: FirstPass) -> bool:
    return chunk.probability >= SURE and chunk.speech_seconds >= ENOUGH


def _context(chunk: FirstPass, before: FirstPass | None, language: str) -> str:
    """Doubtful text is no help, nor is another language."""
    if before is None or before.doubtful or before.language != language or chunk.start - before.end > NEAR:
        return ""
    return before.tail
