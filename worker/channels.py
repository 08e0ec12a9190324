"""Which channels of a recording say something of their own.

Many stereo files are mono twice: then there is one voice to hear, and transcribing it twice would double every word.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.tracks import MOST_CHANNELS
from worker.audio import ALL, DecodeFailed, Decoder, decode
from worker.steps import StepContext

SAME = 1e-3
"""Share of a channel's power that another, made louder or softer, leaves unexplained: below it (-30 dB) both carry the
same sound. Two microphones in one room leave more than half."""
QUIET = 1.0
"""Mean square of 16-bit samples below which a channel is silent: nothing but the last bit's noise."""

Told = tuple[str, str]
"""Code and message."""


def looked_at(path: Path, count: int, context: StepContext, using: Decoder) -> tuple[list[int], Told | None]:
    """The channels to hear apart, from 0, and what the caller should know. One of them means: hear the recording as it
    is. One pass over the file, in memory that does not grow. Raises InputError `too_many_channels`."""
    if count > MOST_CHANNELS:
        raise InputError(
            f"the recording has {count} channels, and no more than {MOST_CHANNELS} are told apart; use channels=mix",
            code="too_many_channels",
        )
    if count < 2:
        return [0], ("single_channel", "the recording has one channel; there is nothing to separate")
    products = _products(path, count, context, using)
    kept = distinct(products)
    sounding = [one for one in kept if products[one, one] > QUIET]
    same = count - len(kept)
    if same:
        said = f"{same} of the {count} channels carry the same sound as another one, and are heard once"
        return sounding or [0], ("dual_mono", said)
    return sounding or [0], None


def distinct(products: NDArray[np.float64]) -> list[int]:
    """Of the channels whose mean products are (channels, channels), those that are no copy of an earlier one."""
    kept: list[int] = []
    for one in range(len(products)):
        if not any(_same(products, one, other) for other in kept):
            kept.append(one)
    return kept


def _same(products: NDArray[np.float64], one: int, other: int) -> bool:
    powers = products[one, one] * products[other, other]
    if min(products[one, one], products[other, other]) <= QUIET:
        return False
    return bool(1.0 - products[one, other] ** 2 / powers < SAME)


def _products(path: Path, count: int, context: StepContext, using: Decoder) -> NDArray[np.float64]:
    """Mean products of each two channels' samples. What cannot be decoded is found out, and told, by the decode that
    follows."""
    total = np.zeros((count, count))
    frames, rest = 0, b""
    options, limit = context.options, context.settings.max_duration + 1
    seconds = limit if options.clip_end is None else min(options.clip_end, limit)
    blocks = decode(
        path, context.settings, tolerant=True, check=context.check, seconds=seconds, using=using, heard=ALL
    )  # fmt: skip
    try:
        for block in blocks:
            data = rest + block
            whole = len(data) // (2 * count) * 2 * count
            samples = np.frombuffer(data[:whole], "<i2").reshape(-1, count).astype(np.float64)
            total += samples.T @ samples
            frames, rest = frames + len(samples), data[whole:]
    except DecodeFailed:
        pass
    return total / max(1, frames)
