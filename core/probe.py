"""What a file is, asked of a bounded child process: web learns it without loading a codec, and a codec that
crashes, hangs or swells takes only its child along."""

import json
import math
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

from core.errors import InputError

FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dts,dsf,eac3,flac,flv,gsm,gxf,loas,matroska,webm,matroska,webm,"
    "mov,mp4,m4a,3gp,3g2,mj2,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpc,mpc8,mpeg,mpegts,mxf,ogg,oma,rm,shn,sox,tak,tta,voc,"
    "vqf,w64,wav,wv,xwma"
)
"""Containers of sound only: no playlist, no manifest, no picture list, nothing that names another file."""

PROTOCOLS = "file,pipe"
MAX_ALLOC = 256 * 2**20
"""Largest single allocation of ffmpeg, bytes: over ten times what a 12-hour file's index takes."""

MEMORY = 4 * 2**30
"""Address space of a decoding child, bytes: generous, since mapped libraries and thread stacks count."""

MIN_PROBE_SCORE = 12
"""ffmpeg's certainty, 0 to 100. Random bytes reach 1 as MP3; the least of a real file is AVPROBE_SCORE_EXTENSION/4."""

_UNKNOWN_SIZE = 0x7FFFFF00
"""A WAV written to a pipe claims this much or more: its writer never knew its size."""

_ESTIMATED = "Estimating duration from bitrate"
_GUARD = 'ulimit -t "$1" 2>/dev/null; ulimit -v "$2" 2>/dev/null; ulimit -c 0; shift 2; exec "$@"'
_OUTPUT_LIMIT = 64 * 1024
_LOG_KEPT = 4096
_LONGEST_CLAIM = 1e9
"""Seconds, three decades: a file that claims more says nothing about its length."""


@dataclass(frozen=True)
class Probe:
    """What the container claims of its first audio stream. `duration` in seconds, None where it says nothing;
    `estimated` where it was guessed from the bit rate and proves nothing; `open_ended` where its writer did not know
    how long it would be, so that it may end in the middle of a packet."""

    duration: float | None
    channels: int
    codec: str
    sample_rate: int
    format: str
    has_audio: bool
    estimated: bool = False
    open_ended: bool = False


