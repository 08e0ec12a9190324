"""From overlapping windows to speaker turns. Pure.

As pyannote.audio's pipeline does with the windows of a whole recording (its `reconstruct`): in every frame the windows
that hold it vote how many speak, and the voices with the most votes are they. Here the windows come in blocks and the
frames leave in blocks, so that memory hardly grows with the recording.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worker.engines.blocks import BlockResult

NOBODY = -2
"""The cluster of a slot that is nobody's."""

Clusters = NDArray[np.int32]
"""(windows of the recording, slots): which voice a slot is, or NOBODY."""


@dataclass(frozen=True)
class Frames:
    """Of a segmentation model, in seconds. `duration` and `step` of one frame, `window` and `stride` of its windows."""

    duration: float
    step: float
    window: float
    stride: float

    def starts(self, windows: int) -> NDArray[np.int64]:
        """The first frame of each window: the nearest, since a stride need be no whole number of frames."""
        middles = np.arange(windows) * self.stride + 0.5 * self.duration
        # Not simplified: where two frames are equally near, upstream's very rounding decides.
        found: NDArray[np.int64] = np.rint((middles - 0.5 * self.duration) / self.step).astype(np.int64)
        return found

    def total(self, windows: int) -> int:
        """Frames of a recording of so many windows."""
        end = self.window + (windows - 1) * self.stride + 0.5 * self.duration
        return int(np.rint((end - 0.5 * self.duration) / self.step)) + 1

    def middle(self, frame: int) -> float:
        return 0.5 * (frame * self.step + (frame * self.step + self.duration))


@dataclass(frozen=True, order=True)
class Stretch:
    """Where a voice speaks, in seconds."""

    start: float
    end: float
    cluster: int


def speaking(blocks: Sequence[BlockResult], frames: Frames) -> NDArray[np.uint8]:
    """How many speak in each frame of the recording: the windows' mean, rounded."""
    windows = sum(block.shape[0] for block in blocks)
    starts = iter(frames.starts(windows))
    heard = np.zeros(frames.total(windows), np.float32)
    voters = np.zeros_like(heard)
    for block in blocks:
        for speakers, at in zip(block.active.sum(axis=2, dtype=np.float32), starts, strict=False):
            heard[at : at + len(speakers)] += speakers
            voters[at : at + len(speakers)] += 1
    return np.rint(heard / np.maximum(voters, np.float32(1e-12))).astype(np.uint8)


def votes(
    blocks: Sequence[BlockResult], clusters: Clusters, voices: int, frames: Frames
) -> Iterator[NDArray[np.float32]]:
    """For each frame and voice the windows' sum, (frames, voices), in pieces of a block."""
    starts = frames.starts(len(clusters))
    window, at = 0, 0
    carried = np.zeros((0, voices), np.float32)
    for block in blocks:
        count, length, _ = block.shape
        if not count:
            continue
        following = window + count
        piece = np.zeros((int(starts[following - 1]) + length - at, voices), np.float32)
        piece[: len(carried)] = carried
        for number, weights in zip(range(window, following), block.weights, strict=True):
            _add(piece[starts[number] - at :][:length], weights, clusters[number])
        done = int(starts[following]) - at if following < len(starts) else len(piece)
        yield piece[:done]
        carried, window, at = piece[done:].copy(), following, at + done
    yield np.zeros((max(0, frames.total(len(clusters)) - at), voices), np.float32)


def _add(piece: NDArray[np.float32], weights: NDArray[np.float32], clusters: NDArray[np.int32]) -> None:
    """Of two slots that are one voice, the louder."""
    for cluster in np.unique(clusters):
        if cluster != NOBODY:
            piece[:, cluster] += weights[:, clusters == cluster].max(axis=1)


class Edges:
    """Gathers the frames where voices begin and end, piece by piece."""

    def __init__(self, voices: int) -> None:
        self._last = np.zeros((1, voices), bool)
        self._at = 0
        self._found: list[NDArray[np.int64]] = []

    def add(self, piece: NDArray[np.bool_]) -> None:
        """The next frames: (frames, voices)."""
        if not len(piece):
            return
        changed = np.argwhere(np.diff(np.concatenate([self._last, piece]), axis=0)).astype(np.int64)
        changed[:, 0] += self._at
        self._found.append(changed)
        self._last, self._at = piece[-1:], self._at + len(piece)

    def stretches(self, frames: Frames) -> list[Stretch]:
        """A voice that still speaks at the end, speaks until the last frame."""
        self.add(np.zeros_like(self._last))
        last = self._at - 2
        changes = np.concatenate(self._found) if self._found else np.zeros((0, 2), np.int64)
        found = []
        for cluster in np.unique(changes[:, 1]):
            edges = changes[changes[:, 1] == cluster, 0]
            for on, off in zip(edges[::2], edges[1::2], strict=True):
                if on < min(off, last):
                    times = frames.middle(int(on)), frames.middle(min(int(off), last))
                    found.append(Stretch(*times, int(cluster)))
        return sorted(found)


def reconstruct(
    blocks: Sequence[BlockResult], clusters: Clusters, voices: int, frames: Frames, most: int | None = None
) -> tuple[list[Stretch], list[Stretch]]:
    """(as heard, with one voice at a time), in order. `most`: speakers of the recording, at most."""
    counts = speaking(blocks, frames)
    if most is not None:
        counts = np.minimum(counts, most).astype(np.uint8)
    voices = max(voices, int(counts.max(initial=0)))
    overlapping, exclusive = Edges(voices), Edges(voices)
    at = 0
    for piece in votes(blocks, clusters, voices, frames):
        ranks = np.argsort(-piece, axis=-1)
        count = counts[at : at + len(piece), np.newaxis]
        overlapping.add(_chosen(ranks, count))
        exclusive.add(_chosen(ranks, np.minimum(count, 1)))
        at += len(piece)
    return overlapping.stretches(frames), exclusive.stretches(frames)


def _chosen(ranks: NDArray[np.int64], count: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """In every frame the `count` first voices of its ranking."""
    chosen = np.zeros(ranks.shape, bool)
    np.put_along_axis(chosen, ranks, np.arange(ranks.shape[1]) < count, axis=1)
    return chosen


def filled(stretches: Sequence[Stretch], gap: float) -> list[Stretch]:
    """With the pauses of a voice that are shorter than `gap` seconds closed."""
    if gap <= 0:
        return list(stretches)
    last: dict[int, Stretch] = {}
    found: list[Stretch] = []
    for one in sorted(stretches):
        before = last.get(one.cluster)
        if before is not None and one.start - before.end < gap:
            last[one.cluster] = Stretch(before.start, max(before.end, one.end), one.cluster)
            continue
        if before is not None:
            found.append(before)
        last[one.cluster] = one
    return sorted([*found, *last.values()])
