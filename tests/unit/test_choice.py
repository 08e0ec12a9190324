"""Which pipeline finds speakers, when nobody said."""

import pytest

from core.models import DIARIZERS, KNOWN
from core.settings import Settings
from scriptorium.choice import speakers


@pytest.mark.parametrize(
    ("model", "named", "expected"),
    [
        pytest.param("demo", None, "demo", id="the demonstration model has a companion"),
        pytest.param("demo", "3.1", "3.1", id="unless another is named"),
        pytest.param("small", None, "community-1", id="real models take a real one"),
        pytest.param("small", "demo", "demo", id="who names it has it"),
    ],
)
def test_who_finds_speakers(model: str, named: str | None, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCRIPTORIUM_DIARIZER", raising=False)
    if named is not None:
        monkeypatch.setenv("SCRIPTORIUM_DIARIZER", named)
    assert speakers(KNOWN[model], Settings()) == DIARIZERS[expected]
