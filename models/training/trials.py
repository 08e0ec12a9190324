"""What a model is scored on: recordings with what is said in them, held out from training.

Voices are `voices.ESPEAK_HELD_OUT` and sentences `sentences.held_out`, save where a function says otherwise.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from models.training import sentences, voices
from models.training.acoustics import NOISES, noise

SEED = 20_261
RATE = voices.RATE
MEETING = Path(__file__).parents[2] / "samples" / "meeting"


@dataclass(frozen=True)
class Item:
    """Samples with what is said in them; `onsets` gives the start of each word of `text`, in seconds, where known."""

    samples: np.ndarray
    text: str
    language: str
    onsets: tuple[float, ...] = ()


def background(samples: np.ndarray, kind: str, below_db: float, rng: np.random.Generator) -> np.ndarray:
    """`samples` with noise whose power is `below_db` under theirs."""
    bed = noise(kind, len(samples) / RATE + 0.01, rng)[: len(samples)]
    scale = np.sqrt((samples**2).mean() / (bed**2).mean()) * 10 ** (-below_db / 20)
    return (samples + scale * bed).astype(np.float32)


def english_items(noisy: bool) -> list[Item]:
    """60 sentences: the first half of 120 clean, the other half with mild noise."""
    return _items("en", sentences.sentences("en", 120, SEED, test=True)[60 * noisy :][:60], noisy)


def mandarin_items() -> list[Item]:
    lines = sentences.sentences("zh", 60, SEED, test=True)
    return _items("zh", lines[:30], False) + _items("zh", lines[30:], True)


def _items(language: str, lines: Sequence[sentences.Line], noisy: bool) -> list[Item]:
    rng, numpy = random.Random(SEED + noisy), np.random.default_rng(SEED)
    found = []
    for line in lines:
        speech, _ = voices.random_espeak(line.speech, language, voices.ESPEAK_HELD_OUT, rng)
        lead = rng.uniform(0.0, 0.5)
        samples = rng.uniform(0.3, 0.9) * np.pad(speech.samples, (int(lead * RATE), int(rng.uniform(0.1, 0.5) * RATE)))
        if noisy:
            samples = background(samples, rng.choice(NOISES), rng.uniform(20, 30), numpy)
        onsets = tuple(lead + start for start, _ in speech.words) if language == "en" else ()
        found.append(Item(samples.astype(np.float32), line.text, language, onsets))
    return found


def other_engine_items(engine: str, count: int = 24) -> list[Item]:
    """Held-out sentences by flite or festival: few voices, so these were trained on."""
    rng = random.Random(SEED)
    lines = sentences.sentences("en", count, SEED + 1, test=True)
    if engine == "flite":
        made = [voices.flite(line.speech, rng.choice(voices.FLITE)) for line in lines]
    else:
        share = -(-count // len(voices.FESTIVAL))
        made = [
            speech
            for index, voice in enumerate(voices.FESTIVAL)
            for speech in voices.festival([line.speech for line in lines[index * share : (index + 1) * share]], voice)
        ]
    return [Item(speech.samples, line.text, "en") for line, speech in zip(lines, made, strict=True)]


def window_items(count: int = 8) -> list[Item]:
    """Windows of 25 to 30 s, several sentences of one voice each, pauses of 0.2 to 1.5 s, mild noise."""
    rng, numpy = random.Random(SEED), np.random.default_rng(SEED)
    lines = iter(sentences.sentences("en", 20 * count, SEED + 2, test=True))
    found = []
    for _ in range(count):
        variant, pieces, texts, onsets, at = rng.choice(voices.ESPEAK_HELD_OUT), [], [], [], 0.0
        while at < 25.0:
            line = next(lines)
            speech = voices.espeak(line.speech, "en-us", variant, rate=rng.randint(140, 180), pitch=50)
            piece = np.pad(speech.samples, (0, int(rng.uniform(0.2, 1.5) * RATE)))
            if at + len(piece) / RATE > 30.0:
                break
            pieces.append(piece)
            texts.append(line.text)
            onsets += [at + start for start, _ in speech.words]
            at += len(piece) / RATE
        samples = background(np.concatenate(pieces) * 0.5, rng.choice(NOISES), rng.uniform(20, 30), numpy)
        found.append(Item(samples, " ".join(texts), "en", tuple(onsets)))
    return found


def pauses(spans: Sequence[tuple[float, float]], least: float = 0.35) -> list[float]:
    """The middles of the silences of at least that many seconds: where the product cuts for this model."""
    found, heard_until = [], spans[0][1]
    for begin, until in spans[1:]:
        if begin - heard_until >= least:
            found.append((begin + heard_until) / 2)
        heard_until = max(heard_until, until)
    return found


def meeting_items(folder: Path = MEETING) -> list[Item]:
    """The bundled meeting, cut at every pause as the product cuts it for this model."""
    samples, _ = soundfile.read(folder / "meeting.flac", dtype="float32")
    words = json.loads((folder / "meeting.words.json").read_text())
    spans = [(word["start"], word["end"]) for word in words]
    edges = [0.0, *pauses(spans), len(samples) / RATE]
    found = []
    for start, end in zip(edges, edges[1:], strict=False):
        inside = [word for word in words if start <= word["start"] < end]
        onsets = tuple(word["start"] - start for word in inside)
        piece = samples[int(start * RATE) : int(end * RATE)]
        found.append(Item(piece, " ".join(word["word"] for word in inside), "en", onsets))
    return found


def silences(count: int = 10) -> Iterator[tuple[str, np.ndarray]]:
    """Windows of 3 to 30 s without speech: each kind of noise at several levels, and digital silence."""
    rng = np.random.default_rng(SEED)
    for kind in (*NOISES, "silence"):
        for index in range(count):
            seconds = float(rng.uniform(3, 30))
            level = 10 ** -rng.uniform(0.3, 2.5)
            made = np.zeros(int(seconds * RATE), np.float32) if kind == "silence" else noise(kind, seconds, rng) * level
            yield kind, made.astype(np.float32)
            if kind == "silence" and index == 2:  # all silences are alike
                break