def limited(command: Sequence[str], cpu_seconds: float) -> list[str]:
    """The command under rlimits on CPU time and address space. A shell sets them, since Python's `preexec_fn`
    may deadlock in a process with threads; a system that lacks a limit runs without it."""
    limits = [str(int(cpu_seconds) + 1), str(MEMORY // 1024)]
    return ["/bin/sh", "-c", _GUARD, "limited", *limits, *command]


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends the child and all it started, and waits for nothing that it was still to say; it must have been started in
    its own session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()  # the group is gone already (macOS says so with EPERM)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def own_program(*arguments: str) -> list[str]:
    """`python -m worker.media …`: FFmpeg's libraries out of a wheel, where no ffmpeg is installed."""
    return [sys.executable, "-m", "worker.media", *arguments]


def own_environment() -> dict[str, str]:
    """Lets the child import this project from any working folder."""
    root = str(Path(__file__).resolve().parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}


def probe(path: Path, timeout: float = 30.0, *, ffprobe: str | None = "") -> Probe:
    """`ffprobe` is a program, None for our own; "" looks on the PATH.

    Raises InputError: invalid_media, truncated_media (an MP4 without its index), decode_timeout.
    """
    program = shutil.which("ffprobe") if ffprobe == "" else ffprobe
    answer, log = _asked(program, path, timeout)
    found = _read(answer, log)
    claimed = _riff_share(path) if found.format == "wav" else None
    if claimed == math.inf:
        return replace(found, open_ended=True)
    if claimed is None or found.duration is None:
        return found
    return replace(found, duration=found.duration * claimed, estimated=False)


def audible(path: Path, timeout: float = 30.0, *, ffprobe: str | None = "") -> Probe:
    """As `probe`, of a file that is to be heard. Raises InputError also for empty_file and no_audio_stream."""
    if path.stat().st_size == 0:
        raise InputError("the file is empty; upload the recording again", code="empty_file")
    found = probe(path, timeout, ffprobe=ffprobe)
    if not found.has_audio:
        raise InputError("the file holds no audio stream", code="no_audio_stream")
    return found


def refusal(log: str) -> InputError:
    """What ffmpeg's words, when it could not open a file, mean for the caller."""
    if "moov atom not found" in log or "End of file" in log:
        return InputError(
            "the file ends before the part that says where its audio is; upload it again in full",
            code="truncated_media",
        )
    return InputError("the file is not audio or video in a format this server reads", code="invalid_media")


def _asked(program: str | None, path: Path, timeout: float) -> tuple[dict[str, Any], str]:
    """The answer and the log. A file whose tag makes the answer too long is asked without its tags."""
    own = own_program("probe", str(path))
    for tags in (True, False):
        command = _ffprobe(program, path, tags) if program else own
        code, out, log = _answer(limited(command, timeout), timeout)
        if len(out) <= _OUTPUT_LIMIT:
            break
    if code != 0 or len(out) > _OUTPUT_LIMIT:
        raise refusal(log)
    found: dict[str, Any] = json.loads(out.decode(errors="replace"))
    return found, log


def _ffprobe(program: str, path: Path, tags: bool) -> list[str]:
    stream = "stream=codec_name,channels,sample_rate,start_time,duration" + (":stream_tags=DURATION" if tags else "")
    entries = f"{stream}:format=format_name,start_time,duration,probe_score"
    return [
        program, "-v", "warning", "-protocol_whitelist", PROTOCOLS, "-format_whitelist", FORMATS,
        "-max_alloc", str(MAX_ALLOC), "-select_streams", "a:0", "-show_entries", entries, "-of", "json", f"file:{path}",
    ]  # fmt: skip


def _answer(command: Sequence[str], timeout: float) -> tuple[int, bytes, str]:
    """Exit status, output, and the end of the log. Of an output that is too long, the beginning: whatever a file makes
    the child say, it costs us no memory."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, env=own_environment(),
    )  # fmt: skip
    try:
        out, log = _heard(process, time.monotonic() + timeout)
        return (process.wait() if len(out) <= _OUTPUT_LIMIT else 0), out, log.decode(errors="replace")
    finally:
        end(process)


def _heard(process: "subprocess.Popen[bytes]", deadline: float) -> tuple[bytes, bytes]:
    """Raises InputError decode_timeout."""
    said = {process.stdout: b"", process.stderr: b""}
    with selectors.DefaultSelector() as pipes:
        for pipe in said:
            pipes.register(cast("IO[bytes]", pipe), selectors.EVENT_READ)
        while pipes.get_map() and len(said[process.stdout]) <= _OUTPUT_LIMIT:
            ready = pipes.select(deadline - time.monotonic())
            if not ready or time.monotonic() > deadline:
                raise InputError("the file could not be read in time", code="decode_timeout")
            for key, _ in ready:
                data = os.read(key.fd, _OUTPUT_LIMIT)
                if not data:
                    pipes.unregister(key.fileobj)
                said[key.fileobj] += data  # type: ignore[index]
            said[process.stderr] = said[process.stderr][-_LOG_KEPT:]
    return said[process.stdout], said[process.stderr]


def _read(answer: dict[str, Any], log: str) -> Probe:
    container = answer.get("format", {})
    if int(container.get("probe_score", 100)) < MIN_PROBE_SCORE:
        raise refusal("")
    streams = answer.get("streams", [])
    stream = streams[0] if streams else {}
    return Probe(
        duration=_claimed(stream, container),
        channels=int(stream.get("channels", 0)),
        codec=str(stream.get("codec_name", "")),
        sample_rate=int(stream.get("sample_rate", 0)),
        format=str(container.get("format_name", "")),
        has_audio=bool(streams),
        estimated=_ESTIMATED in log,
    )


def _claimed(stream: dict[str, Any], container: dict[str, Any]) -> float | None:
    """When the audio ends, counted from the container's start: it may begin later than the picture."""
    length = _seconds(stream.get("duration"))
    if length is not None:
        late = (_seconds(stream.get("start_time")) or 0.0) - (_seconds(container.get("start_time")) or 0.0)
        return length + max(0.0, late)
    return _seconds(stream.get("tags", {}).get("DURATION")) or _seconds(container.get("duration"))


def _riff_share(path: Path) -> float | None:
    """How many times longer than the file its RIFF header claims it to be; None where it is whole, infinite where its
    writer never knew. FFmpeg trims a WAV's duration to the bytes that are there, so only the header tells that some are
    missing."""
    with path.open("rb") as file:
        start = file.read(8)
    there, claimed = path.stat().st_size, int.from_bytes(start[4:], "little") + 8
    missing = start[:4] == b"RIFF" and there < claimed
    return (claimed / there if claimed < _UNKNOWN_SIZE else math.inf) if missing else None


def _seconds(claimed: object) -> float | None:
    """Of `12.5` or Matroska's `00:00:12.5`."""
    try:
        total = 0.0
        for part in str(claimed).split(":"):
            total = total * 60 + float(part)
    except ValueError:
        return None
    return total if 0 < total <= _LONGEST_CLAIM else None
