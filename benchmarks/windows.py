"""What do shorter encoder windows cost in words, and what do they save? One run, every clip alone and at temperature 0.

    python -m benchmarks.windows [--model demo] [--windows 5 6 8 10] [--clips 300]

Held-out synthetic voices, one sentence a clip, two, and two short ones; flite and festival; Mandarin; the bundled
meeting, cut at its pauses; and sound without speech. Each window is tried beside 30 s, which a longer clip takes. Needs
what `models/training` needs (the extra `train`, espeak-ng, flite and festival).
"""

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import jiwer
import numpy as np

from core.settings import Settings
from models.training import sentences, trials, voices
from models.training.score import Heard, normal, onset_errors
from models.training.trials import Item
from worker import engines
from worker.engines.protocols import SAMPLE_RATE, Clip, Hypothesis, Recognizer

FULL = 30.0
_SHARE_NOISY = 0.5


@dataclass(frozen=True)
class Row:
    """`wrong` of so many `words` (characters in Mandarin); `cpu` seconds a clip; `onsets` their median error and the
    ninth decile, in seconds; `worse` and `better`: clips with more or fewer errors than with 30 s."""

    set: str
    window: float
    clips: int
    words: int
    wrong: int
    cpu: float
    onsets: tuple[float, float]
    worse: int = 0
    better: int = 0
    sampled: int = 0


def spoken(count: int, together: int, language: str = "en", longest: int = 99, rate: int = 125) -> list[Item]:
    """By held-out voices, `together` sentences of at most `longest` words a clip, said with `rate` to 200 words a
    minute; every other clip noisy."""
    chance, numbers = random.Random(trials.SEED + together), np.random.default_rng(trials.SEED)
    known = sentences.sentences(language, 10 * count, trials.SEED + 3, test=True)
    lines = [line for line in known if len(line.text.split()) <= longest]
    picked = [[chance.choice(lines) for _ in range(together)] for _ in range(count)]
    return [_clip(language, each, rate, chance, numbers) for each in picked]


def _clip(
    language: str, lines: Sequence[sentences.Line], rate: int, chance: random.Random, numbers: np.random.Generator
) -> Item:
    """With up to 0.3 s of silence around it, as a cut leaves it, and up to 0.6 s between sentences."""
    variant, accent = chance.choice(voices.ESPEAK_HELD_OUT), "cmn-latn-pinyin" if language == "zh" else "en-us"
    at = chance.uniform(0.0, 0.3)
    parts, onsets = [np.zeros(int(at * SAMPLE_RATE), np.float32)], list[float]()
    for line in lines:
        made = voices.espeak(line.speech, accent, variant, rate=chance.randint(rate, 200), pitch=chance.randint(25, 75))
        pause = np.zeros(int(chance.uniform(0.1, 0.6) * SAMPLE_RATE), np.float32)
        onsets += [at + start for start, _ in made.words]
        parts += [made.samples, pause]
        at += (len(made.samples) + len(pause)) / SAMPLE_RATE
    samples = np.concatenate(parts) * chance.uniform(0.3, 0.9)
    if chance.random() < _SHARE_NOISY:
        samples = trials.background(samples, chance.choice(trials.NOISES), chance.uniform(20, 30), numbers)
    text = (" " if language == "en" else "").join(line.text for line in lines)
    return Item(samples.astype(np.float32), text, language, tuple(onsets) if language == "en" else ())


def sets(count: int) -> Iterator[tuple[str, list[Item]]]:
    yield "one sentence", spoken(count, 1)
    yield "two sentences", spoken(count // 2, 2)
    yield "two short ones, quick", spoken(count // 2, 2, longest=5, rate=175)
    for engine in ("flite", "festival"):
        yield engine, trials.other_engine_items(engine)
    yield "Mandarin (characters)", spoken(count, 1, "zh")
    yield "the bundled meeting", trials.meeting_items()


def heard(recognizer: Recognizer, item: Item) -> Heard:
    [answer] = recognizer.transcribe([Clip(item.samples)])
    assert isinstance(answer, Hypothesis)
    words = [word for segment in answer.segments for word in segment.words]
    text = "".join(segment.text for segment in answer.segments).strip()
    sampled = any("sampled" in segment.flags for segment in answer.segments)
    return Heard(text, tuple(w.word for w in words), tuple(w.start for w in words), answer.language, sampled)


def errors(item: Item, one: Heard) -> int:
    """Words wrong, missing or too many; characters in Mandarin."""
    measure = jiwer.process_characters if item.language == "zh" else jiwer.process_words
    found = measure(normal(item.text), normal(one.text))
    return found.substitutions + found.deletions + found.insertions


def measured(name: str, items: Sequence[Item], recognizers: dict[float, Recognizer]) -> Iterator[Row]:
    before: list[int] = []
    for window, recognizer in recognizers.items():
        began = time.process_time()
        found = [heard(recognizer, item) for item in items]
        spent = (time.process_time() - began) / len(items)
        wrong = [errors(item, one) for item, one in zip(items, found, strict=True)]
        before = before or wrong
        pairs = list(zip(wrong, before, strict=True))
        onsets = [error for item, one in zip(items, found, strict=True) for error in onset_errors(item, one)] or [0.0]
        yield Row(
            name, window, len(items), sum(map(_length, items)), sum(wrong), spent,
            (float(np.median(onsets)), float(np.percentile(onsets, 90))),
            sum(now > then for now, then in pairs), sum(now < then for now, then in pairs),
            sum(one.sampled for one in found),
        )  # fmt: skip


def _length(item: Item) -> int:
    return len(normal(item.text)) if item.language == "zh" else len(item.text.split())


def invented(recognizer: Recognizer) -> tuple[int, int, list[str]]:
    """Of sounds without speech of 1 to 8 s: how many, how many gave text, and the text."""
    found = [(kind, heard(recognizer, Item(piece, "", "en")).text) for kind, piece in _quiet()]
    return len(found), sum(bool(text) for _, text in found), [f"{kind}: {text}" for kind, text in found if text]


def _quiet() -> Iterator[tuple[str, np.ndarray]]:
    """The first 1 to 8 s of each: what is longer takes 30 s anyway."""
    for kind, group in groupby(trials.silences(), key=lambda one: one[0]):
        for index, (_, samples) in enumerate(group):
            yield kind, samples[: (1 + index % 8) * SAMPLE_RATE]


def _shown(row: Row) -> str:
    wrong = f"{row.wrong} of {row.words} | {row.wrong / row.words:.1%}"
    onsets = f"{row.onsets[0]:.2f} / {row.onsets[1]:.2f}"
    compared = f"{row.worse}, {row.better}"
    shown = (row.set, f"{row.window:g}", row.clips, wrong, compared, onsets, row.sampled, f"{row.cpu:.3f}")
    return f"| {' | '.join(map(str, shown))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--windows", type=float, nargs="+", default=[5.0, 6.0, 8.0, 10.0])
    parser.add_argument("--clips", type=int, default=300)
    given = parser.parse_args()
    recognizers = {
        window: engines.recognizer(given.model, Settings(threads=1, device="cpu", windows=(window,)))
        for window in (FULL, *given.windows)
    }
    print("| set | window | clips | wrong of | | worse, better | onset, median / p90 | sampled | CPU s a clip |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, items in sets(given.clips):
        for row in measured(name, items, recognizers):
            print(_shown(row), flush=True)
    for window, recognizer in recognizers.items():
        clips, texts, said = invented(recognizer)
        print(f"without speech, window {window:g}: text in {texts} of {clips} clips; {'; '.join(said)}", flush=True)


if __name__ == "__main__":
    main()
