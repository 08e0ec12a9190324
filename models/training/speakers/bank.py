"""Synthetic people and what they say: the voices that conversations are mixed from.

A person is a synthesiser's voice at one pitch, range and rate, played a little faster or slower, which moves formants
as the length of a throat does. The held-out voices of the demonstration Whisper are held out here too.
"""

import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.signal import resample_poly

from models.training import voices
from models.training.sentences import Line, held_out, random_words, sentence

TUNING = "anika Mario travis f5 m8 Jacky".split()
"""Voices that thresholds are chosen with: neither trained on nor scored."""
TRAINING = [name for name in voices.ESPEAK_TRAIN if name not in TUNING]
ACCENTS = ("en-us", "en", "en-gb-scotland", "de", "es", "cmn-latn-pinyin")
"""What an English line is read in: the wrong rules say other sounds. The last one reads Mandarin."""
LOUD_DB = 40.0
"""Below the loudest 10 ms of an utterance, where no time is told, sound counts as silence."""


@dataclass(frozen=True)
class Person:
    """`pitch`, `pitch_range` 0-99 and `rate` as espeak-ng defines them; `speed` scales time and frequencies."""

    engine: str
    voice: str
    pitch: int = 50
    pitch_range: int = 50
    rate: int = 160
    speed: float = 1.0


@dataclass(frozen=True)
class Utterance:
    """16 kHz float32 `samples` at a level of 0.05 RMS, and where in them is speech, in seconds."""

    samples: np.ndarray
    start: float
    end: float


def people(variants: Sequence[str], each: int, seed: int) -> list[Person]:
    """`each` persons of every espeak-ng variant, their pitches spread over the scale."""
    rng = random.Random(seed)
    return [
        Person(
            "espeak",
            variant,
            round(min(95, max(5, 12 + 76 * (place + rng.random()) / each))),
            rng.randint(30, 75),
            rng.randint(130, 195),
            rng.choice((0.9, 0.95, 1.0, 1.05, 1.1)),
        )
        for variant in variants
        for place in range(each)
    ]


def recorded() -> list[Person]:
    """The voices of flite and festival, which come from recordings of people."""
    engines = (("flite", voices.FLITE), ("festival", voices.FESTIVAL))
    return [
        Person(engine, voice, speed=speed)
        for engine, names in engines
        for voice in names
        for speed in (0.88, 1.0, 1.12)
    ]


def line(rng: random.Random, *, mandarin: bool, test: bool = False) -> Line:
    language = "zh" if mandarin else "en"
    while True:
        made = sentence(language, rng) if test or rng.random() < 0.5 else random_words(language, rng)
        if test == held_out(made):
            return made


def utterances(person: Person, count: int, seed: int, test: bool = False) -> list[Utterance]:
    """`test`: sentences that are never trained on."""
    rng = random.Random(f"{person}{seed}")
    mandarin = 0.2 if person.engine == "espeak" else 0.0
    lines = [line(rng, mandarin=rng.random() < mandarin, test=test) for _ in range(count)]
    if person.engine == "festival":
        made = voices.festival([one.speech for one in lines], person.voice)
    else:
        made = [_said(person, one, rng, ACCENTS[:2] if test else ACCENTS[:-1]) for one in lines]
    found = [heard(speech, person.speed) for speech in made]
    return [one for one in found if one.end - one.start > 0.2]


def _said(person: Person, said: Line, rng: random.Random, accents: Sequence[str]) -> voices.Speech:
    if person.engine == "flite":
        return voices.flite(said.speech, person.voice)
    accent = ACCENTS[-1] if said.language == "zh" else rng.choices(accents, [5, 3, 2, 1, 1][: len(accents)])[0]
    pitch = min(99, max(0, person.pitch + rng.randint(-3, 3)))
    return voices.espeak(
        said.speech, accent, person.voice,
        rate=person.rate + rng.randint(-15, 15), pitch=pitch, pitch_range=person.pitch_range,
    )  # fmt: skip


def heard(speech: voices.Speech, speed: float = 1.0) -> Utterance:
    samples = speech.samples
    if speed != 1.0:
        samples = resample_poly(samples, 100, round(100 * speed)).astype(np.float32)
    if speech.words:
        start, end = speech.words[0][0] / speed, speech.words[-1][1] / speed
    else:
        start, end = _sounding(samples)
    spoken = samples[int(start * voices.RATE) : int(end * voices.RATE) + 1]
    level = float(np.sqrt(np.square(spoken).mean())) if len(spoken) else 0.0
    return Utterance(samples * np.float32(0.05 / max(level, 1e-4)), start, end)


def _sounding(samples: np.ndarray) -> tuple[float, float]:
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    power = np.square(frames).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-LOUD_DB / 10)) if len(power) else np.zeros(0)
    return (loud[0] / 100, (loud[-1] + 1) / 100) if len(loud) else (0.0, 0.0)


def bank(crowd: Sequence[Person], count: int, seed: int, test: bool = False) -> list[list[Utterance]]:
    """What each of them says, `count` times at the most."""
    with ProcessPoolExecutor() as pool:
        return list(pool.map(partial(utterances, count=count, seed=seed, test=test), crowd, chunksize=4))
