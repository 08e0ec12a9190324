"""One recording through a running server, from the first byte of its upload to its transcript in hand."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.server import Server, since, total
from scriptorium import Client

POLL = 0.05
"""Seconds between two questions for segments."""

PLAIN = {"language": "en", "vad": "silero", "word_timestamps": False, "context": "off", "cache": False}
"""Options: nothing that the direct call does not do."""

FULL = {**PLAIN, "word_timestamps": True, "context": "auto", "cache": True}


@dataclass(frozen=True)
class Job:
    """`wall` seconds; `spent` CPU seconds of each process; `windows` that were decoded, the second ones of flagged
    chunks too; `segments` of the transcript."""

    wall: float
    spent: dict[str, float]
    windows: int
    segments: int

    @property
    def cpu(self) -> float:
        return total(self.spent)


def transcribed(server: Server, path: Path, options: dict[str, Any]) -> Job:
    """Raises RuntimeError where the job fails."""
    with server.client() as client:
        before, began = server.seconds(), time.perf_counter()
        job_id = client.submit(path, **options)["id"]
        _completed(client, job_id)
        transcript = client.transcript(job_id)
        wall, spent = time.perf_counter() - began, since(before, server.seconds())
    return Job(wall, spent, windows(server, job_id), len(transcript["segments"]))


def first_segment(server: Server, path: Path, options: dict[str, Any]) -> float:
    """Seconds until a caller who asks all the time has one. The job is cancelled then."""
    with server.client() as client:
        began = time.perf_counter()
        job_id = client.submit(path, **options)["id"]
        while not client.segments(job_id)["segments"]:
            time.sleep(POLL)
        wall = time.perf_counter() - began
        client.cancel(job_id)
    return wall


def windows(server: Server, job_id: str) -> int:
    """Chunks that a recognizer was given. With a model whose text reaches the end of each window, each is one."""
    with psycopg.connect(server.running.database_url) as connection:
        counted = connection.execute(
            "SELECT count(*) FROM steps WHERE job_id = %s AND kind IN ('transcribe', 'redecode') AND status = 'done'",
            [job_id],
        ).fetchone()
    return counted[0] if counted else 0


def _completed(client: Client, job_id: str) -> None:
    job = client.wait(job_id)
    if job["status"] != "completed":
        raise RuntimeError(f"the job {job['status']}: {job['error']}")
