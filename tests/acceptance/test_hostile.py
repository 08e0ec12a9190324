"""A sample of `make hostile`: two malformed files of every kind, sent to one running server.

SCRIPTORIUM_HOSTILE_SEED chooses others. A failure names its seed; `make hostile SEED=… ONLY=…` sends them again.
"""

import os
from collections.abc import Iterator

import pytest

from tests.hostile import judged
from tests.hostile.house import House, opened
from tests.hostile.kinds import cases

SEED = int(os.environ.get("SCRIPTORIUM_HOSTILE_SEED", "2026"))
EACH = 2


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with opened() as made:
        yield made


def test_every_file_gets_a_typed_answer(house: House) -> None:
    answers = house.send(cases(SEED, house.canary.bait, most=EACH))
    assert not [said for answer in answers for said in judged.of(answer, house)], f"seed {SEED}"


def test_nobody_died_and_nothing_is_left(house: House) -> None:
    """Last: by then the server has seen them all."""
    assert judged.afterwards(house) == [], f"seed {SEED}"
