"""The child process that reads media where no ffmpeg is installed: FFmpeg's libraries out of the wheel `av`.

    python -m worker.media probe PATH
    python -m worker.media decode PATH SECONDS strict|checked|tolerant mix|all|CHANNEL

`probe` prints ffprobe's JSON; `decode` writes 16 kHz s16le PCM to standard output, all channels mixed, all side by
side, or one by its number from 0. On failure the exit status is
1 and standard error says why in FFmpeg's own words, so that one reader understands both programs.
"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import av
import av.audio
import av.container
import av.filter
import av.logging
from av.error import EOFError as MediaEnd
from av.error import FFmpegError

from core.probe import FORMATS, PROTOCOLS

SAMPLE_RATE = 16_000
BYTES_PER_SECOND = 2 * SAMPLE_RATE
_NO_GAP = SAMPLE_RATE // 10
"""Samples by which time stamps may be off, as FFmpeg allows."""
_TAG = 100
"""Characters of a tag that are told: a duration is shorter."""


def main(arguments: list[str]) -> int:
    # FFmpeg's reasons ("moov atom not found") and doubts ("Estimating duration") are only in its log.
    av.logging.set_libav_level(av.logging.WARNING if arguments[:1] == ["probe"] else av.logging.ERROR)
    av.logging.restore_default_callback()
    try:
        match arguments:
            case ["probe", path]:
                print(json.dumps(probe(path)))
            case ["decode", path, seconds, mode, heard]:
                write(decode(path, float(seconds), mode, heard), sys.stdout.buffer)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except (FFmpegError, ValueError, MemoryError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    return 0


def opened(path: str) -> av.container.InputContainer:
    """Whatever a tag is written in, it hurts no sound."""
    options = {"protocol_whitelist": PROTOCOLS, "format_whitelist": FORMATS}
    return av.open(f"file:{path}", options=options, metadata_errors="replace")


def probe(path: str) -> dict[str, object]:
    """In the shape of `ffprobe -of json`."""
    with opened(path) as container:
        name = container.format.name
        whole = container.duration / av.time_base if container.duration else None
        start = (container.start_time or 0) / av.time_base
        streams = [_described(stream) for stream in container.streams.audio[:1]]
        return {"format": {"format_name": name, "duration": whole, "start_time": start}, "streams": streams}


def _described(stream: av.audio.AudioStream) -> dict[str, object]:
    context = stream.codec_context
    described: dict[str, object] = {
        "codec_name": context.codec.canonical_name,
        "channels": context.channels,
        "sample_rate": context.sample_rate,
        # No other: a file's lyrics or pictures in text have no end.
        "tags": {name: value[:_TAG] for name, value in stream.metadata.items() if name == "DURATION"},
    }
    if stream.duration and stream.time_base:
        described["duration"] = float(stream.duration * stream.time_base)
        described["start_time"] = float((stream.start_time or 0) * stream.time_base)
    return described


def decode(path: str, seconds: float, mode: str, heard: str) -> Iterator[bytes]:
    """PCM of the first audio stream, at most `seconds` of it. Raises FFmpegError; tolerant, it skips what it can;
    checked, a wrong checksum is an error too."""
    with opened(path) as container:
        if mode == "checked":
            container.streams.audio[0].codec_context.options = {"err_detect": "crccheck+explode"}
        channels = container.streams.audio[0].codec_context.channels if heard == "all" else 1
        left = int(seconds * SAMPLE_RATE) * 2 * channels
        for block in _resampled(_frames(container, mode == "tolerant"), heard):
            yield block[:left]
            left -= len(block)
            if left <= 0:
                return


def _frames(container: av.container.InputContainer, tolerant: bool) -> Iterator[av.AudioFrame]:
    stream = container.streams.audio[0]
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            for frame in packet.decode():
                if isinstance(frame, av.AudioFrame):
                    yield _from_zero(frame, container.start_time or 0)
        except MediaEnd:
            return
        except FFmpegError as error:
            print(f"{error}", file=sys.stderr)
            if not tolerant:
                raise


def _from_zero(frame: av.AudioFrame, start: int) -> av.AudioFrame:
    """Time counts from the container's first second, as ffmpeg counts it: an MPEG stream may begin anywhere."""
    if frame.pts is not None and frame.time_base and start:
        frame.pts -= round(start / av.time_base / frame.time_base)
    return frame


def _resampled(frames: Iterator[av.AudioFrame], heard: str) -> Iterator[bytes]:
    """PCM in its place in time. A stream that changes its rate or channels on the way gets a new graph there."""
    graph, shape, place = None, None, _Place()
    for frame in frames:
        found = (frame.format.name, frame.layout.name, frame.sample_rate, frame.time_base)
        if graph is None or found != shape:
            if graph is not None:
                yield from _flushed(graph, place)
            graph, shape = _graph(frame, heard), found
        graph.push(frame)
        yield from _pulled(graph, place)
    if graph is not None:
        yield from _flushed(graph, place)


@dataclass
class _Place:
    """Gaps between time stamps, and a late start, become silence; what overlaps is cut: time stays an offset.

    FFmpeg's `aresample=async=1` does the same, but keeps the whole gap in memory: gigabytes, for a file of a few
    kilobytes that skips a day."""

    at: int = 0
    """Samples so far."""

    def of(self, frame: av.AudioFrame) -> Iterator[bytes]:
        width = 2 * len(frame.layout.channels)
        data = bytes(frame.planes[0])[: width * frame.samples]
        late = 0 if frame.pts is None else frame.pts - self.at
        if self.at and abs(late) < _NO_GAP:
            late = 0
        yield from self._silence(late, width)
        data = data[max(0, -late) * width :]
        self.at += len(data) // width
        yield data

    def _silence(self, samples: int, width: int) -> Iterator[bytes]:
        while samples > 0:
            some = min(samples, SAMPLE_RATE)
            self.at += some
            samples -= some
            yield bytes(some * width)


def _graph(frame: av.AudioFrame, heard: str) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=frame.sample_rate, format=frame.format.name, layout=frame.layout.name, time_base=frame.time_base
    )
    resample = graph.add("aresample", f"{SAMPLE_RATE}")
    layout = frame.layout.name if heard == "all" else "mono"
    shape = graph.add("aformat", f"sample_fmts=s16:channel_layouts={layout}:sample_rates={SAMPLE_RATE}")
    sink = graph.add("abuffersink")
    if heard in ("mix", "all"):
        source.link_to(resample)
    else:
        one = graph.add("pan", f"mono|c0=c{int(heard)}")
        source.link_to(one)
        one.link_to(resample)
    resample.link_to(shape)
    shape.link_to(sink)
    graph.configure()
    return graph


def _flushed(graph: av.filter.Graph, place: _Place) -> Iterator[bytes]:
    graph.push(None)
    yield from _pulled(graph, place)


def _pulled(graph: av.filter.Graph, place: _Place) -> Iterator[bytes]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, MediaEnd):
            return
        if isinstance(frame, av.AudioFrame):
            yield from place.of(frame)


def write(blocks: Iterator[bytes], out: BinaryIO) -> None:
    try:
        for block in blocks:
            out.write(block)
        out.flush()
    except BrokenPipeError:  # the reader has enough, or is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
