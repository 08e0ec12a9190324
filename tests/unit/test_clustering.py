"""What is clustered of a long recording, and what becomes of the rest."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.clustering import Limits, alone, assigned, spread
from worker.turns import NOBODY


def test_a_sample_has_its_share_of_every_part() -> None:
    kept = spread(np.arange(43_000), 8_000)
    assert len(kept) == len(set(kept.tolist())) == 8_000
    shares = np.histogram(kept, bins=10, range=(0, 43_000))[0]
    assert shares.min() >= 799
    assert shares.max() <= 801


def test_few_are_all_kept() -> None:
    assert spread(np.arange(10), 10).tolist() == list(range(10))


@pytest.mark.parametrize(
    ("hints", "limits"),
    [
        ((None, None, None), Limits(None, 1, 50)),
        ((4, None, None), Limits(4, 4, 4)),
        ((None, 2, 5), Limits(None, 2, 5)),
        ((None, 3, 3), Limits(3, 3, 3)),
        ((90, None, None), Limits(50, 50, 50)),
        ((None, 90, None), Limits(50, 50, 50)),
    ],
)
def test_hints_are_kept_as_far_as_voices_reach(hints: tuple[int | None, ...], limits: Limits) -> None:
    assert Limits.of(50, *hints) == limits


@pytest.mark.parametrize(("found", "wanted"), [(1, 2), (2, None), (5, None), (6, 5)])
def test_what_breaks_the_limits_is_put_right(found: int, wanted: int | None) -> None:
    assert Limits(None, 2, 5).broken(found) == wanted
    assert Limits(4, 4, 4).broken(found) == 4


def test_only_voices_that_were_alone_long_enough_are_clustered() -> None:
    active = np.zeros((1, 10, 3), bool)
    active[0, :2, 0] = True  # alone for a fifth
    active[0, 2:, 1] = True  # alone for a frame
    active[0, 3:, 2] = True  # never alone
    assert alone(active).tolist() == [[True, False, False]]


def test_the_nearest_centroid_by_direction() -> None:
    voices = np.array([[9, 1], [0.1, 1], [0, 0]], np.float32)
    centroids = np.array([[1.0, 0.0], [0.0, 5.0]])
    assert assigned(voices, np.arange(3), centroids, one_each=False).tolist() == [0, 1, 0]


def test_two_slots_of_a_window_are_two_voices() -> None:
    voices = np.array([[1, 0.1], [1, 0.2], [1, 0.1]], np.float32)
    windows = np.array([0, 0, 1])
    assert assigned(voices, windows, np.eye(2), one_each=True).tolist() == [0, 1, 0]
    assert assigned(voices, windows, np.eye(2), one_each=False).tolist() == [0, 0, 0]


def test_where_voices_are_too_few_the_worst_slot_is_nobody() -> None:
    voices = np.array([[1, 0.5], [1, 0.1], [1, 0.9]], np.float32)
    assert assigned(voices, np.zeros(3, int), np.array([[1.0, 0.0]]), one_each=True).tolist() == [NOBODY, 0, NOBODY]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(3, 6), st.integers(0, 2**32 - 1))
def test_the_assignment_is_the_best_there_is(slots: int, voices: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    embeddings = chance.standard_normal((slots, 4)).astype(np.float32)
    centroids = chance.standard_normal((voices, 4))
    found = assigned(embeddings, np.zeros(slots, int), centroids, one_each=True).tolist()
    rows = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    similar = rows @ (centroids / np.linalg.norm(centroids, axis=1, keepdims=True)).T
    best = max(permutations(range(voices), slots), key=lambda one: sum(similar[i, v] for i, v in enumerate(one)))
    assert tuple(found) == best


def test_windows_are_settled_whole_however_many_there_are() -> None:
    count = 2_000
    voices = np.tile(np.array([[1, 0.1], [1, 0.2], [1, 0.3]], np.float32), (count, 1))
    found = assigned(voices, np.repeat(np.arange(count), 3), np.eye(2), one_each=True).reshape(count, 3)
    assert (found == found[0]).all()
    assert sorted(found[0].tolist()) == [NOBODY, 0, 1]
