"""Bait on this machine: an address that counts who connects to it, and a file that others can read."""

import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.hostile import material
from tests.hostile.binary import chunk, fmt, riff
from tests.hostile.cases import Bait


@dataclass
class Canary:
    """`callers`: the first bytes of each who came."""

    bait: Bait
    callers: list[bytes] = field(default_factory=list)


@contextmanager
def watched(folder: Path) -> Iterator[Canary]:
    """The file is a WAV whose title is the text: it would be heard, and the text read, if it were followed."""
    text = f"bait-{uuid.uuid4().hex}"
    path = folder / "bait.wav"
    title = chunk(b"LIST", b"INFO" + chunk(b"INAM", text.encode()))
    path.write_bytes(riff(fmt(), title, chunk(b"data", material.pcm())))
    path.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        canary = Canary(Bait(f"http://127.0.0.1:{port}", str(path), text))
        threading.Thread(target=_listen, args=(listener, canary.callers), daemon=True).start()
        yield canary


def _listen(listener: socket.socket, callers: list[bytes]) -> None:
    while True:
        try:
            caller, _ = listener.accept()
        except OSError:  # closed
            return
        with caller:
            caller.settimeout(2)
            try:
                callers.append(caller.recv(200))
            except OSError:
                callers.append(b"")
