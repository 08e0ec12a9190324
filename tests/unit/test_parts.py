"""Where a recording's bytes lie."""

from hypothesis import given
from hypothesis import strategies as st

from worker.parts import FIRST, USUAL, Parts, boundaries

LONGEST = 12 * 3600 * 32_000


def test_parts_hold_every_byte_in_order() -> None:
    stored: dict[int, bytes] = {}
    parts = Parts(lambda part, blocks: stored.__setitem__(part, b"".join(blocks)))
    block = bytes(range(250)) * 4000
    count = (FIRST + USUAL) // len(block) + 3
    for _ in range(count):
        parts.add(block)
    parts.close()
    assert [len(stored[part]) for part in range(2)] == [FIRST, USUAL]
    assert b"".join(stored.values()) == block * count
    assert (parts.stored, parts.size) == (3, count * len(block))


@given(st.integers(0, LONGEST), st.integers(1, 31 * 32_000))
def test_ranges_name_each_byte_once(first: int, count: int) -> None:
    found = Parts.ranges(first, first + count)
    starts = boundaries(100)
    places = [(starts[part] + offset, size) for part, offset, size in found]
    assert places[0][0] == first
    assert all(place + size == following for (place, size), (following, _) in zip(places, places[1:], strict=False))
    assert sum(size for _, size in places) == count
    assert all(offset + size <= (USUAL if part else FIRST) for part, offset, size in found)
