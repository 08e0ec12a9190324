"""The bundled meeting, parted: each person's sound on a track or a channel of their own, silence where others speak."""

import json
import wave
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.settings import Settings
from worker.audio import SAMPLE_RATE, decode

FOLDER = Path(__file__).resolve().parents[2] / "samples" / "meeting"
PEOPLE = ("clara", "victor", "ben")
"""In order of first speech."""
_EDGE = 0.15

Sound = NDArray[np.int16]


@cache
def meeting() -> Sound:
    blocks = decode(FOLDER / "meeting.flac", Settings(), tolerant=False, check=lambda: None)
    return np.frombuffer(b"".join(blocks), "<i2")


def words(person: str) -> list[tuple[str, float, float]]:
    """(word, start, end)."""
    told = json.loads((FOLDER / "meeting.words.json").read_text())
    return [(one["word"], one["start"], one["end"]) for one in told if one["speaker"] == person]


def alone(*people: str) -> Sound:
    """What these say; where two speak at once, both are heard on the tracks of both."""
    sound = meeting()
    kept = np.zeros(len(sound), bool)
    for line in (FOLDER / "meeting.rttm").read_text().splitlines():
        _, _, _, start, length, _, _, who, *_ = line.split()
        if who in people:
            first, stop = (float(start) - _EDGE) * SAMPLE_RATE, (float(start) + float(length) + _EDGE) * SAMPLE_RATE
            kept[max(0, round(first)) : round(stop)] = True
    return np.where(kept, sound, 0).astype(np.int16)


def written(path: Path, channels: Sequence[Sound]) -> Path:
    with wave.open(str(path), "wb") as made:
        made.setnchannels(len(channels))
        made.setsampwidth(2)
        made.setframerate(SAMPLE_RATE)
        made.writeframes(np.stack(channels, axis=1).astype("<i2").tobytes())
    return path
