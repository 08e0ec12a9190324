"""Several sounds in one job: the channels of a recording, or a recording of each participant.

Each is a track, with a number, and is cut, transcribed and diarized by itself; assembly puts them on one time axis.
"""

STRIDE = 100_000
"""Chunks, and blocks of a diarizer, are numbered from their track's number times this: more than a track ever has, and
no chunk of a track follows one of another."""

MOST_TRACKS = 50
"""In a job: as many recordings as come in one request."""
MOST_CHANNELS = 16
"""That are told apart: more than any meeting room's mixer gives, and each costs a decode of its own."""


def track_of(index: int) -> int:
    """Of a chunk or a block."""
    return index // STRIDE


def indices(track: int) -> range:
    """Those that its chunks, or blocks, have."""
    return range(track * STRIDE, (track + 1) * STRIDE)
