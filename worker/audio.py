"""Streaming decode of anything ffmpeg reads to 16 kHz mono 16-bit PCM, in a child process that cannot harm us."""

import re
import selectors
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import IO, cast

from core.errors import InputError
from core.probe import FORMATS, MAX_ALLOC, PROTOCOLS, end, limited, own_environment, own_program, refusal
from core.settings import Settings

SAMPLE_RATE = 16_000
BYTES_PER_SECOND = 2 * SAMPLE_RATE
BLOCK = 64 * 1024
"""Bytes of one read: 2 s of sound."""

CHECKED = frozenset({"flac", "wavpack"})
"""Codecs whose every frame has a checksum that all encoders write rightly: not to decode damage as sound, unseen."""

MIX, ALL = "mix", "all"
"""What is decoded of several channels, where it is not one."""

_WRONG_SUM = "CRC error"
"""PyAV gives the frames beside a damaged one, and leaves the error to the log."""

_POLL = 0.5
_LOG_KEPT = 4096
_ASYNC = "aresample=async=1:first_pts=0"
"""Gaps between time stamps, and a late start, become silence: time stays an offset into the PCM. ffmpeg has the whole
gap in memory, so the sound is made small before."""
ASKED = 2
"""Raised whenever a decoder is asked otherwise, since its samples may be others then: part of a generation."""

_SKIPPED = "Failed to compensate for timestamp delta"
"""What ffmpeg says of a gap that no allocation may hold (over two hours). It leaves it out: what follows is early."""


class DecodeFailed(InputError):
    """The decoder gave up. `decoded` in `details`: seconds of sound it gave before."""


class GapTooLong(DecodeFailed):
    """The decoder left out a gap between time stamps that our own fills."""


@dataclass(frozen=True)
class Decoder:
    """`path` None is our own program. Two decoders may differ by a sample, so `name` is part of a generation."""

    name: str
    path: str | None

    def command(
        self, path: Path, seconds: float, *, tolerant: bool, heard: str = MIX, checked: bool = False
    ) -> list[str]:
        """`heard`: MIX; ALL channels, side by side; or the number of one. `checked`: see `CHECKED`."""
        if self.path is None:
            mode = "tolerant" if tolerant else "checked" if checked else "strict"
            return own_program("decode", str(path), f"{seconds:.3f}", mode, heard)
        return _ffmpeg(self.path, path, seconds, tolerant, heard, checked)


@cache
def decoder() -> Decoder:
    """The PATH's ffmpeg (27 to 40 % less CPU than PyAV), otherwise PyAV."""
    found = shutil.which("ffmpeg")
    if found is None:
        return own_decoder()
    banner = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=30, check=False).stdout
    number = re.match(r"ffmpeg version n?([0-9]+(?:\.[0-9]+)*)", banner)
    return Decoder(f"ffmpeg-{number[1] if number else 'x'}", found)


def own_decoder() -> Decoder:
    return Decoder(f"av-{version('av')}", None)


def decode(
    path: Path,
    settings: Settings,
    *,
    tolerant: bool,
    check: Callable[[], None],
    seconds: float | None = None,
    using: Decoder | None = None,
    heard: str = MIX,
    checked: bool = False,
) -> Iterator[bytes]:
    """Blocks of s16le PCM, at most `seconds` of it (the duration limit and one second more where None). `heard`: as in
    `Decoder.command`; of ALL channels a block may end inside a sample.

    `check` is called at least every second, and what it raises ends the child. Raises DecodeFailed when the decoder
    ends with an error (strict: at the first one), GapTooLong where time is no offset any more, InputError
    decode_timeout when it hangs or takes too long.
    """
    limit = settings.max_duration + 1 if seconds is None else seconds
    chosen = using or decoder()
    command = chosen.command(path, limit, tolerant=tolerant, heard=heard, checked=checked)
    process = subprocess.Popen(
        limited(command, settings.decode_timeout),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, env=own_environment(),
    )  # fmt: skip
    try:
        yield from _watched(process, settings, check)
    finally:
        end(process)


def _ffmpeg(program: str, path: Path, seconds: float, tolerant: bool, heard: str, checked: bool) -> list[str]:
    one = () if heard in (MIX, ALL) else (f"pan=mono|c0=c{int(heard)}",)
    small = f"aresample={SAMPLE_RATE}", "aformat=sample_fmts=s16" + ("" if heard == ALL else ":channel_layouts=mono")
    return [
        program, "-nostdin", "-hide_banner", "-v", "error", *(() if tolerant else ("-xerror",)),
        *(("-err_detect", "crccheck+explode") if checked and not tolerant else ()),
        "-max_alloc", str(MAX_ALLOC), "-protocol_whitelist", PROTOCOLS, "-format_whitelist", FORMATS,
        "-threads", "1", "-vn", "-sn", "-dn", "-i", f"file:{path}", "-map", "0:a:0", "-map_metadata", "-1",
        "-t", f"{seconds:.3f}", "-af", ",".join((*one, *small, _ASYNC)),
        "-f", "s16le", "pipe:1",
    ]  # fmt: skip


def _watched(process: "subprocess.Popen[bytes]", settings: Settings, check: Callable[[], None]) -> Iterator[bytes]:
    """What the child writes, while a wall clock and a progress watchdog run."""
    out, errors = cast("IO[bytes]", process.stdout), cast("IO[bytes]", process.stderr)
    log, total, deadline = b"", 0, time.monotonic() + settings.decode_timeout
    with selectors.DefaultSelector() as pipes:
        for pipe in (out, errors):
            pipes.register(pipe, selectors.EVENT_READ)
        waited_since = time.monotonic()
        while pipes.get_map():
            check()
            for key, _ in pipes.select(_POLL):
                data = _read(key.fileobj)  # type: ignore[arg-type]
                if not data:
                    pipes.unregister(key.fileobj)
                elif key.fileobj is errors:
                    log = (log + data)[-_LOG_KEPT:]
                else:
                    total += len(data)
                    yield data
                    waited_since = time.monotonic()  # the consumer's own time is no stall
            _in_time(time.monotonic(), deadline, waited_since + settings.decode_stall)
    _ended(process, log.decode(errors="replace"), total)


def _read(pipe: IO[bytes]) -> bytes:
    return pipe.read1(BLOCK)  # type: ignore[attr-defined, no-any-return]


def _in_time(now: float, deadline: float, stalled: float) -> None:
    if now > deadline or now > stalled:
        what = "took longer than this server allows" if now > deadline else "made no progress"
        raise InputError(f"decoding the file {what}; convert it to WAV, FLAC or MP3", code="decode_timeout")


def _ended(process: "subprocess.Popen[bytes]", log: str, total: int) -> None:
    failed = process.wait() != 0 or _WRONG_SUM in log
    if failed or _SKIPPED in log:
        reason, kind = refusal(log), GapTooLong if _SKIPPED in log else DecodeFailed
        raise kind(reason.message, code=reason.code, decoded=total / BYTES_PER_SECOND, log=log)
