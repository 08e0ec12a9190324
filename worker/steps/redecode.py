"""Whether what a chunk gave the second time is better than what it gave the first time. Pure.

A prompt makes Whisper leave text out, repeat the prompt, or fall into a loop more often than it helps, so the first
text stands unless the second is better by every rule here.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.second_pass import LANGUAGE_FLIP
from core.transcript import Segment
from worker.engines.protocols import Clip, Hypothesis

FLAG = "second_pass"
"""Of segments whose text is that of the second decode."""
GAIN = 0.05
"""Mean log probability of a token by which the second must be more probable."""
LANGUAGE_LOSS = 0.1
"""By which it may be less probable, where it was decoded in the recording's language."""
SHORTEST, LONGEST = 0.75, 1.5
"""Its length beside the first's, in characters: what is shorter leaves speech out, what is longer adds some."""
_ECHO = 3
"""So many words of the prompt's end at its beginning are the prompt, not the speech."""


def clip(clip: Clip, params: Mapping[str, Any]) -> Clip:
    """The chunk's own clip, with what the second pass knows."""
    prompt = f"{clip.prompt} {params['prompt']}".strip()
    return replace(clip, prompt=prompt, language=params["language"] or clip.language)


def marked(segment: Segment) -> Segment:
    return replace(segment, flags=(*segment.flags, FLAG))


def objections(first: Sequence[Segment], second: Hypothesis, params: Mapping[str, Any]) -> tuple[str, ...]:
    """Why the first text stands; empty where the second takes its place."""
    told = LANGUAGE_FLIP in params["reasons"]
    before, after = _text(first), _text(second.segments)
    found = {
        "same": before == after and not told,
        "empty": not after.strip(),
        "suppressed": bool(second.suppressed),
        "sampled": second.sampled,
        "echo": _echoes(after, params["prompt"]) and not _echoes(before, params["prompt"]),
        "length": bool(before) and not told and not SHORTEST <= len(after) / len(before) <= LONGEST,
        "less_probable": bool(before) and probability(second.segments) < probability(first) + _needed(told=told),
    }
    return tuple(name for name, holds in found.items() if holds)


def probability(segments: Sequence[Segment]) -> float:
    """Mean log probability of a token, weighted by text."""
    length = sum(len(one.text) for one in segments)
    return sum(one.avg_logprob * len(one.text) for one in segments) / length if length else float("-inf")


def _needed(*, told: bool) -> float:
    return -LANGUAGE_LOSS if told else GAIN


def _text(segments: Sequence[Segment]) -> str:
    return "".join(one.text for one in segments)


def _echoes(text: str, prompt: str) -> bool:
    said, before = _words(text)[:_ECHO], _words(prompt)
    return len(said) == _ECHO and any(before[at : at + _ECHO] == said for at in range(len(before) - _ECHO + 1))


def _words(text: str) -> list[str]:
    """Characters where there are no spaces."""
    plain = "".join(c if c.isalnum() else " " for c in unicodedata.normalize("NFKC", text).casefold())
    return plain.split() if " " in text.strip() else list(plain.replace(" ", ""))
