"""Media files of many formats, written with PyAV, so that tests need no ffmpeg."""

from fractions import Fraction
from pathlib import Path

import av
import av.container
import numpy as np
from numpy.typing import NDArray

SUFFIXES = {
    "wav": "pcm_s16le",
    "mp3": "mp3",
    "m4a": "aac",
    "ogg": "libopus",
    "opus": "libopus",
    "webm": "libopus",
    "flac": "flac",
    "mkv": "flac",
    "aiff": "pcm_s16be",
}
"""File suffix -> audio codec."""


def write(path: Path, samples: NDArray[np.float32], *, rate: int = 16_000, channels: int = 1, late: float = 0) -> Path:
    """The container after the path's suffix; every channel is the same. `late`: beside a picture that begins earlier
    by so many seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(SUFFIXES[path.suffix[1:]], rate=rate)
        stream.layout = "mono" if channels == 1 else "stereo"  # type: ignore[union-attr, attr-defined]
        if late:
            _picture(container)
        for at in range(0, len(samples), 1024):
            block = np.repeat(samples[np.newaxis, at : at + 1024], channels, axis=0)
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(block), format="fltp", layout="mono" if channels == 1 else "stereo"
            )
            frame.sample_rate, frame.pts, frame.time_base = rate, at + round(late * rate), Fraction(1, rate)
            container.mux(stream.encode(frame))  # type: ignore[union-attr, attr-defined]
        container.mux(stream.encode(None))  # type: ignore[union-attr, attr-defined]
    return path


def tagged(path: Path, **tags: str) -> Path:
    """A second of silence, whose audio stream has these tags."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libopus", rate=48_000)
        stream.layout = "mono"  # type: ignore[union-attr, attr-defined]
        stream.metadata.update(tags)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), format="flt", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        container.mux(stream.encode(frame))  # type: ignore[union-attr, attr-defined]
        container.mux(stream.encode(None))  # type: ignore[union-attr, attr-defined]
    return path


def silent_film(path: Path) -> Path:
    """A video without sound."""
    with av.open(str(path), "w") as container:
        _picture(container)
    return path


def _picture(container: av.container.OutputContainer) -> None:
    """A second of video."""
    stream = container.add_stream("mpeg4", rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
    for number in range(10):
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number * 20, np.uint8), format="rgb24")
        frame.pts = number
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def buzz(seconds: float, rate: int = 16_000) -> NDArray[np.float32]:
    """Half a second of buzz, half a second of silence, again and again: speech to a simple detector."""
    time = np.arange(int(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * hertz * time) for hertz in (220, 440, 880, 1760))
    return (0.1 * tone * (time % 1.0 < 0.5)).astype(np.float32)
