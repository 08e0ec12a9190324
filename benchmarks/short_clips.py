"""Two hundred clips of 2 to 8 s from ten tenants: the product beside a service that takes one at a time under a lock.

    python -m benchmarks.short_clips [--clips 200] [--pairs 5] [--model demo] [--windows 5 10] [--alone 40]

Audio seconds a second, and CPU seconds, from the first upload to the last transcript; the files of the other side lie
on its disk. Pairs in one run, in turns. Ours has two transcribers of one thread, the other two threads. `--windows`:
encoder windows of a third side, where the model allows shorter ones than 30 s. Then `--alone`: how long a clip takes
that comes when nothing else does, with batches and without. The model `scripted` is of tiny's true shape and says
twelve words whatever it hears (`benchmarks/scripted.py`).
"""

import argparse
import json
import random
import statistics
import tempfile
import threading
import time
import wave
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import one_at_a_time
from benchmarks.cuts import Spoken, meeting
from benchmarks.detectors import at_level
from benchmarks.ledger import Ledger, ledger
from benchmarks.percentiles import percentile
from benchmarks.scripted import scripted
from benchmarks.server import Server, since, started, total
from benchmarks.tenants import tenants
from core.settings import Settings
from scriptorium import Client
from worker.audio import SAMPLE_RATE
from worker.engines.protocols import Samples

LENGTHS = (2.0, 8.0)
OPTIONS: dict[str, Any] = {"language": "en", "word_timestamps": False, "context": "off", "cache": False}
"""Nothing that the other side does not do."""

SCRIPTED = "scripted"
"""The model that is made on the fly."""

_WORDS = 12
"""That it says: as many as a speaker in five seconds."""
_TENANTS = 10
_POLL = 0.02
_AROUND = 0.1
"""Seconds kept around the words."""
_NOISE = (25.0, 40.0)
"""Decibels below the clip, so that no two are alike."""


@dataclass(frozen=True)
class Clips:
    paths: tuple[Path, ...]
    seconds: float


@dataclass(frozen=True)
class Pass:
    """All clips once: seconds by the clock, and of CPU."""

    wall: float
    cpu: float


def make(folder: Path, count: int, seed: int = 1) -> Clips:
    """Runs of whole words of the bundled meeting, each with noise of its own, as WAV."""
    samples, words = meeting(Settings())
    chance, numbers = random.Random(seed), np.random.default_rng(seed)
    paths: list[Path] = []
    seconds = 0.0
    while len(paths) < count:
        start, end = _run(words, chance)
        if LENGTHS[0] <= end - start <= LENGTHS[1]:
            piece = samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
            noisy = piece + at_level(_noise(piece, numbers), _level(piece), chance.uniform(*_NOISE))
            paths.append(_written(folder / f"clip-{len(paths):04}.wav", noisy))
            seconds += len(piece) / SAMPLE_RATE
    return Clips(tuple(paths), seconds)


def _run(words: Sequence[Spoken], chance: random.Random) -> tuple[float, float]:
    """From one word of the meeting to another, in seconds."""
    first = chance.randrange(len(words))
    until = words[first].start + chance.uniform(*LENGTHS) - 2 * _AROUND
    last = max(first, max(number for number, word in enumerate(words) if word.start <= until) - 1)
    return words[first].start - _AROUND, words[last].end + _AROUND


