"""faster-whisper's own batched pipeline, called as its README shows, in a process of its own.

    python -m benchmarks.direct FOLDER FILE [--batch 8] [--threads 2] [--words]

Prints what the call cost as JSON. The model is loaded, and has transcribed once, before the clock starts: a server's
is too. Segments have times (`without_timestamps=False`; upstream's default gives a whole window one segment), as ours
have: both sides then decode the same tokens.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from faster_whisper import BatchedInferencePipeline, WhisperModel

from benchmarks.cuts import MEETING
from benchmarks.processes import peak_bytes
from scriptorium.services import PROJECT

BATCH = 8
"""Upstream's default."""


@dataclass(frozen=True)
class Call:
    """Seconds: `wall` and `cpu` of the whole call, `first` until its first segment. `windows` that were decoded;
    `peak` bytes in memory at once."""

    wall: float
    cpu: float
    first: float
    windows: int
    segments: int
    peak: int


class _Counting(BatchedInferencePipeline):
    windows = 0

    def forward(self, features: Any, *rest: Any, **more: Any) -> Any:
        self.windows += len(features)
        return super().forward(features, *rest, **more)


def measured(
    folder: Path, path: Path, *, batch: int = BATCH, threads: int = 0, words: bool = False, only_first: bool = False
) -> Call:
    """Of one call, made in a new process. 0 threads are all cores."""
    cores = threads or len(os.sched_getaffinity(0))
    options = ["--batch", str(batch), "--threads", str(cores)]
    options += [name for name, wanted in (("--words", words), ("--only-first", only_first)) if wanted]
    command = [sys.executable, "-m", "benchmarks.direct", str(folder.resolve()), str(path.resolve()), *options]
    # One thread for numpy, as the product has it: more would only cost the call CPU time.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    said = subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return Call(**json.loads(said.stdout))


def _call(pipeline: _Counting, path: Path, batch: int, words: bool, only_first: bool) -> Call:
    pipeline.windows = 0
    wall, cpu = time.perf_counter(), time.process_time()
    segments, _ = pipeline.transcribe(
        str(path), language="en", beam_size=5, batch_size=batch, without_timestamps=False, word_timestamps=words
    )
    next(segments, None)
    first = time.perf_counter() - wall
    count = 1 + (0 if only_first else sum(1 for _ in segments))
    spent = time.process_time() - cpu
    return Call(time.perf_counter() - wall, spent, first, pipeline.windows, count, peak_bytes(os.getpid()))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--words", action="store_true", help="with the times of words")
    parser.add_argument("--only-first", action="store_true", help="end the call at its first segment")
    chosen = parser.parse_args(argv)
    model = WhisperModel(str(chosen.folder), device="cpu", compute_type="int8", cpu_threads=chosen.threads)
    pipeline = _Counting(model)
    _call(pipeline, MEETING / "meeting.flac", chosen.batch, chosen.words, only_first=False)
    cost = _call(pipeline, chosen.file, chosen.batch, chosen.words, chosen.only_first)
    print(json.dumps(asdict(cost)))


if __name__ == "__main__":
    main()
