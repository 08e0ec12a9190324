"""What does the whole product cost beside faster-whisper's batched pipeline, called directly?

    python -m benchmarks.throughput [--minutes 10] [--pairs 5] [--full] [--batch N]

Both transcribe the same recordings with the same scripted model (`benchmarks.scripted`), beam and detector. Ours is
measured over all processes of `scriptorium up`, Postgres and Redis too, from the upload's first byte to the transcript;
theirs from the call to its last segment. Models are loaded before. Each pair has a recording of its own. `--full` adds
the same with word times, the second pass and the chunk cache on.
"""

import argparse
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import direct, product, speech
from benchmarks.direct import Call
from benchmarks.pairs import Pairs, alternating, middle, table
from benchmarks.product import Job, transcribed
from benchmarks.scripted import scripted
from benchmarks.server import Server, since, started, total

_IDLE = 10.0
"""Seconds over which the server is watched while it has nothing to do."""

Found = Pairs[Job, Call]


def measured(
    server: Server, folder: Path, minutes: float, pairs: int, options: dict[str, Any], words: bool, warm: int = 1
) -> Found:
    """`warm` jobs come first and do not count: a new server's first one imports and compiles."""
    with TemporaryDirectory(prefix="speech-") as sounds:

        def recording(turn: int) -> Path:
            path = Path(sounds) / f"{turn}.wav"
            return path if path.exists() else speech.write(path, minutes * 60, turn)

        for turn in range(warm):
            transcribed(server, speech.write(Path(sounds) / "warm.wav", 120, pairs + turn), options)
        return alternating(
            pairs,
            lambda turn: transcribed(server, recording(turn), options),
            lambda turn: direct.measured(folder, recording(turn), words=words),
            say=lambda line: print(line, file=sys.stderr),
        )


def compared(found: Found) -> list[list[str]]:
    ours, theirs = found.ours, found.theirs
    return [
        ["", "product", "direct call", "ratio, median (range)"],
        [
            "CPU seconds a window",
            middle(one.cpu / one.windows for one in ours),
            middle(one.cpu / one.windows for one in theirs),
            found.ratio(lambda one: one.cpu / one.windows, lambda one: one.cpu / one.windows),
        ],
        [
            "windows",
            middle((one.windows for one in ours), ".0f"),
            middle((one.windows for one in theirs), ".0f"),
            found.ratio(lambda one: one.windows, lambda one: one.windows),
        ],
        [
            "CPU seconds in all",
            middle((one.cpu for one in ours), ".1f"),
            middle((one.cpu for one in theirs), ".1f"),
            found.ratio(lambda one: one.cpu, lambda one: one.cpu),
        ],
        [
            "wall seconds",
            middle((one.wall for one in ours), ".1f"),
            middle((one.wall for one in theirs), ".1f"),
            found.ratio(lambda one: one.wall, lambda one: one.wall),
        ],
    ]


def by_process(jobs: list[Job], idle: dict[str, float]) -> list[list[str]]:
    """Where our CPU seconds go, and what each process takes with nothing to do."""
    spent = {name: median(one.spent.get(name, 0.0) for one in jobs) for name in jobs[0].spent}
    return [
        ["process", "CPU seconds", "idle, ms a second"],
        *([name, f"{spent[name]:.2f}", f"{1000 * idle.get(name, 0.0):.0f}"] for name in sorted(spent)),
        ["all", f"{total(spent):.2f}", f"{1000 * total(idle):.0f}"],
    ]


def idling(server: Server) -> dict[str, float]:
    """CPU seconds a second of each process."""
    before = server.seconds()
    time.sleep(_IDLE)
    return {name: spent / _IDLE for name, spent in since(before, server.seconds()).items()}


def _reported(title: str, found: Found, idle: dict[str, float]) -> None:
    print(f"\n{title}\n\n{table(compared(found))}\n\n{table(by_process(list(found.ours), idle))}", flush=True)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--full", action="store_true", help="also with everything on")
    parser.add_argument("--batch", type=int, default=0, help="chunks a transcriber takes at once; 0 is its own choice")
    chosen = parser.parse_args(argv)
    told = {"SCRIPTORIUM_TRANSCRIBE_BATCH": str(chosen.batch)}
    with scripted() as folder, started(model=str(folder), **told) as server:
        found = measured(server, folder, chosen.minutes, chosen.pairs, product.PLAIN, words=False)
        _reported(f"{chosen.minutes:g} minutes, {chosen.pairs} pairs", found, idling(server))
        if chosen.full:
            found = measured(server, folder, chosen.minutes, chosen.pairs, product.FULL, words=True)
            _reported("The same with everything on; the direct call with word times", found, idling(server))


if __name__ == "__main__":
    main()
