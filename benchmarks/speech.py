"""Speech of any length from what every checkout has: the bundled meeting again and again, written as it is made.

    python -m benchmarks.speech OUT.wav [--minutes 60] [--variant 0]

Each round begins at the end of another word, so that no two rounds are cut alike. Variants of one length differ from
their first second on: what was transcribed before is no help with them.
"""

import argparse
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.cuts import Spoken, meeting
from core.settings import Settings
from worker.audio import SAMPLE_RATE

_STEP = 37
"""Words that each round begins further on; odd, so that the rounds of one hour differ."""


def write(path: Path, seconds: float, variant: int = 0) -> Path:
    """A WAV of 16 kHz mono 16-bit PCM. Memory does not grow with its length."""
    with wave.open(str(path), "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(SAMPLE_RATE)
        left = round(seconds * SAMPLE_RATE)
        for block in _rounds(variant):
            opened.writeframesraw(block[: 2 * left])
            left -= min(left, len(block) // 2)
            if not left:
                return path
    return path


def _rounds(variant: int) -> Iterator[bytes]:
    """Without end."""
    samples, words = meeting(Settings())
    pcm = (samples * 32767).astype("<i2").tobytes()
    turn = variant
    while True:
        yield pcm[2 * round(_begin(words, turn) * SAMPLE_RATE) :]
        turn += 1


def _begin(words: list[Spoken], turn: int) -> float:
    """Seconds: between two words of the meeting's first half."""
    first = (turn * _STEP) % (len(words) // 2)
    return float(np.mean([words[first - 1].end, words[first].start])) if first else 0.0


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--variant", type=int, default=0)
    arguments = parser.parse_args(argv)
    write(arguments.out, arguments.minutes * 60, arguments.variant)


if __name__ == "__main__":
    main()
