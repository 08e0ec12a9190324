"""What does a chunk cost beside its recognition? Jobs of 10 to 10,000 chunks and a recognizer that costs nothing.

    python -m benchmarks.bookkeeping [--chunks 10 100 1200 10000] [--recorded 100 1200]

CPU milliseconds a chunk, of all processes of a whole server. First the ledger alone: chunks are handed over as ingest
does it, then claimed, answered, recorded and assembled by the server's own workers. Then `--recorded`: real recordings
of so many chunks over HTTP, with what decoding and finding speech costs.
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.ledger import PLAIN, Ledger, ledger
from benchmarks.null import ENVIRONMENT, NULL
from benchmarks.server import Server, since, started, total
from core.options import Options
from core.states import Kind
from tests.fakes import tones
from worker.chunking import RULES

LEAST = 400
"""Chunks of one measurement: small jobs are repeated, since the system counts CPU time in ticks of 10 ms."""

_IDLE = 15.0
_POLL = 0.05
_PAUSE = (RULES.dropped + 0.2, RULES.dropped + 0.4)
"""Seconds of silence that end a chunk, so that each word of a recording is a chunk of its own."""


@dataclass(frozen=True)
class Cost:
    """`spent`: CPU seconds by process; `wall`: seconds from the first job's start to the last one's end."""

    chunks: int
    jobs: int
    spent: Mapping[str, float]
    wall: float

    @property
    def each(self) -> float:
        """CPU milliseconds a chunk."""
        return 1000 * total(self.spent) / (self.chunks * self.jobs)

    def of(self, *names: str) -> float:
        """The same, of the processes whose names begin so."""
        return 1000 * sum(s for name, s in self.spent.items() if name.startswith(names)) / (self.chunks * self.jobs)


def in_ledger(server: Server, books: Ledger, chunks: int, least: int = LEAST) -> Cost:
    """Of jobs of so many chunks, one after the other. What this process does is ingest's share."""
    count = max(1, least // chunks)
    before, own, began = server.seconds(), time.process_time(), time.monotonic()
    for _ in range(count):
        job_id = books.job(chunks)
        while (status := books.status(job_id)) in ("queued", "processing"):
            threading.Event().wait(_POLL)
        if status != "completed" or books.done(job_id, Kind.TRANSCRIBE) != chunks:
            raise SystemExit(f"a job of {chunks} chunks ended as {status}")
    spent = {**since(before, server.seconds()), "ingest": time.process_time() - own}
    return Cost(chunks, count, spent, time.monotonic() - began)


def recorded(server: Server, books: Ledger, words: int) -> Cost:
    """Of one recording whose every word is a chunk, from its upload to its transcript."""
    with tempfile.TemporaryDirectory() as folder, server.client() as client:
        path = Path(folder) / "words.wav"
        tones.make(path, words * (tones.WORD + tones.GAP + sum(_PAUSE) / 2), sentence=(1, 1), pause=_PAUSE)
        before, began = server.seconds(), time.monotonic()
        job = client.wait(client.submit(path, vad="webrtc")["id"])
        if job["status"] != "completed":
            raise SystemExit(f"the recording of {words} words failed: {job['error']}")
        client.transcript(job["id"])
        spent, wall = since(before, server.seconds()), time.monotonic() - began
        return Cost(books.done(job["id"], Kind.TRANSCRIBE), 1, spent, wall)


def idle(server: Server, seconds: float = _IDLE) -> float:
    """CPU milliseconds a second of a server that has nothing to do."""
    before = server.seconds()
    threading.Event().wait(seconds)
    return 1000 * total(since(before, server.seconds())) / seconds


def table(found: Sequence[Cost]) -> str:
    columns = ("chunks", "jobs", "CPU-ms a chunk", "against the first", "ingest", "light", "transcribers", "Postgres",
               "Redis", "web", "rest", "wall ms a chunk")  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for one in found:
        parts = [one.of(name) for name in ("ingest", "light", "transcribe", "postgres", "redis", "web")]
        rest = one.each - sum(parts)
        lines.append(
            f"| {one.chunks:,} | {one.jobs} | {one.each:.2f} | {one.each / found[0].each:.2f} | "
            + " | ".join(f"{part:.2f}" for part in (*parts, rest))
            + f" | {1000 * one.wall / one.chunks / one.jobs:.1f} |"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, nargs="+", default=[10, 100, 1200])
    parser.add_argument("--recorded", type=int, nargs="*", default=[100])
    given = parser.parse_args(argv)
    longest = {"SCRIPTORIUM_MAX_DURATION": "200000", "SCRIPTORIUM_MAX_UPLOAD_BYTES": "8000000000"}
    with started(model=NULL, **ENVIRONMENT, **longest) as server, ledger(server) as books:
        in_ledger(server, books, 10)  # what is compiled and connected once is no chunk's cost
        print(f"{os.cpu_count()} cores; idle: {idle(server):.1f} CPU-ms a second")
        for name, options in (("second pass and cache off", PLAIN), ("with both", Options())):
            kept = replace(books, options=options)
            print(f"\nThe ledger alone, {name}:\n")
            print(table([in_ledger(server, kept, chunks) for chunks in given.chunks]), flush=True)
        if given.recorded:
            print("\nFrom upload to transcript:\n")
            print(table([recorded(server, books, words) for words in given.recorded]), flush=True)


if __name__ == "__main__":
    main()
