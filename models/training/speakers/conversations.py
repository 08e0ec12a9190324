"""Conversations of synthetic people: who speaks when, and how a room and a microphone make it sound."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import fftconvolve

from models.training.acoustics import NOISES, noise
from models.training.speakers.bank import Utterance
from models.training.voices import RATE


@dataclass(frozen=True)
class Turn:
    """Speech of one `speaker` (a number), in seconds."""

    start: float
    end: float
    speaker: int


@dataclass(frozen=True)
class Manner:
    """How people talk. `gap`, `spread`: mean and deviation of the seconds between two turns, below zero where they
    overlap. Chances of a long pause after a turn, and of a short word while another speaks."""

    gap: float = 0.2
    spread: float = 0.6
    pause: float = 0.08
    interjection: float = 0.15
    most: int = 3
    """Utterances in a turn."""


@dataclass(frozen=True)
class Conversation:
    """16 kHz float32 `samples`, and the turns in them, one an utterance."""

    samples: np.ndarray
    turns: tuple[Turn, ...]


LIVELY = Manner(gap=0.05, spread=0.7, interjection=0.25)


def conversation(
    said: Sequence[Sequence[Utterance]], seconds: float, rng: random.Random, manner: Manner = LIVELY
) -> Conversation:
    """`said`: what each speaker can say. A room and a level of its own for each, one microphone for all."""
    out = np.zeros(round(seconds * RATE), np.float32)
    numbers = np.random.default_rng(rng.getrandbits(32))
    levels = [10 ** (rng.gauss(0, 4) / 20) for _ in said]
    echoes = [_echo(numbers, rng) for _ in said] if rng.random() < 0.5 else [None] * len(said)
    turns: list[Turn] = []

    def speak(speaker: int, at: float, utterance: Utterance) -> float:
        """From `at` seconds on; returns where the speech ends."""
        samples = utterance.samples * np.float32(levels[speaker] * 10 ** (rng.gauss(0, 1.5) / 20))
        if (echo := echoes[speaker]) is not None:
            samples = fftconvolve(samples, echo).astype(np.float32)
        first = round((at - utterance.start) * RATE)
        cut = samples[max(0, -first) : max(0, len(out) - first)]
        out[max(0, first) : max(0, first) + len(cut)] += cut
        end = at + utterance.end - utterance.start
        if at < seconds:
            turns.append(Turn(max(0.0, at), min(end, seconds), speaker))
        return end

    at, speaker = rng.uniform(-1.0, 2.0), rng.randrange(len(said))
    while at < seconds:
        began, end = at, at
        for number in range(rng.randint(1, manner.most)):
            at = end + (rng.uniform(0.1, 0.6) if number else 0.0)
            end = speak(speaker, at, rng.choice(said[speaker]))
        others = [one for one in range(len(said)) if one != speaker] or [speaker]
        if rng.random() < manner.interjection and len(said) > 1:
            shortest = min(rng.sample(said[other := rng.choice(others)], 2), key=lambda one: len(one.samples))
            speak(other, rng.uniform(began, end), shortest)
        if rng.random() < 0.85:
            speaker = rng.choice(others)
        gap = rng.gauss(manner.gap, manner.spread)
        at = max(began + 0.3, end + (rng.uniform(1, 5) if rng.random() < manner.pause else max(-2.0, gap)))
        if len(said) == 1:
            at = max(at, end + 0.1)
    return Conversation(_recorded(out, rng, numbers), tuple(sorted(turns, key=lambda turn: turn.start)))


def _echo(numbers: np.random.Generator, rng: random.Random) -> np.ndarray:
    """A room's answer to a click: the click, then noise that fades by 60 dB in 0.1 to 0.6 s."""
    time = np.arange(int(0.35 * RATE)) / RATE
    tail = numbers.standard_normal(len(time)) * np.exp(-6.9 * time / rng.uniform(0.1, 0.6))
    tail[: int(rng.uniform(0.002, 0.015) * RATE)] = 0.0
    tail *= rng.uniform(0.1, 0.8) / np.sqrt(np.square(tail).sum())
    tail[0] = 1.0
    return tail.astype(np.float32)


def _recorded(samples: np.ndarray, rng: random.Random, numbers: np.random.Generator) -> np.ndarray:
    """Noise 10 to 50 dB below the speech, a microphone's tilt, and a level."""
    kind = rng.choice(NOISES)
    piece = noise(kind, min(20.0, len(samples) / RATE), numbers)
    bed = np.tile(piece, len(samples) // len(piece) + 1)[: len(samples)]
    level = 0.05 * 10 ** (-rng.uniform(10, 50) / 20)
    mixed = samples + bed * np.float32(level / (np.sqrt(np.square(bed).mean()) + 1e-9))
    if rng.random() < 0.5:
        mixed[1:] -= np.float32(rng.uniform(-0.5, 0.9)) * mixed[:-1]
    mixed *= np.float32(10 ** (rng.gauss(-3, 5) / 20))
    return np.clip(mixed, -1, 1).astype(np.float32)
