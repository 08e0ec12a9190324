"""What is sent: the same files for the same seed, of every kind, and no larger than they must be."""

from collections import Counter

import pytest

from tests.hostile.binary import atom, element, found, ogg_pages, replaced, sealed
from tests.hostile.cases import Bait
from tests.hostile.house import form
from tests.hostile.kinds import EVERY, cases
from tests.hostile.material import whole

BAIT = Bait("http://127.0.0.1:9", "/nowhere/bait.wav", "bait")


def test_the_same_seed_gives_the_same_300_files() -> None:
    made = cases(2026, BAIT)
    assert len(made) == 300
    assert made == cases(2026, BAIT)
    assert Counter(case.kind for case in made) == {name: kind.share for name, kind in EVERY.items()}
    assert len({(case.kind, case.name) for case in made}) == 300
    assert max(len(form(case)) for case in made) < 3 * 2**20


def test_another_seed_gives_other_files() -> None:
    one, other = ({case.data for case in cases(seed, BAIT, ["bits flipped", "Ogg lies"])} for seed in (1, 2))
    assert len(one & other) < len(one) / 2


def test_a_kind_alone_gives_the_same_files() -> None:
    assert cases(7, BAIT, ["MP3 lies"], most=3) == [case for case in cases(7, BAIT, most=3) if case.kind == "MP3 lies"]


@pytest.mark.parametrize("suffix", ["ogg", "opus"])
def test_pages_are_sealed_as_ogg_seals_them(suffix: str) -> None:
    pages = ogg_pages(whole(suffix))
    assert b"".join(pages) == whole(suffix)
    assert [sealed(page) for page in pages] == pages


def test_an_index_is_changed_in_one_place() -> None:
    path = (b"moov", b"trak", b"mdia", b"mdhd")
    assert replaced(whole("m4a"), path, found(whole("m4a"), path)) == whole("m4a")
    assert atom(b"free", b"x") == b"\0\0\0\x09freex"
    assert element(0x1A45DFA3, b"x") == b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x01x"