def _level(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def _noise(like: Samples, numbers: np.random.Generator) -> Samples:
    return numbers.standard_normal(len(like)).astype(np.float32)


def _written(path: Path, samples: Samples) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@contextmanager
def serving(model: str, windows: Sequence[float] = (), batch: int = 0) -> Iterator[tuple[Server, Ledger]]:
    """Two transcribers of one thread. Without `windows` every clip costs a window of 30 s, as on the other side."""
    told = {
        "SCRIPTORIUM_THREADS": "1",
        "SCRIPTORIUM_WINDOWS": json.dumps(list(windows) or [30.0]),
        "SCRIPTORIUM_TRANSCRIBE_BATCH": str(batch),
    }
    with started("--transcribers", "2", model=model, **told) as server, ledger(server) as books:
        yield server, books


def together(server: Server, books: Ledger, clips: Clips) -> Pass:
    """All at once, each tenant's share over a connection of its own."""
    names = [f"tenant-{number}" for number in range(_TENANTS)]
    with tenants(server, books, names) as clients, ThreadPoolExecutor(_TENANTS) as pool:
        before, began = server.seconds(), time.monotonic()
        shares = [clips.paths[number::_TENANTS] for number in range(_TENANTS)]
        ids = [one for made in pool.map(_submitted, clients.values(), shares) for one in made]
        _wait(books, ids)
        return Pass(time.monotonic() - began, total(since(before, server.seconds())))


def _submitted(client: Client, paths: Sequence[Path]) -> list[str]:
    return [client.submit(path, **OPTIONS)["id"] for path in paths]


def _wait(books: Ledger, ids: Sequence[str]) -> None:
    while (ended := books.ended(ids)) is None:
        threading.Event().wait(_POLL)
    if set(ended) != {"completed"}:
        raise SystemExit(f"not every job was completed: {sorted(set(ended))}")


def alone(server: Server, books: Ledger, clips: Clips, count: int) -> list[float]:
    """Seconds from upload to transcript of clips that come one by one."""
    took = []
    with tenants(server, books, ["alone"]) as clients:
        for path in clips.paths[:count]:
            began = time.monotonic()
            _wait(books, _submitted(clients["alone"], [path]))
            took.append(time.monotonic() - began)
    return took


def pairs(model: str, clips: Clips, count: int, windows: Sequence[float]) -> Iterator[dict[str, Pass]]:
    """Each side once a round, in another order every time."""
    sides = ["one at a time", "30 s windows", *(["short windows"] if windows else [])]
    for turn in range(count):
        found: dict[str, Pass] = {}
        for side in sides[turn % len(sides) :] + sides[: turn % len(sides)]:
            if side == "one at a time":
                found[side] = Pass(*one_at_a_time.measured(model, clips.paths))
                continue
            with serving(model, windows if side == "short windows" else ()) as (server, books):
                together(server, books, Clips(clips.paths[:_TENANTS], 0.0))  # what is done once is no clip's cost
                found[side] = together(server, books, clips)
        yield {side: found[side] for side in sides}


def table(rounds: Sequence[Mapping[str, Pass]], seconds: float) -> str:
    lines = ["| | audio s a second | against one at a time | CPU s | against |", "|---|---|---|---|---|"]
    for side in rounds[0]:
        walls = [one["one at a time"].wall / one[side].wall for one in rounds]
        cpus = [one[side].cpu / one["one at a time"].cpu for one in rounds]
        speed = statistics.median(seconds / one[side].wall for one in rounds)
        cpu = statistics.median(one[side].cpu for one in rounds)
        lines.append(
            f"| {side} | {speed:.1f} | {statistics.median(walls):.2f} ({min(walls):.2f} to {max(walls):.2f}) "
            f"| {cpu:.1f} | {statistics.median(cpus):.2f} |"
        )
    return "\n".join(lines)


def lone_table(model: str, clips: Clips, count: int, turns: int) -> str:
    """Batches of the server's own choice, or of eight, beside none."""
    took: dict[int, list[float]] = {1: [], 0: [], 8: []}
    for _ in range(turns):
        for batch, found in took.items():
            with serving(model, batch=batch) as (server, books):
                alone(server, books, clips, 3)
                found += alone(server, books, clips, count // turns)
    lines = ["| batch | clips | p50, s | p95, s | p95 against none |", "|---|---|---|---|---|"]
    least = percentile(took[1], 0.95)
    for batch, found in took.items():
        p50, p95 = percentile(found, 0.5), percentile(found, 0.95)
        name = {0: "the server's choice", 1: "none"}.get(batch, f"{batch}")
        lines.append(f"| {name} | {len(found)} | {p50:.2f} | {p95:.2f} | {p95 / least:.2f} |")
    return "\n".join(lines)


@contextmanager
def _model(name: str) -> Iterator[str]:
    if name != SCRIPTED:
        yield name
        return
    with scripted(_WORDS) as folder:
        yield str(folder)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--model", default=SCRIPTED, help=f"a name, a folder or {SCRIPTED}")
    parser.add_argument("--windows", type=float, nargs="*", default=[])
    parser.add_argument("--alone", type=int, default=20)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, _model(given.model) as model:
        clips = make(Path(folder), given.clips)
        print(f"{given.clips} clips, {clips.seconds:.0f} s of audio, {_TENANTS} tenants, model {given.model}\n")
        print(table(list(pairs(model, clips, given.pairs, given.windows)), clips.seconds), flush=True)
        if given.alone:
            print("\nA clip that comes alone:\n")
            print(lone_table(model, clips, given.alone, min(2, given.alone)), flush=True)


if __name__ == "__main__":
    main()
