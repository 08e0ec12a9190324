"""Are words near a cut heard worse than others? A long recording, cut and transcribed as the product does it.

    python -m benchmarks.cuts [--minutes 30] [--model demo]

The bundled meeting, repeated, each time begun at another place, so that cuts fall on other words. A word counts as
near when its middle lies within 1.5 s of a chunk's edge.
"""

import argparse
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np

from core import models, seams
from core.settings import Settings
from core.settings import settings as from_environment
from core.transcript import Segment
from worker import engines
from worker.audio import SAMPLE_RATE, decode
from worker.chunking import Cut, Loudness, cut, rules_for
from worker.engines.protocols import Clip, EngineFailure, Recognizer, Samples, samples
from worker.steps import ingest

MEETING = Path(__file__).resolve().parent.parent / "samples" / "meeting"
NEAR = 1.5
_BLOCK = 16_000


@dataclass(frozen=True)
class Spoken:
    """A reference word; seconds from the start of the recording."""

    word: str
    start: float
    end: float


@dataclass(frozen=True)
class Errors:
    """Reference words that were not heard as they are, of how many."""

    wrong: int
    words: int

    @property
    def share(self) -> float:
        return self.wrong / self.words if self.words else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, Wilson (1927)."""
        if not self.words:
            return 0.0, 1.0
        z, n, p = 1.96, self.words, self.share
        middle, width = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (middle - width) / (1 + z * z / n), (middle + width) / (1 + z * z / n)


def plain(word: str) -> str:
    return re.sub(r"[^\w]", "", word).lower()


def meeting(settings: Settings) -> tuple[Samples, list[Spoken]]:
    pcm = b"".join(decode(MEETING / "meeting.flac", settings, tolerant=False, check=lambda: None))
    words = [
        Spoken(plain(one["word"]), one["start"], one["end"])
        for one in json.loads((MEETING / "meeting.words.json").read_text())
    ]
    return samples(pcm), words


def repeated(samples: Samples, words: list[Spoken], minutes: float) -> tuple[Samples, list[Spoken]]:
    """Begun at the end of another word each time, so that no two rounds are cut alike."""
    pieces, spoken, at, turn = [], [], 0.0, 0
    while at < minutes * 60:
        first = 0 if turn == 0 else (turn * 37) % (len(words) // 2)
        begin = (words[first - 1].end + words[first].start) / 2 if first else 0.0
        begin = max(begin, max((one.end for one in words[:first]), default=0.0))
        pieces.append(samples[round(begin * SAMPLE_RATE) :])
        spoken += [
            Spoken(one.word, at + one.start - begin, at + one.end - begin) for one in words if one.start >= begin
        ]
        at += len(pieces[-1]) / SAMPLE_RATE
        turn += 1
    return np.concatenate(pieces), spoken


def chunks(samples: Samples, vad: str, model: str) -> Iterator[Cut]:
    """As ingest makes them."""
    loudness = Loudness()
    pcm = (samples * 32767).astype("<i2").tobytes()
    ingest.measured(loudness, pcm)
    blocks = (pcm[start : start + _BLOCK] for start in range(0, len(pcm), _BLOCK))
    length = len(samples) / SAMPLE_RATE
    rules = rules_for(models.window(model))
    yield from cut(engines.detector(vad).spans(blocks), loudness, length=lambda: length, rules=rules)


def heard(samples: Samples, cuts: list[Cut], model: str, settings: Settings) -> list[str]:
    """The words in order, and those at a forced cut once, as the transcript has them."""
    recognizer = engines.recognizer(model, settings)
    sides = [_side(samples, one, recognizer) for one in cuts]
    for at, one in enumerate(cuts[:-1]):
        if one.trail:
            sides[at], sides[at + 1] = seams.joined(sides[at], sides[at + 1], one.end)
    return [word for side in sides for segment in side for word in _words(segment)]


def _side(samples: Samples, one: Cut, recognizer: Recognizer) -> tuple[Segment, ...]:
    """What a chunk gives, with the second that it shares with each neighbour where speech had to be cut."""
    begin, end = one.start - one.lead, one.end + one.trail
    piece = samples[round(begin * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
    clip = Clip(piece, language="en", speech_seconds=one.speech_seconds)
    (answer,) = recognizer.transcribe([clip])
    if isinstance(answer, EngineFailure):
        raise answer.error
    return tuple(segment.shifted(begin) for segment in answer.segments)


def _words(segment: Segment) -> list[str]:
    return [word for piece in segment.text.split() if (word := plain(piece))]


def wrong(reference: list[Spoken], said: list[str]) -> set[int]:
    """The reference words that the best alignment substitutes or deletes."""
    aligned = jiwer.process_words(" ".join(one.word for one in reference), " ".join(said)).alignments[0]
    return {
        index
        for part in aligned
        if part.type in ("substitute", "delete")
        for index in range(part.ref_start_idx, part.ref_end_idx)
    }


def measure(minutes: float, model: str, settings: Settings) -> tuple[dict[str, Errors], int]:
    """Errors near the cuts, near those inside speech among them, and elsewhere; and the number of chunks."""
    samples, reference = repeated(*meeting(settings), minutes)
    cuts = list(chunks(samples, settings.vad, model))
    missed = wrong(reference, heard(samples, cuts, model, settings))
    near = _near(reference, [time for one in cuts for time in (one.start, one.end)])
    forced = _near(reference, [one.end for one in cuts if one.forced_cut])
    sides = {
        "within 1.5 s of a cut": near,
        "of these, of one inside speech": forced,
        "elsewhere": [not one for one in near],
    }
    return {name: _errors(missed, side) for name, side in sides.items()}, len(cuts)


def _near(reference: list[Spoken], edges: list[float]) -> list[bool]:
    """Of each word."""
    middles = np.array([(one.start + one.end) / 2 for one in reference])
    return [bool(np.abs(np.array(edges) - middle).min(initial=np.inf) <= NEAR) for middle in middles]


def _errors(missed: set[int], side: list[bool]) -> Errors:
    return Errors(sum(index in missed for index, at in enumerate(side) if at), sum(side))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--model", default="demo")
    arguments = parser.parse_args(argv)
    found, count = measure(arguments.minutes, arguments.model, from_environment())
    print(f"{arguments.minutes:g} minutes, {count} chunks, model {arguments.model}\n")
    print("| | wrong | of | share | 95 % interval |\n|---|---|---|---|---|")
    for name, errors in found.items():
        if not errors.words:
            continue  # no cut lay inside speech
        low, high = errors.interval
        print(f"| {name} | {errors.wrong:,} | {errors.words:,} | {errors.share:.1%} | {low:.1%} to {high:.1%} |")


if __name__ == "__main__":
    main()
