"""Path and chances against every path there is, one by one."""

from itertools import pairwise, product
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.speaker_chain import Weights, path, posteriors

FLOOR = 0.3
weights = st.dictionaries(st.sampled_from(["A", "B", "C"]), st.floats(0.05, 2.0), min_size=1).map(
    lambda found: {**found, None: 0.2}
)
chains = st.lists(st.tuples(weights, st.floats(0.001, 0.5)), min_size=1, max_size=5)


def chance(speakers: tuple[str | None, ...], chain: list[Weights], changes: list[float]) -> float:
    steps = zip(pairwise(speakers), changes, strict=True)
    moved = prod(1 - change if one == other else change for (one, other), change in steps)
    return moved * prod(own[who] for own, who in zip(chain, speakers, strict=True))


@settings(max_examples=50)
@given(chains)
def test_as_if_every_path_were_tried(drawn: list[tuple[Weights, float]]) -> None:
    chain, changes = [dict(own) for own, _ in drawn], [change for _, change in drawn[1:]]
    found = path(chain, changes, FLOOR)
    every = {tried: chance(tried, chain, changes) for tried in product(*chain)}
    assert every[tuple(found)] == pytest.approx(max(every.values()))
    for at, odds in enumerate(posteriors(chain, changes)):
        for who, share in odds.items():
            expected = sum(one for tried, one in every.items() if tried[at] == who) / sum(every.values())
            assert share / sum(odds.values()) == pytest.approx(expected)


def test_the_likeliest_speaker_stays_possible_where_no_turn_of_theirs_is() -> None:
    chain: list[Weights] = [{"A": 1.0, None: 0.1}, {"B": 0.4, None: 0.1}, {"A": 1.0, None: 0.1}]
    assert path(chain, [0.05, 0.05], FLOOR) == ["A", "A", "A"]
    assert chain[1] == {"B": 0.4, None: 0.1, "A": FLOOR}


def test_a_long_chain_neither_vanishes_nor_grows_without_end() -> None:
    chain: list[Weights] = [{"A": 1e-3, "B": 1e-4, None: 1e-4} for _ in range(3000)]
    assert set(path(chain, [0.05] * 2999, FLOOR)) == {"A"}
    assert all(0 < sum(odds.values()) < 10 for odds in posteriors(chain, [0.05] * 2999))


def test_no_words_have_no_speakers() -> None:
    assert (path([], [], FLOOR), posteriors([], [])) == ([], [])
