"""A Whisper of tiny's true shape that says the same in every window: what decoding costs, and no gate ever fires."""

import json
import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fakes import shapes

WORDS = 54
"""With two times and an end 57 tokens a window. As many as fit into the known clip that proves a model at its start,
which lasts 2.75 s, at less than the 40 characters a second that the rate gate lets pass."""

NAME = "scripted-tiny"
_SPACE = "\u0120"
"""How byte-level BPE writes a space."""


@contextmanager
def scripted(words: int = WORDS) -> Iterator[Path]:
    """The model's folder, which is removed afterwards."""
    with TemporaryDirectory(prefix="scripted-") as above:
        folder = Path(above) / NAME
        folder.mkdir()
        shapes.build(folder, "tiny", words=words)
        _shorten(folder, words)
        yield folder


def _shorten(folder: Path, words: int) -> None:
    """Words of one letter instead of five; the tokens, and so the cost, stay as they are."""
    short = dict(zip(shapes.script(words).split(), string.ascii_letters + string.digits, strict=False))
    renamed = {_SPACE + long: _SPACE + letter for long, letter in short.items()}
    vocabulary = folder / "vocabulary.json"
    vocabulary.write_text(json.dumps([renamed.get(one, one) for one in json.loads(vocabulary.read_text())]))
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    texts = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = {renamed.get(text, text): number for text, number in texts.items()}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
