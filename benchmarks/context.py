"""What the second pass buys and costs: the same first texts, with and without it, and with each of its parts left out.

    python -m benchmarks.context [--minutes 10] [--model demo]

The bundled meeting, repeated from another place each time, under noise from none to 5 dB; the languages are detected.
Errors are of words, over all levels together; CPU seconds are those of decoding.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jiwer
import numpy as np

from benchmarks.cuts import chunks, meeting, plain, repeated
from core import second_pass
from core.jobs import HeardChunk
from core.second_pass import Again, FirstPass
from core.settings import Settings
from core.settings import settings as from_environment
from core.transcript import Segment
from worker import engines
from worker.audio import SAMPLE_RATE
from worker.chunking import Cut
from worker.engines.protocols import Clip, EngineFailure, Hypothesis, Recognizer, Samples
from worker.steps import ChunkSpec, assemble, redecode, transcribe

NOISE = (None, 20.0, 10.0, 5.0)
"""Decibels of the speech over it."""


@dataclass(frozen=True)
class Heard:
    """A chunk's first decode, and what a second would be told and gave."""

    params: dict[str, Any]
    clip: Clip
    first: Hypothesis
    again: Again | None = None
    second: Hypothesis | None = None
    objections: tuple[str, ...] = ()

    def segments(self, *, second: bool) -> tuple[Segment, ...]:
        chosen = self.second if second and self.second is not None else self.first
        return transcribe.segments(chosen, self.params)


@dataclass
class Totals:
    """Of all levels of noise. `errors`: by what was done; `cpu`: seconds of the first pass and of the second."""

    words: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    cpu: dict[str, float] = field(default_factory=lambda: {"first": 0.0, "second": 0.0})
    chunks: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    objections: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    again: int = 0


def _flipped(one: Heard) -> bool:
    return one.again is not None and second_pass.LANGUAGE_FLIP in one.again.reasons


WAYS: dict[str, Callable[[Heard], bool]] = {
    "one pass (`context=off`)": lambda one: False,
    "both passes": lambda one: not one.objections,
    "only languages settled": lambda one: not one.objections and _flipped(one),
    "only told what was said": lambda one: not one.objections and not _flipped(one),
    "every second text taken": lambda one: True,
}
"""Name -> whether the second text of a chunk that was heard again is taken."""


def noisy(samples: Samples, decibels: float | None, seed: int) -> Samples:
    if decibels is None:
        return samples
    noise = np.random.default_rng(seed).normal(0, 1, len(samples)).astype(np.float32)
    level = float(np.sqrt(np.square(samples).mean())) / 10 ** (decibels / 20)
    mixed: Samples = np.clip(samples + level * noise, -1, 1).astype(np.float32)
    return mixed


def heard(samples: Samples, cuts: Iterable[Cut], recognizer: Recognizer, cpu: dict[str, float]) -> list[Heard]:
    """Both passes, as the product goes about them."""
    first = [_first(index, one, samples, recognizer, cpu) for index, one in enumerate(cuts)]
    passed = [_pass(one, recognizer) for one in first]
    told = {one.index: one for one in second_pass.choose(passed, language_asked=False)}
    return [_second(one, told.get(one.params["index"]), recognizer, cpu) for one in first]


def _first(index: int, one: Cut, samples: Samples, recognizer: Recognizer, cpu: dict[str, float]) -> Heard:
    spec = ChunkSpec(index, one.start, one.end, (), one.forced_cut, one.speech_seconds, one.lead, one.trail)
    begin, end = (round(time * SAMPLE_RATE) for time in spec.heard)
    clip = Clip(samples[begin:end])
    return Heard(spec.to_json(), clip, _decoded(clip, recognizer, cpu, "first"))


def _second(one: Heard, told: Again | None, recognizer: Recognizer, cpu: dict[str, float]) -> Heard:
    if told is None:
        return one
    answer = _decoded(redecode.clip(one.clip, told.to_json()), recognizer, cpu, "second")
    against = redecode.objections(one.segments(second=False), answer, told.to_json())
    return replace(one, again=told, second=answer, objections=against)


def _decoded(clip: Clip, recognizer: Recognizer, cpu: dict[str, float], which: str) -> Hypothesis:
    began = time.process_time()
    (answer,) = recognizer.transcribe([clip])
    cpu[which] += time.process_time() - began
    if isinstance(answer, EngineFailure):
        raise answer.error
    return answer


def _pass(one: Heard, recognizer: Recognizer) -> FirstPass:
    said = transcribe.result(one.first, one.segments(second=False), one.params, recognizer.info)
    return FirstPass(
        index=one.params["index"],
        start=one.params["start"],
        end=one.params["end"],
        forced_cut=one.params["forced_cut"],
        speech_seconds=one.params["speech_seconds"],
        language=said["language"],
        probability=said["language_probability"],
        doubtful=said["doubtful"],
        tail=said["tail"],
    )


def text(found: Sequence[Heard], taken: Callable[[Heard], bool]) -> list[str]:
    """The words of the transcript, seams joined."""
    whole = [
        HeardChunk(
            one.params["index"], one.params["start"], one.params["end"], one.params["trail"], 0.0, "", None, False,
            one.segments(second=one.again is not None and taken(one)), (),
        )
        for one in found
    ]  # fmt: skip
    joined = [segment for chunk in assemble.joined(whole) for segment in chunk.segments]
    return [word for segment in joined for piece in segment.text.split() if (word := plain(piece))]


def errors(reference: Sequence[str], said: Sequence[str]) -> int:
    found = jiwer.process_words(" ".join(reference), " ".join(said) or "-")
    return found.substitutions + found.deletions + found.insertions


def measure(minutes: float, model: str, settings: Settings) -> Totals:
    recognizer, totals = engines.recognizer(model, settings), Totals()
    clean, spoken = repeated(*meeting(settings), minutes)
    reference = [one.word for one in spoken]
    for number, level in enumerate(NOISE):
        samples = noisy(clean, level, number)
        found = heard(samples, chunks(samples, settings.vad, model), recognizer, totals.cpu)
        _count(totals, found)
        totals.words += len(reference)
        for name, taken in WAYS.items():
            totals.errors[name] += errors(reference, text(found, taken))
    return totals


def _count(totals: Totals, found: Sequence[Heard]) -> None:
    totals.chunks += len(found)
    for one in found:
        if one.again is not None:
            totals.again += 1
            totals.kept += not one.objections
            totals.reasons.update(one.again.reasons)
            totals.objections.update(one.objections)


def _shown(totals: Totals) -> Iterator[str]:
    yield "| | errors | of words | WER |\n|---|---|---|---|"
    for name in WAYS:
        wrong = totals.errors[name]
        yield f"| {name} | {wrong:,} | {totals.words:,} | {wrong / totals.words:.2%} |"
    cost = totals.cpu["second"] / totals.cpu["first"]
    yield (
        f"\n{totals.again} of {totals.chunks} chunks were heard again ({_listed(totals.reasons)}), {totals.kept} "
        f"second texts stand (objections: {_listed(totals.objections)}). "
        f"It costs {cost:.0%} of the first pass's decoding."
    )


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.most_common()) or "none"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--model", default="demo")
    arguments = parser.parse_args(argv)
    print(f"{arguments.minutes:g} minutes at each of {len(NOISE)} levels of noise, model {arguments.model}\n")
    print("\n".join(_shown(measure(arguments.minutes, arguments.model, from_environment()))))


if __name__ == "__main__":
    main()
