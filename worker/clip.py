"""The child process that renders a clip of a recording as WAV, with pydub, to standard output.

    python -m worker.clip BLOBS RECORDING START END GENERATION

Seconds; GENERATION names the PCM that a job made of the whole recording, `-` where none has: then the recording itself
is decoded, up to the clip's end, and only the clip is kept.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from pydub import AudioSegment

from core.blobs import LocalBlobs
from core.clip import REFUSED, TIMEOUT, Span
from core.errors import BlobMissing, InputError
from core.settings import Settings
from worker.audio import SAMPLE_RATE, DecodeFailed, decode
from worker.parts import Parts, pcm_key, source_key


def main(arguments: list[str]) -> int:
    if len(arguments) != 5:
        print(__doc__, file=sys.stderr)
        return 2
    blobs, recording, start, end, generation = arguments
    try:
        pcm = heard(LocalBlobs(Path(blobs)), UUID(recording), Span(float(start), float(end)), generation)
    except InputError as error:
        print(json.dumps({"code": error.code, "message": error.message}), file=sys.stderr)
        return REFUSED
    write(pcm, sys.stdout.buffer)
    return 0


def heard(blobs: LocalBlobs, recording: UUID, span: Span, generation: str) -> bytes:
    """s16le PCM, 16 kHz mono. Raises InputError where the recording has no such sound, or cannot be decoded."""
    first, stop = (round(seconds * SAMPLE_RATE) * 2 for seconds in (span.start, span.end))
    try:
        pcm = b"" if generation == "-" else _of_parts(blobs, recording, generation, first, stop)
    except BlobMissing:  # the end of the last part, or the parts were removed by hand
        pcm = b""
    if not pcm:
        with blobs.path(source_key(recording)) as path:
            pcm = b"".join(_between(_decoded(path, span.end), first, stop))
    if not pcm:
        raise InputError("the recording ends before this clip begins", code="clip_beyond_end")
    return pcm


def _of_parts(blobs: LocalBlobs, recording: UUID, generation: str, first: int, stop: int) -> bytes:
    ranges = Parts.ranges(first, stop)
    return b"".join(blobs.read_range(pcm_key(recording, generation, part), at, count) for part, at, count in ranges)


def _decoded(path: Path, seconds: float) -> Iterator[bytes]:
    """What comes before the decoder gives up: who hears a clip of a damaged recording hears what there is."""
    settings = Settings(decode_timeout=TIMEOUT, decode_stall=TIMEOUT)
    until = time.monotonic() + TIMEOUT

    def check() -> None:
        if time.monotonic() > until:
            raise InputError("the clip could not be rendered in time", code="decode_timeout")

    try:
        yield from decode(path, settings, tolerant=True, check=check, seconds=seconds)
    except DecodeFailed as error:
        if error.details["decoded"] == 0:
            raise


def _between(blocks: Iterator[bytes], first: int, stop: int) -> Iterator[bytes]:
    at = 0
    for block in blocks:
        yield block[max(0, first - at) : max(0, stop - at)]
        at += len(block)


def write(pcm: bytes, out: BinaryIO) -> None:
    whole = len(pcm) // 2 * 2
    AudioSegment(pcm[:whole], sample_width=2, frame_rate=SAMPLE_RATE, channels=1).export(out, format="wav")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
