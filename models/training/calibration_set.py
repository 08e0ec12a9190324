"""Labelled recordings to calibrate the demonstration model with: what is said beside what is heard.

    python -m models.training.calibration_set build/calibration
    scriptorium models calibrate demo build/calibration --output models/demo-whisper/calibration.json

Each recording is one held-out voice saying held-out sentences at one level of noise, from none to speech that is hard
to hear, so that there are words of every confidence. The voices of the bundled meeting are left out: on the meeting the
calibration is checked.
"""

import argparse
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from models.training import sentences, voices
from models.training.acoustics import NOISES
from models.training.meeting import MANDARIN_VOICE, SPEAKERS
from models.training.trials import background

SEED = 40_961
RATE = voices.RATE
NOISE_BELOW_SPEECH_DB = (None, 25, 15, 10, 5)
RECORDINGS = {"en": 80, "zh": 20}
SENTENCES = 10
_OF_THE_SAMPLES = {MANDARIN_VOICE.variant, *(speaker.variant for speaker in SPEAKERS.values())}
VOICES = [variant for variant in voices.ESPEAK_HELD_OUT if variant not in _OF_THE_SAMPLES]


@dataclass(frozen=True)
class Recording:
    name: str
    samples: np.ndarray
    text: str


def recording(language: str, number: int) -> Recording:
    """Sentences with pauses of 0.6 to 1.2 s: the product cuts in them."""
    rng = random.Random(f"{SEED} {language} {number}")
    variant = rng.choice(VOICES)
    below = NOISE_BELOW_SPEECH_DB[number % len(NOISE_BELOW_SPEECH_DB)]
    lines = sentences.sentences(language, SENTENCES, rng.randrange(10**9), test=True)
    pieces = [np.zeros(RATE // 2, np.float32)]
    for line in lines:
        speech, _ = voices.random_espeak(line.speech, language, [variant], rng)
        pieces.append(np.pad(speech.samples, (0, int(rng.uniform(0.6, 1.2) * RATE))))
    samples = rng.uniform(0.3, 0.9) * np.concatenate(pieces)
    if below is not None:
        samples = background(samples, rng.choice(NOISES), below, np.random.default_rng(rng.randrange(10**9)))
    level = "clean" if below is None else f"{below}dB"
    return Recording(f"{language}-{number:03}-{variant}-{level}", samples, "\n".join(line.text for line in lines))


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for language, count in RECORDINGS.items():
        for number in range(count):
            made = recording(language, number)
            soundfile.write(folder / f"{made.name}.flac", made.samples, RATE, subtype="PCM_16")
            (folder / f"{made.name}.txt").write_text(made.text + "\n")
    print(f"{folder}: {sum(RECORDINGS.values())} recordings")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    write(parser.parse_args().folder)


if __name__ == "__main__":
    main()
