"""The model card tells the lexicon that the programs use."""

from pathlib import Path

from models.training import lexicon

CARD = Path(__file__).parents[2] / "models" / "demo-whisper" / "README.md"


def test_card_ends_with_the_whole_lexicon() -> None:
    assert CARD.read_text().endswith(lexicon.markdown() + "\n")
