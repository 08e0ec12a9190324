"""Hours of conversations on disk, that both networks are trained on windows of.

    python -m models.training.speakers.pool build/speakers [--hours 24]

They take a minute of two cores, and 2.8 GB.
"""

import argparse
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from models.training.speakers.bank import TRAINING, Utterance, bank, people, recorded
from models.training.speakers.conversations import conversation
from models.training.voices import RATE

SECONDS = 60
LABELS_A_SECOND = 50
SPEAKERS = 4
"""In a conversation, at the most."""
PERSONS_A_VOICE = 12
UTTERANCES = 8


@dataclass(frozen=True)
class Pool:
    """`samples`: (conversations, samples) int16. `active`: (conversations, labels, SPEAKERS), whether each speaks in
    each 20 ms. `persons`: (conversations, SPEAKERS), the number of each, -1 for none."""

    samples: np.ndarray
    active: np.ndarray
    persons: np.ndarray

    @classmethod
    def open(cls, folder: Path) -> "Pool":
        names = ("samples", "active", "persons")
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in names))


_said: list[list[Utterance]] = []
"""Shared with the processes that mix, by forking."""


def mixed(number: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = random.Random(f"{seed}-{number}")
    count = rng.choices((1, 2, 3, 4), (1, 3, 3, 2))[0]
    chosen = rng.sample(range(len(_said)), count)
    made = conversation([_said[one] for one in chosen], SECONDS, rng)
    active = np.zeros((SECONDS * LABELS_A_SECOND, SPEAKERS), bool)
    for turn in made.turns:
        active[round(turn.start * LABELS_A_SECOND) : round(turn.end * LABELS_A_SECOND), turn.speaker] = True
    persons = np.full(SPEAKERS, -1, np.int16)
    persons[:count] = chosen
    return (made.samples * 32767).astype(np.int16), active, persons


def build(folder: Path, hours: float, seed: int = 1) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    crowd = people(TRAINING, PERSONS_A_VOICE, seed) + recorded()
    _said.extend(bank(crowd, UTTERANCES, seed))
    count = round(hours * 3600 / SECONDS)
    samples = np.lib.format.open_memmap(folder / "samples.npy", "w+", np.int16, (count, SECONDS * RATE))
    active = np.zeros((count, SECONDS * LABELS_A_SECOND, SPEAKERS), bool)
    persons = np.zeros((count, SPEAKERS), np.int16)
    with ProcessPoolExecutor() as workers:
        for number, made in enumerate(workers.map(partial(mixed, seed=seed), range(count), chunksize=4)):
            samples[number], active[number], persons[number] = made
    samples.flush()
    np.save(folder / "active.npy", active)
    np.save(folder / "persons.npy", persons)
    speaking = active.sum(axis=2)
    print(
        f"{len(crowd)} persons, {count} conversations, {hours:g} hours; silence {(speaking == 0).mean():.0%}, "
        f"overlap {(speaking > 1).mean():.0%} -> {folder}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours", type=float, default=24)
    arguments = parser.parse_args()
    build(arguments.folder, arguments.hours)


if __name__ == "__main__":
    main()
