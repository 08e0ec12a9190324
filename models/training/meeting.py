"""The bundled samples: a meeting of three synthetic voices, and a few sentences of Mandarin.

    python -m models.training.meeting [samples]

Everything follows from the seeds and the synthesiser's version. Voices are held out from training, and so
is every sentence: either by its hash (`sentences.held_out`) or because no template makes it. Word times
are the synthesiser's own, not an aligner's.
"""

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from models.training import lexicon, sentences, voices
from models.training.acoustics import noise

SEED = 2
MANDARIN_SEED = 7
RATE = voices.RATE
NAME = "meeting"
NOISE_BELOW_SPEECH_DB = 30.0
OVERLAP_SECONDS = 1.05
LONG_SILENCE_SECONDS = 4.0


@dataclass(frozen=True)
class Speaker:
    """`rate` in words a minute, `pitch` 0-99, as espeak-ng defines them; `level` is the RMS of the speech in dBFS."""

    name: str
    accent: str
    variant: str
    pitch: int
    rate: int
    level: float


SPEAKERS = {
    "clara": Speaker("clara", "en-us", "linda", 55, 155, -21.0),
    "victor": Speaker("victor", "en-us", "Gene", 32, 148, -23.0),
    "ben": Speaker("ben", "en", "pablo", 70, 165, -26.0),
}

# (speaker, how the turn follows the one before, sentences)
SCRIPT = (
    ("clara", "after", "Hello everyone and welcome to our meeting. Let us start with the summary."),
    ("victor", "after", "Hello Clara. Our client wants the project in one hundred and forty days."),
    ("ben", "after", "How much is the release?"),
    ("victor", "after", "The price is seventy two thousand. The software is not new but the price is low."),
    ("clara", "after", "Thank you Ben. Okay Victor what do you think?"),
    ("victor", "after", "We need eighty more days for the contract."
                        " Laura and Oscar will work on the contract on Wednesday."),
    ("ben", "after", "Yes I agree. Who will write the budget?"),
    ("clara", "after", "Nina will check the budget tomorrow. Please send the report to Peter."),
    ("ben", "after", "We had forty two percent more in February. The number is three three nine two."),
    ("clara", "long silence", "Then let us discuss the patient."),
    ("victor", "after", "The patient has had swelling for four days. There is acute swelling in the left knee."),
    ("ben", "after", "Does the patient have allergy or pneumonia?"),
    ("victor", "after", "No. There is no infection and no fever."
                        " Blood pressure is one hundred and thirty over ninety."),
    ("clara", "after", "We need a scan of the right knee now."
                        " Give four hundred milligrams of ibuprofen every morning."),
    ("ben", "after", "The nurse will check the blood pressure every four hours."),
    ("clara", "after", "Thank you very much. We will move the meeting to Thursday afternoon."),
    ("victor", "overlap", "Yes that is good."),
    ("ben", "after", "The next meeting is on Friday at eight thirty."),
    ("clara", "after", "Thank you everyone and goodbye."),
)  # fmt: skip
MANDARIN_VOICE = Speaker("mandarin", "cmn-latn-pinyin", "f3", 50, 150, -22.0)


@dataclass(frozen=True)
class Word:
    """Times in seconds from the start of the recording."""

    word: str
    start: float
    end: float
    speaker: str


@dataclass(frozen=True)
class Turn:
    """One sentence of one speaker, and its samples from `at` seconds on."""

    speaker: str
    at: float
    samples: np.ndarray
    words: tuple[Word, ...]

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end


def split(text: str) -> list[str]:
    """Sentences with their marks."""
    return text.replace("? ", "?\n").replace(". ", ".\n").split("\n")


def bare(word: str) -> str:
    return word.rstrip(".?,")


def unknown_words(text: str) -> list[str]:
    """What of an English text the model cannot know: words outside the lexicon, and capitals it never saw."""
    known, starters = set(lexicon.ENGLISH), {word[0].upper() + word[1:] for word in lexicon.STARTERS}
    found = []
    for sentence in split(text):
        first, *rest = (bare(word) for word in sentence.split())
        found += [] if first in starters | known else [first]
        found += [word for word in rest if word not in known]
    return found


