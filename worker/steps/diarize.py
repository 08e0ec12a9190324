"""One block of a recording -> what a diarizer heard in it. The runner calls; sound is read range by range."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from core.errors import Unavailable
from worker.engines.protocols import SAMPLE_RATE, Diarizer, Progress, Samples, samples
from worker.parts import Parts

Read = Callable[[int, int, int], bytes]
"""(part number, first byte, byte count) -> PCM."""


def heard(
    params: Mapping[str, Any], index: int, diarizer: Diarizer, read: Read, progress: Progress
) -> dict[int, bytes]:
    """By block of the diarizer's own: the one of this step; of the last step also those that a grid of windows which
    does not divide ten minutes leaves over. Raises Unavailable where stored sound is short."""
    offset = round(params["first"] * SAMPLE_RATE)
    index = params.get("block", index)  # steps of an older version are numbered by their block alone
    spans = list(enumerate(diarizer.spans(round(params["last"] * SAMPLE_RATE) - offset)))
    mine = spans[index:] if index == params["blocks"] - 1 else spans[index : index + 1]
    found: dict[int, bytes] = {}
    for number, (start, stop) in mine:
        block = _sound(offset + start, offset + stop, read)
        found[number] = diarizer.windows(block, start, progress).to_bytes()
    return found


def _sound(first: int, stop: int, read: Read) -> Samples:
    pcm = b"".join(read(*part) for part in Parts.ranges(2 * first, 2 * stop))
    if len(pcm) != 2 * (stop - first):
        raise Unavailable("the stored sound of a block is incomplete")
    return samples(pcm) if pcm else np.zeros(0, np.float32)
