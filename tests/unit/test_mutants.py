"""What `make mutations` takes away is there: a mutation whose text has moved on would be found only when it is run."""

from pathlib import Path

import pytest

from tests.mutations.mutants import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.what)
def test_its_text_stands_once_in_the_code(mutation: Mutation) -> None:
    assert (ROOT / mutation.path).read_text().count(mutation.old) == 1
