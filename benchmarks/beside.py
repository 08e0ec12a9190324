"""Short recordings while a ten-hour one runs: how long does each take, against an idle server?

    python -m benchmarks.beside [--hours 10] [--short 40] [--interval 3] [--transcribers 4] [--model sleeping:0.02]

A short recording of 30 to 60 s comes every few seconds, whether or not the ones before it have ended. First alone; then
beside the long recording of another tenant; then of the same one; then beside another tenant's again, first in first
out: the same server, whose database gives every chunk the time of its making for a place in the queue. The long job is
cancelled each time. `sleeping:0.02` is a recognizer that takes 0.6 s for 30 s without using the processor; `demo` is
the real thing.
"""

import argparse
import random
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import speech
from benchmarks.ledger import Ledger, ledger
from benchmarks.null import ENVIRONMENT
from benchmarks.percentiles import percentile
from benchmarks.server import Server, started
from benchmarks.tenants import tenants
from core import keys
from core.states import Kind
from scriptorium import Client

LENGTHS = (30.0, 60.0)
PATIENCE = 600.0
"""Seconds after the last short recording came; what has not ended then counts as ended then."""

QUEUED = 50
"""Chunks of the long recording that wait before the first short one comes."""

_POLL = 0.1
_OPTIONS: dict[str, Any] = {"language": "en", "vad": "webrtc", "cache": False}
_FIRST_IN_FIRST_OUT = """
CREATE FUNCTION in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN NEW.fair_tag := OLD.fair_tag;
  ELSE NEW.fair_tag := extract(epoch FROM clock_timestamp()); END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER in_order BEFORE INSERT OR UPDATE OF fair_tag ON steps FOR EACH ROW EXECUTE FUNCTION in_order();
"""


@dataclass(frozen=True)
class Load:
    """The short `recordings`, one each `interval` seconds, and the long one, of which `queued` chunks wait first."""

    recordings: tuple[Path, ...]
    long: Path
    interval: float
    queued: int = QUEUED


@dataclass(frozen=True)
class Latencies:
    """Seconds from the beginning of the upload to the end of the job. `late`: how many were not waited for."""

    name: str
    seconds: tuple[float, ...]
    late: int

    def at(self, share: float) -> float:
        return percentile(self.seconds, share)


def make(folder: Path, hours: float, short: int, interval: float) -> Load:
    chance = random.Random(1)
    recordings = [speech.write(folder / f"{one}.wav", chance.uniform(*LENGTHS), one) for one in range(short)]
    return Load(tuple(recordings), speech.write(folder / "long.wav", hours * 3600), interval)


def short_ones(name: str, server: Server, books: Ledger, key: str, load: Load, long: str = "") -> Latencies:
    """Submitted in their rhythm, then waited for. The job `long` is under way until the last one has come."""
    with ThreadPoolExecutor(16) as pool:
        begun = time.time()
        uploads: list[Future[tuple[str, float]]] = []
        for number, path in enumerate(load.recordings):
            threading.Event().wait(max(0.0, begun + number * load.interval - time.time()))
            uploads.append(pool.submit(_upload, server, key, path))
        sent = dict(one.result() for one in uploads)
    if long and books.status(long) != "processing":
        name = f"{name} (which ended meanwhile: take more hours)"
    ended = _ended(books, list(sent), time.monotonic() + PATIENCE)
    now = time.time()
    return Latencies(name, tuple(ended.get(one, now) - at for one, at in sent.items()), len(sent) - len(ended))


def _upload(server: Server, key: str, path: Path) -> tuple[str, float]:
    """The job, and when its upload began."""
    began = time.time()
    with Client(server.running.url, key) as client:
        return str(client.submit(path, **_OPTIONS)["id"]), began


def _ended(books: Ledger, ids: Sequence[str], until: float) -> dict[str, float]:
    """When each job ended, on this machine's clock, which is the database's."""
    while books.ended(ids) is None and time.monotonic() < until:
        threading.Event().wait(_POLL)
    return books.ends(ids)


@contextmanager
def beside(client: Client, books: Ledger, load: Load) -> Iterator[str]:
    """The long recording's job is under way, and its chunks wait in a long queue."""
    job_id = str(client.submit(load.long, **_OPTIONS)["id"])
    while books.waiting(job_id, Kind.TRANSCRIBE) < load.queued:
        if books.status(job_id) not in ("queued", "processing"):
            raise SystemExit("the long recording was over before the short ones came; take more --hours")
        threading.Event().wait(_POLL)
    try:
        yield job_id
    finally:
        if books.status(job_id) in ("queued", "processing"):
            client.cancel(job_id)


def measure(server: Server, books: Ledger, load: Load) -> Iterator[Latencies]:
    key = keys.mint()
    keys.ensure(books.context, key, "short")
    with tenants(server, books, ["other"]) as others, Client(server.running.url, key) as own:
        short_ones("", server, books, key, replace(load, recordings=load.recordings[:2]))
        yield short_ones("an idle server", server, books, key, load)
        with beside(others["other"], books, load) as long:
            yield short_ones("beside another tenant's", server, books, key, load, long)
        with beside(own, books, load) as long:
            yield short_ones("beside the same tenant's", server, books, key, load, long)
        books.rows.execute(_FIRST_IN_FIRST_OUT)
        with beside(others["other"], books, load) as long:
            yield short_ones("first in, first out", server, books, key, load, long)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=4)
    parser.add_argument("--short", type=int, default=20)
    parser.add_argument("--interval", type=float, default=2)
    parser.add_argument("--transcribers", type=int, default=4)
    parser.add_argument("--model", default="sleeping:0.02")
    given = parser.parse_args(argv)
    staff = ("--transcribers", str(given.transcribers))
    print(
        f"{given.short} recordings of 30 to 60 s, one each {given.interval:g} s; {given.hours:g} h beside; "
        f"{given.transcribers} transcribers, model {given.model}\n"
    )
    print("| | p50, s | p95, s | p95 against idle | not ended |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        load = make(Path(folder), given.hours, given.short, given.interval)
        with started(*staff, model=given.model, **ENVIRONMENT) as server, ledger(server) as books:
            idle = 0.0
            for one in measure(server, books, load):
                idle = idle or one.at(0.95)
                ratio = one.at(0.95) / idle
                print(f"| {one.name} | {one.at(0.5):.1f} | {one.at(0.95):.1f} | {ratio:.2f} | {one.late} |", flush=True)


if __name__ == "__main__":
    main()
