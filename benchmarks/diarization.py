"""What a diarization costs, beside the stock pipeline of pyannote.audio; and whether both hear the same.

    python -m benchmarks.diarization [--pairs 3] [--seconds 40] [--pipeline FOLDER] [--hours 1 10]

Same pipeline, same samples in memory, one thread, in turns: CPU seconds, and DER (collar 0, overlap counted). First a
pipeline's folder, the demonstration one where none is named, on the bundled meeting, and on pyannote.audio's own
sample: 30 s of a telephone call, for which the demonstration models are not made: its DER says nothing of pyannote.
Then a pipeline whose speakers are tones, with an embedding model of the size that people use (WeSpeaker's ResNet34,
untrained; tones are far apart even so). Then the
joining of blocks of so many hours, made up (`benchmarks/joined_blocks.py`), in a process of its own: CPU seconds and
memory.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.cuts import MEETING, meeting
from core.models import DEMO_SPEAKERS, ModelSource
from core.settings import Settings
from core.transcript import SpeakerTurn
from tests.fakes.tone_speakers import Speech, conversation, pipeline_folder
from worker.audio import decode
from worker.engines.blocks import SAMPLE_RATE
from worker.engines.protocols import Samples, samples
from worker.engines.pyannote import load

import pyannote.audio  # isort: skip - after ours, which silences its telemetry
from pyannote.audio import Pipeline  # isort: skip
from pyannote.audio.models.embedding.wespeaker import WeSpeakerResNet34  # isort: skip
from pyannote.core import Annotation, Segment, Timeline  # isort: skip
from pyannote.metrics.diarization import DiarizationErrorRate  # isort: skip

SETTINGS = Settings(device="cpu", threads=1)
SAMPLE = Path(pyannote.audio.__file__).parent / "sample"
TONES: dict[str, Any] = {
    "clustering": "AgglomerativeClustering",
    "params": {"clustering": {"method": "centroid", "threshold": 0.7, "min_cluster_size": 2}},
    "embedding_batch_size": 4,
    "segmentation_batch_size": 4,
}
Run = Callable[[], Sequence[SpeakerTurn]]


@dataclass(frozen=True)
class Case:
    """`spoken`: what is true, in seconds."""

    name: str
    folder: Path
    samples: Samples
    spoken: tuple[SpeakerTurn, ...]


@dataclass(frozen=True)
class Pass:
    """CPU seconds, DER, and how many speakers were found."""

    cpu: float
    der: float
    speakers: int


def cases(pipeline: Path, seconds: float, folder: Path) -> Iterator[Case]:
    yield Case(
        f"{pipeline.name}, bundled meeting", pipeline, meeting(SETTINGS)[0], _reference(MEETING / "meeting.rttm")
    )
    yield Case(f"{pipeline.name}, a telephone call", pipeline, call(), _reference(SAMPLE / "sample.rttm"))
    if seconds:
        made = pipeline_folder(folder, voice=WeSpeakerResNet34, **TONES)
        turns = _turns(seconds)
        spoken = tuple(SpeakerTurn(turn.start, turn.end, str(turn.speaker)) for turn in turns)
        yield Case("tones, ResNet34", made, conversation(turns, seconds), spoken)


def call() -> Samples:
    """30 s of two people, out of the wheel of pyannote.audio."""
    blocks = decode(SAMPLE / "sample.wav", SETTINGS, tolerant=False, check=lambda: None)
    return samples(b"".join(blocks))


def _reference(path: Path) -> tuple[SpeakerTurn, ...]:
    fields = [line.split() for line in path.read_text().splitlines()]
    return tuple(SpeakerTurn(float(one[3]), float(one[3]) + float(one[4]), one[7]) for one in fields)


def _turns(seconds: float) -> list[Speech]:
    """Of three speakers, with pauses and overlaps."""
    chance = random.Random(1)
    found: list[Speech] = []
    at, speaker = 0.3, 0
    while at + 1 < seconds:
        length = min(chance.uniform(1, 6), seconds - at)
        found.append(Speech(at, at + length, speaker))
        at, speaker = at + length + chance.uniform(-0.6, 1.2), (speaker + chance.randint(1, 2)) % 3
    return found


def stock(case: Case) -> Run:
    """As its users call it, with the batches of its configuration."""
    loaded: Any = Pipeline.from_pretrained(case.folder)
    file = {"waveform": torch.from_numpy(case.samples)[None], "sample_rate": SAMPLE_RATE, "uri": "recording"}

    def run() -> Sequence[SpeakerTurn]:
        found = loaded(file).speaker_diarization.itertracks(yield_label=True)
        return [SpeakerTurn(segment.start, segment.end, label) for segment, _, label in found]

    return run


def ours(case: Case) -> Run:
    loaded = load(ModelSource(case.name, "pyannote", str(case.folder)), SETTINGS)
    return lambda: loaded.diarize(case.samples).turns


def measured(run: Run, case: Case) -> Pass:
    began = time.process_time()
    found = run()
    cpu = time.process_time() - began
    whole = Timeline([Segment(0, len(case.samples) / SAMPLE_RATE)])
    metric = DiarizationErrorRate(collar=0.0, skip_overlap=False)
    der = metric(annotation(case.spoken), annotation(found), uem=whole)
    return Pass(cpu, float(der), len({turn.speaker for turn in found}))


def annotation(turns: Sequence[SpeakerTurn]) -> Annotation:
    made = Annotation()
    for number, turn in enumerate(turns):
        made[Segment(turn.start, turn.end), number] = turn.speaker
    return made


def beside(case: Case, pairs: int) -> str:
    """A row: medians, and of the ratios of the pairs also the range."""
    sides = {"stock": stock(case), "ours": ours(case)}
    rounds = [
        {side: measured(sides[side], case) for side in sorted(sides, reverse=bool(turn % 2))} for turn in range(pairs)
    ]
    ratios = [one["ours"].cpu / one["stock"].cpu for one in rounds]
    minutes = len(case.samples) / SAMPLE_RATE / 60
    costs = {side: statistics.median(one[side].cpu for one in rounds) / minutes for side in sides}
    last = rounds[-1]
    return (
        f"| {case.name} | {costs['stock']:.1f} | {costs['ours']:.1f} | {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f}) | {last['stock'].der:.2%} | {last['ours'].der:.2%} "
        f"| {len({turn.speaker for turn in case.spoken})} | {last['stock'].speakers} | {last['ours'].speakers} |"
    )


def joined(hours: float) -> str:
    command = [sys.executable, "-m", "benchmarks.joined_blocks", str(hours)]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    return (
        f"| {hours:g} | {said['embeddings']:,} | {said['cpu']:.1f} | {said['before'] / 1e6:.0f} "
        f"| {said['peak'] / 1e6:.0f} | {said['speakers']} | {said['turns']:,} |"
    )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=40, help="of tones; 0 leaves them out")
    parser.add_argument("--pipeline", type=Path, default=DEMO_SPEAKERS)
    parser.add_argument("--hours", type=float, nargs="*", default=[1, 10])
    given = parser.parse_args(argv)
    print("| | stock: CPU s a minute | ours | ratio (range) | stock: DER | ours | speakers | stock | ours |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(given.pipeline, given.seconds, Path(folder)):
            print(beside(case, given.pairs), flush=True)
    print("\n| hours joined | embeddings | CPU s | MB before | MB at most | speakers of 8 | turns |")
    print("|---|---|---|---|---|---|---|")
    for hours in given.hours:
        print(joined(hours), flush=True)


if __name__ == "__main__":
    main()