def levelled(samples: np.ndarray, level: float) -> np.ndarray:
    """Scaled to an RMS of `level` dBFS, measured where there is sound (frames within 30 dB of the loudest)."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    power = (frames**2).mean(1)
    sounding = power[power > power.max() * 1e-3].mean()
    return (samples * 10 ** (level / 20) / np.sqrt(sounding)).astype(np.float32)


def say(speaker: Speaker, spoken: str, written: Sequence[str], at: float) -> Turn:
    made = voices.espeak(spoken, speaker.accent, speaker.variant, rate=speaker.rate, pitch=speaker.pitch)
    if len(made.words) != len(written):
        raise ValueError(f"espeak-ng told {len(made.words)} of {len(written)} words of {spoken!r}")
    words = [
        Word(word, round(at + start, 3), round(at + end, 3), speaker.name)
        for word, (start, end) in zip(written, made.words, strict=True)
    ]
    return Turn(speaker.name, at, levelled(made.samples, speaker.level), tuple(words))


def perform(seed: int) -> list[Turn]:
    """The script on one time axis. Pauses are 0.3-0.7 s inside a turn and 0.5-2 s between turns."""
    rng = random.Random(seed)
    turns: list[Turn] = []
    free = 0.0  # where the last speaker's voice ends
    for name, follows, text in SCRIPT:
        for number, sentence in enumerate(split(text)):
            pause = rng.uniform(0.3, 0.7) if number else rng.uniform(0.5, 2.0)
            if follows == "long silence" and number == 0:
                pause = LONG_SILENCE_SECONDS
            elif follows == "overlap":
                pause = -OVERLAP_SECONDS
            turn = say(SPEAKERS[name], sentence, sentence.split(), 0.0)
            at = round(free + pause - turn.start, 3)
            turns.append(say(SPEAKERS[name], sentence, sentence.split(), at))
            free = max(free, turns[-1].end)
    return turns


def mixed(turns: Sequence[Turn], seconds: float, rng: np.random.Generator) -> np.ndarray:
    """All turns added up, on pink noise NOISE_BELOW_SPEECH_DB below the middle speaker."""
    out = np.zeros(int(seconds * RATE), np.float32)
    for turn in turns:
        first = int(turn.at * RATE)
        skip = max(0, -first)  # the synthesiser's own silence, where it would begin before the recording
        piece = turn.samples[skip : skip + len(out) - max(0, first)]
        out[max(0, first) : max(0, first) + len(piece)] += piece
    level = float(np.median([speaker.level for speaker in SPEAKERS.values()])) - NOISE_BELOW_SPEECH_DB
    bed = noise("pink", seconds + 0.01, rng)[: len(out)]
    return out + bed * (10 ** (level / 20) / np.sqrt((bed**2).mean()))


def rttm(turns: Sequence[Turn]) -> str:
    """NIST Rich Transcription Time Marked, one line a sentence."""
    return "".join(
        f"SPEAKER {NAME} 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> {turn.speaker} <NA> <NA>\n"
        for turn in turns
    )


def stm(turns: Sequence[Turn]) -> str:
    """NIST segment time marks, one line a sentence; words in lower case without marks."""
    return "".join(
        f"{NAME} 1 {turn.speaker} {turn.start:.3f} {turn.end:.3f} <o,f0,unknown> "
        + " ".join(bare(word.word).lower() for word in turn.words)
        + "\n"
        for turn in turns
    )


def write_meeting(folder: Path, seed: int) -> None:
    if unknown := [word for _, _, text in SCRIPT for word in unknown_words(text)]:
        raise ValueError(f"not in the lexicon: {unknown}")
    folder.mkdir(parents=True, exist_ok=True)
    turns = perform(seed)
    samples = mixed(turns, max(turn.end for turn in turns) + 0.8, np.random.default_rng(seed))
    soundfile.write(folder / f"{NAME}.flac", samples, RATE, subtype="PCM_16")
    rows = [json.dumps(vars(word)) for turn in turns for word in turn.words]
    (folder / f"{NAME}.words.json").write_text("[\n " + ",\n ".join(rows) + "\n]\n")
    (folder / f"{NAME}.txt").write_text("".join(" ".join(w.word for w in turn.words) + "\n" for turn in turns))
    (folder / f"{NAME}.rttm").write_text(rttm(turns))
    (folder / f"{NAME}.stm").write_text(stm(turns))
    print(f"{folder}: {len(samples) / RATE:.1f} s, {len(rows)} words, peak {np.abs(samples).max():.2f}")


def write_mandarin(folder: Path, seed: int) -> None:
    """Four held-out sentences by a held-out voice; `mandarin.txt` has one a line."""
    turns, at, lines = [], 0.4, sentences.sentences("zh", 4, seed, test=True)
    for line in lines:
        turns.append(say(MANDARIN_VOICE, line.speech, list(line.text), at))
        at = turns[-1].end + 0.6
    samples = mixed(turns, at, np.random.default_rng(seed))
    soundfile.write(folder / "mandarin.flac", samples, RATE, subtype="PCM_16")
    (folder / "mandarin.txt").write_text("".join(f"{line.text}\n" for line in lines))
    print(f"{folder / 'mandarin.flac'}: {len(samples) / RATE:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("samples"))
    arguments = parser.parse_args()
    write_meeting(arguments.folder / NAME, SEED)
    write_mandarin(arguments.folder, MANDARIN_SEED)


if __name__ == "__main__":
    main()
