"""From windows to turns, block by block; and which windows a block holds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.engines.blocks import BlockResult, Grid
from worker.turns import NOBODY, Frames, Stretch, filled, reconstruct, speaking

GRID = Grid(window=10, step=1, length=6)
FRAMES = Frames(duration=1.0, step=1.0, window=4.0, stride=2.0)
"""Four frames a window, every window begins two frames later."""


def block(first: int, active: list[list[list[int]]]) -> BlockResult:
    """`active`: windows, slots, frames."""
    heard = np.array(active, bool).transpose(0, 2, 1)
    return BlockResult.packed((first, 0), "tones@1", heard, np.zeros((0, 2), np.float32))


@pytest.mark.parametrize(
    ("samples", "windows", "why"),
    [
        (0, 0, "nothing was recorded"),
        (1, 1, "less than a window is one, filled up"),
        (10, 1, "exactly one"),
        (11, 2, "its last sample is in the second"),
        (25, 16, "a step each, from the first"),
    ],
)
def test_a_recording_has_as_many_windows_as_it_takes_to_hear_its_end(samples: int, windows: int, why: str) -> None:
    assert GRID.count(samples) == windows, why


def test_a_last_window_may_be_part_of_a_step() -> None:
    assert replace(GRID, step=4).count(15) == 3
    assert replace(GRID, step=4).count(14) == 2


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 400), st.integers(1, 12), st.integers(1, 9), st.integers(1, 40))
def test_every_window_is_in_one_block(samples: int, window: int, step: int, length: int) -> None:
    grid = Grid(window=max(window, step), step=step, length=length)
    spans = grid.spans(samples)
    owned = [number for span in spans for number in grid.owned(*span)]
    assert owned == list(range(grid.count(samples)))
    for start, stop in spans:
        last = grid.owned(start, stop)[-1] * step
        assert min(samples, last + grid.window) <= stop


def test_a_block_survives_its_bytes() -> None:
    scores = np.linspace(0, 1, 12, dtype=np.float32).reshape(2, 3, 2)
    made = BlockResult.packed((7, 99), "tones@1", scores > 0.5, np.ones((3, 4), np.float32), scores)
    again = BlockResult.from_bytes(made.to_bytes())
    assert (again.first, again.stop, again.made_by, again.shape) == (7, 99, "tones@1", (2, 3, 2))
    assert np.array_equal(again.active, scores > 0.5)
    assert np.array_equal(again.embeddings, made.embeddings)
    assert np.abs(again.weights - scores).max() < 1 / 255


@pytest.mark.parametrize("stored", [b"", b"garbage", b"PK\x03\x04 cut off"])
def test_what_is_no_block_says_so(stored: bytes) -> None:
    with pytest.raises(ValueError, match="no block"):
        BlockResult.from_bytes(stored)


def test_windows_vote_how_many_speak() -> None:
    heard = block(0, [[[1, 1, 1, 0], [0, 0, 0, 0]], [[0, 1, 1, 0], [1, 0, 1, 0]]])
    assert speaking([heard], FRAMES).tolist() == [1, 1, 1, 0, 2, 0, 0]


def test_a_voice_keeps_its_place_though_its_slot_changes() -> None:
    heard = block(0, [[[1, 1, 0, 0], [0, 0, 1, 1]], [[1, 1, 0, 0], [0, 0, 1, 1]]])
    clusters = np.array([[0, 1], [1, 0]], np.int32)
    turns, exclusive = reconstruct([heard], clusters, 2, FRAMES)
    assert turns == exclusive == [Stretch(0.5, 2.5, 0), Stretch(2.5, 4.5, 1), Stretch(4.5, 6.5, 0)]


def test_of_two_at_once_the_exclusive_turns_hold_one() -> None:
    heard = block(0, [[[1, 1, 1, 1], [0, 1, 1, 0]], [[1, 1, 0, 0], [1, 0, 0, 0]]])
    turns, exclusive = reconstruct([heard], np.array([[0, 1], [0, 1]], np.int32), 2, FRAMES)
    assert turns == [Stretch(0.5, 4.5, 0), Stretch(1.5, 3.5, 1)]
    assert exclusive == [Stretch(0.5, 4.5, 0)]


def test_no_more_speakers_at_once_than_there_are() -> None:
    heard = block(0, [[[1, 1, 1, 1], [1, 1, 1, 1]]])
    turns, _ = reconstruct([heard], np.array([[0, NOBODY]], np.int32), 1, FRAMES, most=1)
    assert {one.cluster for one in turns} == {0}


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_the_blocks_do_not_matter(voices: int, sizes: list[int], seed: int) -> None:
    chance = np.random.default_rng(seed)
    windows = sum(sizes)
    active = chance.random((windows, 3, 4)) < 0.5
    clusters = chance.integers(-1, voices, (windows, 3)).astype(np.int32)
    clusters[clusters < 0] = NOBODY
    edges = np.cumsum([0, *sizes])
    parts = [block(int(at), active[at:to].tolist()) for at, to in zip(edges, edges[1:], strict=False)]
    whole = [block(0, active.tolist())]
    assert reconstruct(parts, clusters, voices, FRAMES) == reconstruct(whole, clusters, voices, FRAMES)


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (0.0, [(0, 1, 0), (1.2, 2, 0), (1.5, 3, 1), (4, 5, 0)]),
        (0.5, [(0, 2, 0), (1.5, 3, 1), (4, 5, 0)]),
        (9.0, [(0, 5, 0), (1.5, 3, 1)]),
    ],
)
def test_short_pauses_of_one_voice_are_closed(gap: float, expected: list[tuple[float, float, int]]) -> None:
    heard = [Stretch(0, 1, 0), Stretch(1.2, 2, 0), Stretch(1.5, 3, 1), Stretch(4, 5, 0)]
    assert filled(heard, gap) == [Stretch(*one) for one in expected]
