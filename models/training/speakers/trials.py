"""Conversations that a diarizer is scored on: voices that it was not trained on, two to four at a time."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from models.training import voices
from models.training.speakers.bank import Person, bank
from models.training.speakers.conversations import Manner, Turn, conversation

SEED = 20_261
COUNT, SECONDS = 20, 90.0
MEETING = Path(__file__).parents[3] / "samples" / "meeting"


@dataclass(frozen=True)
class Trial:
    """16 kHz float32 `samples`, and who speaks when."""

    name: str
    samples: np.ndarray
    turns: tuple[Turn, ...]

    @property
    def speakers(self) -> int:
        return len({turn.speaker for turn in self.turns})


def trials(
    variants: Sequence[str] = tuple(voices.ESPEAK_HELD_OUT),
    count: int = COUNT,
    seed: int = SEED,
    seconds: float = SECONDS,
) -> list[Trial]:
    """Voices of one conversation differ; each has a pitch and a rate of its own. A room for half of them, noise 10 to
    50 dB below the speech, some seven seconds of a hundred with two voices at once."""
    found = []
    for number in range(count):
        rng = random.Random(f"{seed}-{number}")
        crowd = [
            Person("espeak", variant, rng.randint(25, 75), rng.randint(30, 70), rng.randint(130, 190))
            for variant in rng.sample(list(variants), 2 + number % 3)
        ]
        said = bank(crowd, 14, rng.getrandbits(16), test=True)
        made = conversation(said, seconds, rng, Manner())
        found.append(Trial(f"{number:02d}", made.samples, made.turns))
    return found


def meeting() -> Trial:
    """The bundled one: a turn a sentence."""
    samples, _ = soundfile.read(MEETING / "meeting.flac", dtype="float32")
    fields = [line.split() for line in (MEETING / "meeting.rttm").read_text().splitlines()]
    names = sorted({one[7] for one in fields})
    turns = (Turn(float(one[3]), float(one[3]) + float(one[4]), names.index(one[7])) for one in fields)
    return Trial("meeting", samples, tuple(turns))
