"""Words that nobody said: how many come of minutes of silence, noise, music and keyboard clicks?

    python -m benchmarks.hallucinations [--minutes 10] [--model demo] [--below 10]

Ours as the product does it: the detector finds speech, chunks are cut, the recognizer hears them and its gates hold
back what they do not believe. Beside it faster-whisper's own batched pipeline called directly, with its filter for
speech and without, which is then told to take the sound as it lies, 30 s at a time. `--below`: decibels under the
level of speech.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel

from benchmarks.cuts import chunks, meeting
from benchmarks.detectors import SOUNDS, at_level
from core import models
from core.settings import Settings
from core.settings import settings as from_environment
from worker import engines
from worker.audio import SAMPLE_RATE
from worker.engines import hub
from worker.engines.protocols import Clip, EngineFailure, Recognizer, Samples

BATCH = 8
_WINDOW = 30.0
"""Seconds: what the direct call takes at once where it finds no speech for itself."""


@dataclass(frozen=True)
class Invented:
    """Words that came of so much of a sound. `heard`: share of it that our detector took for speech; `suppressed`:
    words that our gates held back."""

    name: str
    ours: int
    suppressed: int
    heard: float
    filtered: int
    unfiltered: int


def sounds(samples: int, speech: float, below: float) -> Iterator[tuple[str, Samples]]:
    yield "digital silence", np.zeros(samples, np.float32)
    for name, make in {**SOUNDS, "pink noise": pink}.items():
        yield name, at_level(make(samples), speech, below)


def pink(samples: int) -> Samples:
    """Equal power in every octave: white noise whose spectrum falls with the square root of the frequency."""
    spectrum = np.fft.rfft(np.random.default_rng(4).standard_normal(samples))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    return np.fft.irfft(spectrum, samples).astype(np.float32)


def ours(samples: Samples, recognizer: Recognizer, vad: str) -> tuple[int, int, float]:
    """Words that stand, words that were held back, and the share of the sound that was heard at all."""
    said = held = 0
    seconds = 0.0
    for one in chunks(samples, vad, recognizer.info.name):
        seconds += one.end - one.start
        begin, end = round(one.start * SAMPLE_RATE), round(one.end * SAMPLE_RATE)
        clip = Clip(samples[begin:end], speech_seconds=one.speech_seconds)
        (answer,) = recognizer.transcribe([clip])
        if isinstance(answer, EngineFailure):
            raise answer.error
        said += sum(_words(segment.text) for segment in answer.segments)
        held += sum(_words(gap.text) for gap in answer.suppressed)
    return said, held, seconds / (len(samples) / SAMPLE_RATE)


def direct(samples: Samples, pipeline: BatchedInferencePipeline, *, filtered: bool) -> int:
    """As its README calls it. Without the filter it wants to be told what to hear."""
    whole = len(samples) / SAMPLE_RATE
    pieces = [{"start": at, "end": min(at + _WINDOW, whole)} for at in np.arange(0.0, whole, _WINDOW)]
    told = {} if filtered else {"clip_timestamps": pieces}
    segments, _ = pipeline.transcribe(samples, batch_size=BATCH, vad_filter=filtered, **told)
    return sum(_words(segment.text) for segment in segments)


def _words(text: str) -> int:
    return len(text.split())


def measure(minutes: float, model: str, below: float, settings: Settings) -> Iterator[Invented]:
    speech, spoken = meeting(settings)
    voiced = np.concatenate([speech[round(w.start * SAMPLE_RATE) : round(w.end * SAMPLE_RATE)] for w in spoken])
    level = float(np.sqrt(np.mean(np.square(voiced))))
    recognizer = engines.recognizer(model, settings)
    pipeline = _pipeline(model, settings)
    for name, sound in sounds(round(minutes * 60 * SAMPLE_RATE), level, below):
        yield Invented(
            name,
            *ours(sound, recognizer, settings.vad),
            filtered=direct(sound, pipeline, filtered=True),
            unfiltered=direct(sound, pipeline, filtered=False),
        )


def _pipeline(model: str, settings: Settings) -> BatchedInferencePipeline:
    folder = hub.found(models.resolve(model, settings)).folder
    return BatchedInferencePipeline(WhisperModel(str(folder), device="cpu", compute_type="int8"))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--below", type=float, default=10)
    given = parser.parse_args(argv)
    print(f"Words in {given.minutes:g} minutes of each, {given.below:g} dB below speech, model {given.model}:\n")
    print("| | ours | held back by the gates | taken for speech | direct call, filtered | direct call |")
    print("|---|---|---|---|---|---|")
    for one in measure(given.minutes, given.model, given.below, from_environment()):
        print(
            f"| {one.name} | {one.ours} | {one.suppressed} | {one.heard:.0%} | {one.filtered} | {one.unfiltered} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
