"""The recordings that the suite submits: tones that spell word numbers (tests/fakes/tones.py), no number twice.

So a word that turns up in another recording's transcript, twice or not at all, is seen at once.
"""

import json
import random
import wave
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import numpy as np

from tests.fakes import tones

SECONDS = (8, 12, 18, 25, 35, 48, 65, 90)
"""How long the recordings are, about: of one chunk, and of several."""

_SENTENCE = (3, 14)
"""Words between two pauses."""

_PAUSE = (0.3, 1.8)
"""Seconds."""

_END = 0.5
_LOUDEST = 32_767


@dataclass(frozen=True)
class Made:
    """A WAV (16 kHz, mono, 16 bit) and the words in it, at seconds from its start."""

    path: Path
    words: tuple[tones.Spoken, ...]

    @property
    def text(self) -> str:
        return "".join(spoken.word for spoken in self.words)


def make(folder: Path, seed: int) -> list[Made]:
    """One recording for each of SECONDS, and `words.json` with the words of all, at their numbers, for a recognizer."""
    chance, numbers = random.Random(seed), count()
    made = [_recording(folder / f"tones-{seconds:02}s.wav", seconds, chance, numbers) for seconds in SECONDS]
    words = [asdict(spoken) for one in made for spoken in one.words]
    (folder / "words.json").write_text(json.dumps(words))
    return made


def _recording(path: Path, seconds: float, chance: random.Random, numbers: Iterator[int]) -> Made:
    spoken: list[tones.Spoken] = []
    at = 0
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(tones.RATE)
        for number, sound in _sounds(seconds, chance, numbers):
            out.writeframes((np.clip(sound, -1, 1) * _LOUDEST).astype("<i2").tobytes())
            if number is not None:
                spoken.append(tones.Spoken(f" w{number}", at / tones.RATE, (at + len(sound)) / tones.RATE))
            at += len(sound)
    return Made(path, tuple(spoken))


def _sounds(
    seconds: float, chance: random.Random, numbers: Iterator[int]
) -> Iterator[tuple[int | None, tones.Samples]]:
    """(word number, None for silence) and its samples, until the last sentence goes past the length."""
    noise = np.random.default_rng(chance.getrandbits(32))
    at = 0.0
    while at < seconds:
        pause, words = chance.uniform(*_PAUSE), chance.randint(*_SENTENCE)
        yield None, _hiss(pause, noise)
        for _ in range(words):
            number = next(numbers)
            yield number, tones.burst(number)
            yield None, _hiss(tones.GAP, noise)
        at += pause + words * (tones.WORD + tones.GAP)
    yield None, _hiss(_END, noise)


def _hiss(seconds: float, noise: np.random.Generator) -> tones.Samples:
    """Near silence: digital zero is no sound that a microphone makes."""
    return noise.normal(0, 0.0005, int(seconds * tones.RATE)).astype(np.float32)
