"""Which speech detector misses least, and what it takes for speech? Labelled sound, both detectors, one run.

    python -m benchmarks.detectors [--wav FILE --rttm FILE]

The bundled meeting (its words' times are known to the millisecond) clean, and under white noise, music and keyboard
clicks at several levels; and a minute of each of them without speech. `--wav` and `--rttm` add a recording of yours.
"""

import argparse
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.cuts import meeting
from core.settings import Settings
from worker import engines
from worker.audio import SAMPLE_RATE
from worker.engines.protocols import Samples
from worker.engines.protocols import samples as float_samples

STEP = 0.01
"""Seconds of one labelled frame."""
BRIDGED = 0.2
"""Seconds of silence between two words that count as speech: both detectors bridge as much."""
_BLOCK = 32_000
_SILENT = 60.0
Labels = NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """`speech`: whether each 10 ms are speech. `words`: seconds of each word's middle."""

    name: str
    samples: Samples
    speech: Labels
    words: tuple[float, ...] = ()


@dataclass(frozen=True)
class Score:
    """Shares: of speech that was missed, of the rest that was taken for speech, of words whose middle was missed.
    `cost`: CPU seconds an hour of sound."""

    missed: float
    false: float
    words: float
    cost: float


def score(name: str, case: Case) -> Score:
    detector = engines.detector(name)
    pcm = (np.clip(case.samples, -1, 1) * 32767).astype("<i2").tobytes()
    began = time.process_time()
    spans = list(detector.spans(pcm[at : at + _BLOCK] for at in range(0, len(pcm), _BLOCK)))
    cost = (time.process_time() - began) / (len(case.samples) / SAMPLE_RATE) * 3600
    found = np.zeros_like(case.speech)
    for span in spans:
        found[round(span.start / STEP) : round(span.end / STEP)] = True
    missed = [middle for middle in case.words if not any(span.start <= middle <= span.end for span in spans)]
    return Score(_share(~found, case.speech), _share(found, ~case.speech), len(missed) / max(1, len(case.words)), cost)


def _share(wrong: Labels, among: Labels) -> float:
    return float((wrong & among).sum() / max(1, among.sum()))


def cases() -> Iterator[Case]:
    samples, spoken = meeting(Settings())
    speech = labels(len(samples), [(one.start, one.end) for one in spoken])
    words = tuple((one.start + one.end) / 2 for one in spoken)
    yield Case("clean", samples, speech, words)
    level = float(np.sqrt(np.mean(np.square(samples[np.repeat(speech, round(STEP * SAMPLE_RATE))[: len(samples)]]))))
    for name, make in SOUNDS.items():
        sound = make(len(samples))
        for decibels in (20, 10, 5, 0):
            yield Case(f"{name}, {decibels} dB", samples + at_level(sound, level, decibels), speech, words)
    length = round(_SILENT * SAMPLE_RATE)
    nothing = np.zeros(round(_SILENT / STEP), np.bool_)
    yield Case("digital silence alone", np.zeros(length, np.float32), nothing)
    for name, make in SOUNDS.items():
        yield Case(f"{name} alone", at_level(make(length), level, 10), nothing)


def labels(samples: int, spans: list[tuple[float, float]]) -> Labels:
    """Frames of speech; short silences between spans count as speech."""
    found = np.zeros(-(-samples // round(STEP * SAMPLE_RATE)), np.bool_)
    before = -1.0
    for start, end in sorted(spans):
        first = before if 0 <= start - before <= BRIDGED else start
        found[round(first / STEP) : round(end / STEP)] = True
        before = end
    return found


def at_level(sound: Samples, speech: float, decibels: float) -> Samples:
    """So many decibels below the speech's mean level."""
    own = float(np.sqrt(np.mean(np.square(sound))))
    return (sound * (speech / own * 10 ** (-decibels / 20))).astype(np.float32)


def noise(samples: int) -> Samples:
    return np.random.default_rng(1).standard_normal(samples).astype(np.float32)


def music(samples: int) -> Samples:
    """Chords of four decaying voices, two a second: pitched as speech is, and never silent."""
    chance, sound = np.random.default_rng(2), np.zeros(samples, np.float32)
    length = SAMPLE_RATE
    time_of = np.arange(length) / SAMPLE_RATE
    for start in range(0, samples - length, SAMPLE_RATE // 2):
        root = 110 * 2 ** (chance.integers(0, 24) / 12)
        for ratio in (1, 1.26, 1.5, 2):
            tone = sum(np.sin(2 * np.pi * root * ratio * n * time_of) / n for n in range(1, 6))
            sound[start : start + length] += (tone * np.exp(-2.5 * time_of)).astype(np.float32)
    return sound


def clicks(samples: int) -> Samples:
    """Bursts of 15 ms as of a keyboard, some six a second."""
    chance, sound = np.random.default_rng(3), np.zeros(samples, np.float32)
    length = round(0.015 * SAMPLE_RATE)
    at = 0
    while (at := at + round(chance.exponential(1 / 6) * SAMPLE_RATE) + length) < samples - length:
        burst = chance.standard_normal(length) * np.exp(-np.arange(length) / (length / 4))
        sound[at : at + length] += (burst * chance.uniform(0.3, 1)).astype(np.float32)
    return sound


SOUNDS: dict[str, Callable[[int], Samples]] = {"white noise": noise, "music": music, "clicks": clicks}


def labelled(wav: Path, rttm: Path) -> Case:
    """A 16 kHz mono WAV with the speaker turns of an RTTM as its speech."""
    with wave.open(str(wav), "rb") as opened:
        pcm = opened.readframes(opened.getnframes())
        if (opened.getframerate(), opened.getnchannels(), opened.getsampwidth()) != (SAMPLE_RATE, 1, 2):
            raise SystemExit(f"{wav} must be 16-bit mono at {SAMPLE_RATE} Hz")
    turns = [line.split() for line in rttm.read_text().splitlines() if line.startswith("SPEAKER")]
    spans = [(float(turn[3]), float(turn[3]) + float(turn[4])) for turn in turns]
    samples = float_samples(pcm)
    return Case(wav.name, samples, labels(len(samples), spans))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wav", type=Path)
    parser.add_argument("--rttm", type=Path)
    given = parser.parse_args(argv)
    wanted = [*cases(), *([labelled(given.wav, given.rttm)] if given.wav and given.rttm else [])]
    print(f"{'':24} " + " ".join(f"{name:^31}" for name in engines.DETECTORS))
    print(f"{'':24} " + " ".join(f"{'missed':>7} {'false':>7} {'words':>7} {'CPU s/h':>7}" for _ in engines.DETECTORS))
    for case in wanted:
        scores = [score(name, case) for name in engines.DETECTORS]
        told = (f"{one.missed:7.1%} {one.false:7.1%} {one.words:7.1%} {one.cost:7.1f}" for one in scores)
        print(f"{case.name:24} " + " ".join(told), flush=True)


if __name__ == "__main__":
    main()
