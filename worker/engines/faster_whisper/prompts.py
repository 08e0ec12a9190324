"""What stands before a clip's text: hotwords and a prompt, as tokens."""

from typing import Any

from worker.engines.protocols import Clip

MOST = 200
"""Tokens before `<|startoftranscript|>`. Upstream lets each of the two take 223, and together they overflow the
decoder's 448, half of which its text needs."""
_HOTWORDS = 120
STEP = 8
"""A long prompt is cut to a multiple of so many tokens: clips share a call only where as much stands before theirs,
and what the second pass is told differs by a token or two from chunk to chunk."""


def prefix(clip: Clip, encode: Any, start_of_prev: int) -> tuple[int, ...]:
    """Hotwords from their beginning, of the prompt its end: what is nearest to the text counts most."""
    hotwords = encode(" " + ", ".join(clip.hotwords).strip())[:_HOTWORDS] if clip.hotwords else []
    prompt = encode(" " + clip.prompt.strip()) if clip.prompt.strip() else []
    kept = prompt[-(MOST - len(hotwords)) :]
    if len(kept) > 2 * STEP:
        kept = kept[len(kept) % STEP :]
    return (start_of_prev, *hotwords, *kept) if hotwords or kept else ()
