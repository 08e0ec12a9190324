"""How much memory the server's processes take, looked at while they work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

_EVERY = 0.1
"""Seconds between two looks."""


@dataclass
class Peaks:
    """The most that one process had, in MiB: of those that stay, and of decoders, which come and go."""

    workers: float = 0.0
    decoders: float = 0.0


@contextmanager
def measured(up: int) -> Iterator[Peaks]:
    """Of all that the process `up` started."""
    peaks, done = Peaks(), threading.Event()
    steady = {child.pid for child in psutil.Process(up).children(recursive=True)}
    looking = threading.Thread(target=_look, args=(up, steady, peaks, done), daemon=True)
    looking.start()
    try:
        yield peaks
    finally:
        done.set()
        looking.join()


def _look(up: int, steady: set[int], peaks: Peaks, done: threading.Event) -> None:
    while not done.wait(_EVERY):
        for child in psutil.Process(up).children(recursive=True):
            try:
                held = child.memory_info().rss / 2**20
                decoder = child.pid not in steady and _decodes(child.cmdline())
            except psutil.NoSuchProcess:
                continue
            if decoder:
                peaks.decoders = max(peaks.decoders, held)
            elif child.pid in steady:
                peaks.workers = max(peaks.workers, held)


def _decodes(command: list[str]) -> bool:
    said = " ".join(command[:3])
    return "ffmpeg" in said or "ffprobe" in said or "worker.media" in said
