"""A recording that carries its own words: each word is a burst whose tones spell its number, readable by FFT.

So a test can prove that no word is lost or doubled at a cut, without a model. A burst sounds one tone in each of five
bands: four hexadecimal digits and a check digit. `webrtc` hears bursts as speech; Silero does not.
"""

import json
import random
import wave
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
WORD = 0.30
"""Seconds of one burst."""
GAP = 0.06
"""Seconds of near silence between the words of a sentence: too short for a detector, found by the quietest frame."""

_BANDS = (400, 1300, 2200, 3100, 4000)
_STEP = 50
_BASE = 16
_FRAME = 160
_QUIET = 0.02
_LEAST = 0.05
_JOIN = 2

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Spoken:
    """Seconds from the start of the recording."""

    word: str
    start: float
    end: float


def digits(number: int) -> list[int]:
    """Four hexadecimal digits, least first, and the check digit."""
    spelled = [number // _BASE**place % _BASE for place in range(4)]
    return [*spelled, (sum((i + 1) * d for i, d in enumerate(spelled)) + 7) % _BASE]


def burst(number: int) -> Samples:
    time = np.arange(int(WORD * RATE)) / RATE
    tones = [
        np.sin(2 * np.pi * (low + _STEP * digit) * time) for low, digit in zip(_BANDS, digits(number), strict=True)
    ]
    edge = np.minimum(1, np.minimum(time, WORD - time) / 0.01)
    return (0.12 * edge * np.sum(tones, axis=0)).astype(np.float32)


def make(
    path: Path,
    seconds: float,
    *,
    sentence: tuple[int, int] = (3, 14),
    pause: tuple[float, float] = (0.3, 1.8),
    seed: int = 1,
) -> list[Spoken]:
    """Writes a WAV of about that length and beside it `<name>.json` with the words; returns them.

    `sentence`: words between two pauses; `pause`: seconds of them.
    """
    spoken: list[Spoken] = []
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        at = 0
        for number, sound in _sounds(seconds, sentence, pause, random.Random(seed)):
            out.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
            if number is not None:
                spoken.append(Spoken(f" w{number}", at / RATE, (at + len(sound)) / RATE))
            at += len(sound)
    path.with_suffix(".json").write_text(json.dumps([asdict(one) for one in spoken]))
    return spoken


def _sounds(
    seconds: float, sentence: tuple[int, int], pause: tuple[float, float], chance: random.Random
) -> Iterator[tuple[int | None, Samples]]:
    """(word number, None for silence) and its samples."""
    number, at, noise = 0, 0.0, np.random.default_rng(7)
    while at < seconds:
        silence = _hiss(chance.uniform(*pause), noise)
        yield None, silence
        words = chance.randint(*sentence)
        for _ in range(words):
            yield number, burst(number)
            yield None, _hiss(GAP, noise)
            number += 1
        at += len(silence) / RATE + words * (WORD + GAP)
    yield None, _hiss(0.5, noise)


def _hiss(seconds: float, noise: np.random.Generator) -> Samples:
    return noise.normal(0, 0.0005, int(seconds * RATE)).astype(np.float32)


def read(samples: Samples) -> list[tuple[int, float, float]]:
    """(word number, start, end) of each burst, seconds from the samples' start. Of a burst that the samples' edge
    cuts, the half that holds its middle counts, so that a seam inside a word gives it to one side only."""
    found = []
    for start, end in _runs(samples):
        at_edge = start <= _FRAME or end >= len(samples) - _FRAME
        if at_edge and (end - start) / RATE < WORD / 2:
            continue
        number = _number(samples[start:end])
        if number is not None:
            found.append((number, start / RATE, end / RATE))
    return found


def _runs(samples: Samples) -> list[tuple[int, int]]:
    """Where there is sound, in samples."""
    whole = len(samples) // _FRAME
    frames = samples[: whole * _FRAME].reshape(whole, _FRAME)
    loud = np.sqrt(np.square(frames, dtype=np.float64).mean(axis=1)) > _QUIET
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(np.int8), [0]])))
    runs: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2):
        if runs and start - runs[-1][1] < _JOIN:
            runs[-1] = (runs[-1][0], int(end))
        else:
            runs.append((int(start), int(end)))
    return [(a * _FRAME, b * _FRAME) for a, b in runs if (b - a) * _FRAME >= _LEAST * RATE]


def _number(sound: Samples) -> int | None:
    """What a burst spells; None where the check digit does not agree: it is no burst."""
    padded = 16 * RATE // _STEP
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), max(padded, len(sound))))
    per_hertz = (len(spectrum) - 1) * 2 / RATE
    spelled = []
    for low in _BANDS:
        levels = [spectrum[round((low + _STEP * digit) * per_hertz)] for digit in range(_BASE)]
        spelled.append(int(np.argmax(levels)))
    number = sum(digit * _BASE**place for place, digit in enumerate(spelled[:4]))
    return number if digits(number) == spelled else None
