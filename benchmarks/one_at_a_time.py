"""What a small service does: the model loaded once, one clip at a time under a lock. In a process of its own.

    python -m benchmarks.one_at_a_time MODEL FILE… [--threads 2]

Prints seconds by the clock and of CPU, as JSON. The model is loaded and has transcribed once before the clock starts.
The files lie on this machine: neither upload, queue nor records are counted.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from faster_whisper import WhisperModel

from core import models
from core.settings import Settings
from worker.engines import hub


def measured(model: str, paths: Sequence[Path], threads: int = 0) -> tuple[float, float]:
    """(seconds, CPU seconds) of all clips, one after the other. 0 threads are all cores."""
    chosen = threads or len(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "benchmarks.one_at_a_time", model, *map(str, paths), "--threads", str(chosen)]
    # One thread for numpy, as the product has it: more would only cost CPU time.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    said = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    wall, cpu = json.loads(said.stdout)
    return wall, cpu


def _text(model: WhisperModel, path: Path) -> str:
    segments, _ = model.transcribe(str(path), language="en", beam_size=5, vad_filter=True)
    return "".join(segment.text for segment in segments)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args(argv)
    folder = hub.found(models.resolve(given.model, Settings())).folder
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=given.threads)
    _text(model, given.files[0])
    wall, cpu = time.perf_counter(), time.process_time()
    for path in given.files:
        _text(model, path)
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))


if __name__ == "__main__":
    main()
