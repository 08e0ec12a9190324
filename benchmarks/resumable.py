"""Does the web server grow with an upload whose line breaks again and again, and does it arrive as it was?

    python -m benchmarks.resumable [--gigabytes 5] [--cuts 100] [--seed 1]

The bytes are made as they are sent, so that the disk holds them once. First an upload of a hundredth of the size, cut
as often: what the server takes for anything at all. Then the whole one; the growth is between the two peaks (VmHWM).
Each request announces all that is missing, and is cut at a byte that the seed draws, half of them with a reset.
"""

import argparse
import hashlib
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.pairs import table
from benchmarks.processes import children_of, peak_bytes, processes
from benchmarks.server import Server, started
from tests.fakes.cut_lines import CutLines

MB = 10**6
_BLOCK = 2**20
_HEADER = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x02\0\x80\xbb\0\0\0\xee\x02\0\x04\0\x10\0data\xff\xff\xff\xff"
"""48 kHz, 16 bits, stereo, of unknown length: 5 GB are seven hours."""


@dataclass(frozen=True)
class Sound:
    """Noise, of which each MiB is another."""

    size: int
    noise: bytes

    def read(self, start: int, most: int) -> bytes:
        number, within = divmod(start, _BLOCK)
        block = self._block(number)
        return block[within : within + min(most, self.size - start)]

    def _block(self, number: int) -> bytes:
        turned = number * 4099 % _BLOCK
        block = self.noise[turned:] + number.to_bytes(8, "big") + self.noise[:turned]
        return (_HEADER + block if number == 0 else block)[:_BLOCK]

    def sha256(self) -> str:
        hashed = hashlib.sha256()
        for start in range(0, self.size, _BLOCK):
            hashed.update(self.read(start, _BLOCK))
        return hashed.hexdigest()


@dataclass(frozen=True)
class Sent:
    """`last`: seconds from the last request's first byte to its answer."""

    seconds: float
    last: float
    requests: int
    recording_id: str


def send(lines: CutLines, sound: Sound, cuts: int, draw: random.Random) -> Sent:
    began, requests, where = time.monotonic(), 0, lines.begin(sound.size)
    at = sorted(draw.sample(range(1, sound.size), cuts))
    while (offset := lines.offset(where)) < sound.size:
        asked = time.monotonic()
        while at and at[0] <= offset:
            at.pop(0)
        if lines.send(where, offset, sound.size, sound.read, at[0] if at else None, reset=draw.random() < 0.5):
            requests += 1
            del at[:1]  # also where a reset lost what the server had not read: what it kept is sent on from there
    shown = lines.shown(where)
    assert shown["recording_id"], shown
    return Sent(time.monotonic() - began, time.monotonic() - asked, requests, shown["recording_id"])


def arrived(server: Server, sent: Sent) -> str:
    """The hash of what lies in storage."""
    path = Path(server.running.folder) / "blobs" / "recordings" / sent.recording_id / "source"
    with path.open("rb") as stored:
        return hashlib.file_digest(stored, "sha256").hexdigest()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=5)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(argv)
    noise = np.random.default_rng(chosen.seed).bytes(_BLOCK)
    rows = [["", "MB", "requests", "seconds", "the last request", "web, MB at most", "sha256"]]
    with started(SCRIPTORIUM_MAX_UPLOAD_BYTES=str(10**12)) as server:
        (web,) = children_of(server.running.child("web"), processes())
        lines = CutLines(server.running.url, server.running.data.key_file.read_text().strip())
        for name, share in (("small", 0.01), ("whole", 1.0)):
            sound = Sound(int(chosen.gigabytes * 1e9 * share), noise)
            sent = send(lines, sound, chosen.cuts, random.Random(chosen.seed))
            same = arrived(server, sent) == sound.sha256()
            row = [f"{sound.size / MB:.0f}", str(sent.requests), f"{sent.seconds:.0f}", f"{sent.last:.1f}"]
            rows.append([name, *row, f"{peak_bytes(web) / MB:.1f}", "the same" if same else "ANOTHER"])
            print(*rows[-1], file=sys.stderr)
    print(table(rows))


if __name__ == "__main__":
    main()
