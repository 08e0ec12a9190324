"""The training corpus: utterances with their raw log-mel spectra, word times and phonemes.

    python -m models.training.corpus build/corpus.pkl [--scale 1.0]

Half an hour of speech takes about five seconds of processor time. Held-out voices and held-out
sentences never enter it.
"""

import argparse
import pickle
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from models.training import voices
from models.training.acoustics import NOISES, noise, raw_log_mel
from models.training.sentences import Line, held_out, random_words, sentence


@dataclass(frozen=True)
class Utterance:
    """`mel` is raw log-mel, float16, (frames, 80); times in seconds from its first frame.

    `style` is random or sentence.
    """

    language: str
    style: str
    text: str
    voice: str
    mel: np.ndarray
    words: list[tuple[float, float]]
    phonemes: list[tuple[float, float, str]]

    @property
    def seconds(self) -> float:
        return len(self.mel) / 100


# kind -> how many utterances at scale 1
PLAN = {
    ("espeak", "en", "random"): 9000,
    ("espeak", "en", "sentence"): 5500,
    ("espeak", "zh", "random"): 3500,
    ("espeak", "zh", "sentence"): 3000,
    ("flite", "en", "random"): 900,
    ("flite", "en", "sentence"): 700,
    ("festival", "en", "random"): 500,
    ("festival", "en", "sentence"): 400,
}
BATCH = 50


def _line(language: str, style: str, rng: random.Random) -> Line:
    while True:
        line = random_words(language, rng) if style == "random" else sentence(language, rng)
        if style == "random" or not held_out(line):
            return line


def _speak(engine: str, lines: list[Line], rng: random.Random) -> Iterator[tuple[voices.Speech, str]]:
    if engine == "espeak":
        for line in lines:
            yield voices.random_espeak(line.speech, line.language, voices.ESPEAK_TRAIN, rng)
    elif engine == "flite":
        for line in lines:
            voice = rng.choice(voices.FLITE)
            yield voices.flite(line.speech, voice, stretch=rng.uniform(0.85, 1.25)), f"flite:{voice}"
    else:
        voice = rng.choice(voices.FESTIVAL)
        made = voices.festival([line.speech for line in lines], voice, stretch=rng.uniform(0.85, 1.25))
        yield from ((speech, f"festival:{voice}") for speech in made)


def _batch(task: tuple[str, str, str, int]) -> list[Utterance]:
    engine, language, style, seed = task
    rng = random.Random(seed)
    lines = [_line(language, style, rng) for _ in range(BATCH)]
    found = []
    for line, (speech, voice) in zip(lines, _speak(engine, lines, rng), strict=True):
        if len(speech.samples) < 1600 or (speech.words and len(speech.words) != len(line.speech.split())):
            continue
        mel = raw_log_mel(speech.samples).T.astype(np.float16)
        found.append(Utterance(line.language, style, line.text, voice, mel, speech.words, speech.phonemes))
    return found


def _noise(seed: int, seconds: float = 30.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return raw_log_mel(noise(NOISES[seed % len(NOISES)], seconds, rng)).T.astype(np.float16)


def build(scale: float) -> dict[str, list]:  # type: ignore[type-arg]
    tasks = [
        (engine, language, style, hash_seed)
        for number, ((engine, language, style), count) in enumerate(PLAN.items())
        for hash_seed in range(number * 100_000, number * 100_000 + max(1, int(count * scale / BATCH)))
    ]
    random.Random(0).shuffle(tasks)
    with ProcessPoolExecutor() as pool:
        utterances = [one for batch in pool.map(_batch, tasks, chunksize=2) for one in batch]
        noises = list(pool.map(partial(_noise), range(60)))
    return {"utterances": utterances, "noises": noises}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    arguments = parser.parse_args()
    made = build(arguments.scale)
    hours = sum(one.seconds for one in made["utterances"]) / 3600
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    plain = {"utterances": [vars(one) for one in made["utterances"]], "noises": made["noises"]}
    arguments.out.write_bytes(pickle.dumps(plain, protocol=5))
    print(f"{len(made['utterances'])} utterances, {hours:.1f} hours -> {arguments.out}")


if __name__ == "__main__":
    main()
