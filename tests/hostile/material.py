"""Whole recordings of a few seconds, in many containers: what the damage is done to. The same bytes each time."""

import io
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from tests.acceptance.running import ROOT

RATE = 16_000
SECONDS = 3.0
"""Of speech: enough for a chunk with words."""

_FROM = 1.5
"""Where a sentence of the meeting begins, in seconds."""

CODECS = {
    "wav": ("wav", "pcm_s16le"),
    "flac": ("flac", "flac"),
    "mp3": ("mp3", "libmp3lame"),
    "m4a": ("mp4", "aac"),
    "aac": ("adts", "aac"),
    "ogg": ("ogg", "flac"),
    "opus": ("ogg", "libopus"),
    "webm": ("webm", "libopus"),
    "mkv": ("matroska", "flac"),
    "wv": ("wv", "wavpack"),
    "aiff": ("aiff", "pcm_s16be"),
    "wma": ("asf", "wmav2"),
}
"""File suffix -> container, codec."""

SUFFIXES = tuple(CODECS)
KNOWS_ITS_LENGTH = frozenset({"wav", "flac", "webm", "mkv", "wv", "aiff"})
"""A file cut in half then says less than it claims. An ADTS, Ogg or MP3 stream may end anywhere."""

Samples = NDArray[np.int16]


@cache
def speech() -> Samples:
    """16 kHz mono. The file is ours, so it may be decoded here."""
    with av.open(str(ROOT / "samples" / "meeting" / "meeting.flac")) as container:
        heard: list[Samples] = []
        for frame in container.decode(audio=0):
            heard.append(frame.to_ndarray().reshape(-1))
            if sum(map(len, heard)) > (_FROM + SECONDS) * RATE:
                break
    return np.concatenate(heard)[int(_FROM * RATE) : int((_FROM + SECONDS) * RATE)].astype(np.int16)


def pcm() -> bytes:
    return speech().astype("<i2").tobytes()


@cache
def whole(suffix: str) -> bytes:
    return encoded(*CODECS[suffix], speech())


@cache
def silence(container: str, codec: str, seconds: int, rate: int, channels: int) -> bytes:
    """Zeros, encoded: hours of them in a few kilobytes."""
    return encoded(container, codec, np.zeros(seconds * rate, np.int16), rate=rate, channels=channels)


def encoded(
    container: str,
    codec: str,
    sound: Samples,
    *,
    rate: int = RATE,
    channels: int = 1,
    options: dict[str, str] | None = None,
    jump: tuple[int, int] | None = None,
    copies: int = 1,
) -> bytes:
    """`jump`: packets from the first number on carry times so many samples later. `copies`: of the stream."""
    written = io.BytesIO()
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[channels]
    plain = {"fflags": "+bitexact", **(options or {})}
    with av.open(written, "w", format=container, options=plain, container_options=plain) as out:
        streams: list[Any] = []
        for _ in range(copies):
            stream: Any = out.add_stream(codec, rate=rate)
            stream.layout, stream.bit_rate = layout, 64_000
            stream.codec_context.flags |= 1 << 23  # bit-exact: no version of the encoder in the file
            streams.append(stream)
        for stream in streams:
            number = 0
            for frame in [*_frames(sound, rate), None]:
                for packet in stream.encode(frame):
                    if jump and number >= jump[0] and packet.pts is not None:
                        packet.pts += round(jump[1] / rate / packet.time_base)
                        packet.dts = packet.pts
                    number += 1
                    out.mux(packet)
    return written.getvalue()


def _frames(sound: Samples, rate: int) -> Iterator[av.AudioFrame]:
    """The encoder brings them into its own format and size."""
    block = 2**18
    for at in range(0, len(sound), block):
        frame = av.AudioFrame.from_ndarray(sound[np.newaxis, at : at + block], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        yield frame


@cache
def film(sound: bool) -> bytes:
    """Ten small pictures in an MP4, with or without sound."""
    written = io.BytesIO()
    with av.open(written, "w", format="mp4", options={"fflags": "+bitexact"}) as out:
        stream: Any = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        voice: Any = out.add_stream("aac", rate=RATE) if sound else None
        if voice:
            voice.layout = "mono"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number * 20, np.uint8), format="rgb24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        for heard in [*_frames(speech(), RATE), None] if voice else []:
            out.mux(voice.encode(heard))
    return written.getvalue()
