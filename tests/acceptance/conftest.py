"""One running server for the tests that only use it; folders for those that start their own."""

import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from core.settings import Settings
from scriptorium import Client, embedded
from tests.acceptance.running import ROOT, Up, serving
from worker.audio import decode

MEETING = ROOT / "samples" / "meeting" / "meeting.flac"


@pytest.fixture(scope="session")
def server() -> Iterator[Up]:
    """It may send webhooks to this machine."""
    with serving(SCRIPTORIUM_OUTGOING_ALLOW="127.0.0.1") as running:
        yield running


@pytest.fixture
def client(server: Up) -> Iterator[Client]:
    with server.client() as made:
        yield made


@pytest.fixture
def begin() -> Iterator[Callable[..., Up]]:
    """Starts `up` in a folder of its own, with environment variables. What a failed test leaves running is ended."""
    with ExitStack() as stack:

        def launch(*arguments: str, **extra: str) -> Up:
            running = Up(stack.enter_context(embedded.temporary()), arguments, extra)
            stack.callback(_end, running)
            return running.launch()

        yield launch


def _end(running: Up) -> None:
    if running.process.poll() is None:
        running.stop()


@pytest.fixture(scope="session")
def long_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The meeting eight times: about 13 minutes, long enough to be in the middle of. A last digit differs here and
    there, or the later rounds would be known from the first."""
    pcm = np.frombuffer(b"".join(decode(MEETING, Settings(), tolerant=False, check=lambda: None)), "<i2")
    digits = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("recordings") / "long.wav"
    with wave.open(str(path), "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(16000)
        for _ in range(8):
            written.writeframes((pcm // 2 * 2 + digits.integers(0, 2, len(pcm))).astype("<i2").tobytes())
    return path
