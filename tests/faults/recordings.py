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
_TALK = (18.0, 570.0, 20.0)
"""Seconds of words, of silence, and of words again: of these are some on either side of ten minutes, where a diarizer's
first block ends."""

_LOUDEST = 32_767

_Sound = tuple[int | None, tones.Samples]
"""A word's number, None for silence, and its samples."""


@dataclass(frozen=True)
class Made:
    """A WAV (16 kHz, mono, 16 bit) and the words in it, at seconds from its start."""

    path: Path
    words: tuple[tones.Spoken, ...]

    @property
    def text(self) -> str:
        return "".join(spoken.word for spoken in self.words)

    @property
    def numbers(self) -> list[int]:
        return [int(spoken.word.strip()[1:]) for spoken in self.words]


def make(folder: Path, seed: int, *, talk: bool = False) -> list[Made]:
    """One recording for each of SECONDS, and `words.json` with the words of all, at their numbers, for a recognizer.
    With `talk` a last one, of two blocks."""
    chance, numbers = random.Random(seed), count()
    made = [_recording(folder / f"tones-{seconds:02}s.wav", _sounds(seconds, chance, numbers)) for seconds in SECONDS]
    if talk:
        made.append(_recording(folder / "talk.wav", _talked(chance, numbers)))
    words = [asdict(spoken) for one in made for spoken in one.words]
    (folder / "words.json").write_text(json.dumps(words))
    return made


def _recording(path: Path, sounds: Iterator[_Sound]) -> Made:
    spoken: list[tones.Spoken] = []
    at = 0
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(tones.RATE)
        for number, sound in sounds:
            out.writeframes((np.clip(sound, -1, 1) * _LOUDEST).astype("<i2").tobytes())
            if number is not None:
                spoken.append(tones.Spoken(f" w{number}", at / tones.RATE, (at + len(sound)) / tones.RATE))
            at += len(sound)
    return Made(path, tuple(spoken))


def _talked(chance: random.Random, numbers: Iterator[int]) -> Iterator[_Sound]:
    before, silence, after = _TALK
    yield from _sounds(before, chance, numbers)
    yield None, _hiss(silence, np.random.default_rng(chance.getrandbits(32)))
    yield from _sounds(after, chance, numbers)


def _sounds(seconds: float, chance: random.Random, numbers: Iterator[int]) -> Iterator[_Sound]:
    """Until the last sentence goes past the length."""
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
