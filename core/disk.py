"""What a local disk wants: that what was written is flushed, names too, and that a full one is said to be full."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import Unavailable


@contextmanager
def room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = "the server's storage does not take more bytes now; try again later"
        raise Unavailable(message, code="storage_full") from error


def flush_folder(folder: Path) -> None:
    """The names in it, to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
