"""The baseline's Celery application: `celery -A tests.faults.baseline.app worker`. Nothing is configured.

Environment: BASELINE_REDIS_URL; BASELINE_FOLDER, where it records what it did and finds its misdeeds (see `misdeeds`);
BASELINE_SECONDS, how long a chunk takes.
"""

import os
import time
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from celery import Celery, Task, chord
from celery.signals import worker_ready

from tests.fakes import tones
from tests.faults.baseline import misdeeds, records

PIECE = 10.0
"""Seconds of a chunk."""

FOLDER = Path(os.environ["BASELINE_FOLDER"])
SECONDS = float(os.environ["BASELINE_SECONDS"])
URL = os.environ["BASELINE_REDIS_URL"]
app = Celery("baseline", broker=URL, backend=URL)


@app.task(name="baseline.cut")
def cut(job: str, path: str) -> None:
    with wave.open(path) as recording:
        pieces = -(-recording.getnframes() // int(PIECE * tones.RATE))
    chunks = [transcribe.s(job, path, index).set(task_id=f"{job}-{index}") for index in range(pieces)]
    chord(chunks)(assemble.s(job).set(task_id=job))


@app.task(name="baseline.transcribe", bind=True)
def transcribe(task: "Task[Any, Any]", job: str, path: str, index: int) -> dict[str, Any]:
    """The words of one piece, in order."""
    who = {"job": job, "index": index, "worker": task.request.hostname, "pid": os.getpid()}
    records.write(FOLDER, "begin", **who)
    words = [f" w{number}" for number, _, _ in tones.read(_samples(Path(path), index))]
    time.sleep(SECONDS / 2)
    misdeeds.commit(FOLDER, words)
    time.sleep(SECONDS / 2)
    records.write(FOLDER, "chunk", **who)
    return {"index": index, "words": words}


@app.task(name="baseline.assemble")
def assemble(heard: dict[str, Any] | Sequence[dict[str, Any]], job: str) -> list[str]:
    """A chord of a single task hands over its result alone, without a list around it."""
    chunks = [heard] if isinstance(heard, dict) else heard
    ordered = sorted(chunks, key=lambda chunk: chunk["index"])
    words = [word for chunk in ordered for word in chunk["words"]]
    records.write(FOLDER, "transcript", job=job, words=words)
    return words


def _samples(path: Path, index: int) -> tones.Samples:
    count = int(PIECE * tones.RATE)
    with wave.open(str(path)) as recording:
        recording.setpos(index * count)
        return np.frombuffer(recording.readframes(count), "<i2").astype(np.float32) / np.float32(32_768)


@worker_ready.connect
def _say_ready(sender: Any, **_more: object) -> None:
    records.write(FOLDER, "ready", worker=sender.hostname, pid=os.getpid())
