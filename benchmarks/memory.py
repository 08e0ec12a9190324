"""Does any process grow with the length of a recording?

    python -m benchmarks.memory [--hours 1 10] [--decoded]

A new server for each length, one job of plain WAV in it, and the most that each process ever had in memory at once
(VmHWM, looked at five times a second). The recognizer answers at once, with as many words as a speaker says, so that
the transcript has its true size; `--decoded` takes the scripted Whisper instead, with three words a window, for what
transcribers keep. The direct call ends at its first segment: by then it holds the whole recording.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import direct, null, product, speech
from benchmarks.pairs import table
from benchmarks.product import transcribed
from benchmarks.scripted import scripted
from benchmarks.server import started

MB = 10**6
_DIRECT_MINUTES = (30, 60)
_WORDS = 3

Peaks = dict[tuple[str, str], int]
"""(process, its program) -> bytes."""


@dataclass(frozen=True)
class Growth:
    """`peaks` in bytes, one a length; `slope` in bytes an hour of recording, from the first length to the last."""

    name: str
    peaks: list[int]
    slope: float


def of_product(model: str, hours: float) -> Peaks:
    """Peaks of a new server that does one job of that length."""
    with TemporaryDirectory(prefix="speech-") as sounds, started(model=model, **null.ENVIRONMENT) as server:
        path = speech.write(Path(sounds) / "long.wav", hours * 3600)
        with server.watched() as peaks:
            job = transcribed(server, path, product.FULL)
    print(f"{hours:g} h: {job.windows} windows in {job.wall:.0f} s, {job.cpu:.0f} CPU s", file=sys.stderr)
    return peaks


def growths(found: list[Peaks], hours: list[float]) -> list[Growth]:
    """Of the processes that were seen at every length: the same work is sometimes done by the other of two workers, so
    `light1` and `light2` are one, as are the transcribers."""
    together = [_together(peaks) for peaks in found]
    names = sorted(set.intersection(*(set(peaks) for peaks in together)))
    return [_growth(name, [peaks[name] for peaks in together], hours) for name in names]


def _together(peaks: Peaks) -> dict[str, int]:
    largest: dict[str, int] = {}
    for (name, program), size in peaks.items():
        shown = name.rstrip("0123456789")
        shown = shown if program.startswith(("python", "redis", "postgres")) else f"{shown}: {program}"
        largest[shown] = max(largest.get(shown, 0), size)
    return largest


def _growth(name: str, peaks: list[int], hours: list[float]) -> Growth:
    length = hours[-1] - hours[0]
    return Growth(name, peaks, (peaks[-1] - peaks[0]) / length if length else 0.0)


def of_direct(folder: Path) -> Growth:
    hours = [minutes / 60 for minutes in _DIRECT_MINUTES]
    with TemporaryDirectory(prefix="speech-") as sounds:
        path = Path(sounds) / "long.wav"
        peaks = [direct.measured(folder, speech.write(path, length * 3600), only_first=True).peak for length in hours]
    return _growth("direct call", peaks, hours)


def _rows(found: list[Growth], lengths: list[str]) -> list[list[str]]:
    head = ["MB", *lengths, "a further hour"]
    return [head, *([one.name, *(f"{peak / MB:.0f}" for peak in one.peaks), f"{one.slope / MB:.1f}"] for one in found)]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, nargs="+", default=[0.25, 1])
    parser.add_argument("--decoded", action="store_true", help="by the scripted Whisper")
    chosen = parser.parse_args(argv)
    with scripted(_WORDS) as folder:
        model = str(folder) if chosen.decoded else null.sleeping_model(0)
        found = growths([of_product(model, hours) for hours in chosen.hours], chosen.hours)
        print(f"\n{table(_rows(found, [f'{hours:g} h' for hours in chosen.hours]))}", flush=True)
        print(f"\n{table(_rows([of_direct(folder)], [f'{minutes} min' for minutes in _DIRECT_MINUTES]))}")


if __name__ == "__main__":
    main()
