"""What a recognizer of the baseline does wrong on command: a file says what, and is taken by whoever does it."""

import os
import threading
from pathlib import Path

ONCE = ("raise", "hang")
POISON = "poison"
"""A file that names a word. Who hears it dies, every time: the file stays."""


def order(folder: Path, what: str, word: str = "") -> None:
    """`raise` or `hang`, once, for the chunk that comes next; `poison`, always, for the one with that word."""
    (folder / what).write_text(word)


def withdraw(folder: Path) -> None:
    for what in (*ONCE, POISON):
        (folder / what).unlink(missing_ok=True)


def commit(folder: Path, words: list[str]) -> None:
    """What was ordered, in the process of the recognizer."""
    poison = folder / POISON
    if poison.exists() and poison.read_text() in words:
        os.abort()
    if _taken(folder / "raise"):
        raise RuntimeError("the recognizer raised, as ordered")
    if _taken(folder / "hang"):
        threading.Event().wait()


def taken(folder: Path, what: str) -> bool:
    """Whether somebody has begun to do what was ordered once."""
    return not (folder / what).exists()


def _taken(path: Path) -> bool:
    """Of several processes only one can remove a file."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
