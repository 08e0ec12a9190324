"""An upload whose line breaks again and again, and whose server is killed: it arrives, bit by bit the same."""

import hashlib
import os
import random
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.acceptance.running import Up, serving
from tests.fakes.cut_lines import CutLines, Read

CUTS = 12
DRIP = 4096
"""Bytes between two looks at what is safe."""


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    with serving() as running:
        yield running


@dataclass
class Killed:
    """Sends on until some of what it sent is safe, and then kills the server, in the middle of whatever it does."""

    up: Up
    lines: CutLines
    where: str
    data: bytes
    safe: int = 0

    def send(self, offset: int) -> None:
        with suppress(OSError):  # it is gone
            while not self.lines.send(self.where, offset, len(self.data), self._read(offset), None):
                offset = self.lines.offset(self.where)

    def _read(self, offset: int) -> Read:
        def read(start: int, most: int) -> bytes:
            if not self.safe and (safe := self.lines.offset(self.where)) > offset:
                self.safe = safe
                master = psutil.Process(self.up.child("web"))
                for process in [master, *master.children(recursive=True)]:
                    os.kill(process.pid, signal.SIGKILL)
            return self.data[start : start + min(DRIP, most)]

        return read


def test_an_upload_that_is_cut_and_whose_server_is_killed_arrives_as_it_was(up: Up, long_recording: Path) -> None:
    data = long_recording.read_bytes()
    lines, draw, cuts = CutLines(up.url, up.data.key_file.read_text().strip()), random.Random(6), 0
    where = lines.begin(len(data))
    killed = Killed(up, lines, where, data)
    while (offset := lines.offset(where)) < len(data):
        if cuts == CUTS // 2 and not killed.safe:
            killed.send(offset)
            assert len(data) > lines.offset(where) >= killed.safe > offset
            continue
        cut_at = offset + draw.randrange((len(data) - offset) // (CUTS - cuts) + 1) if cuts < CUTS else None
        cuts += lines.send(where, offset, len(data), lambda o, n: data[o : o + n], cut_at, reset=draw.random() < 0.5)
    assert cuts > CUTS
    upload = lines.shown(where)
    assert upload["error"] is None
    recording = up.folder / "blobs" / "recordings" / upload["recording_id"] / "source"
    assert hashlib.sha256(recording.read_bytes()).hexdigest() == hashlib.sha256(data).hexdigest()
