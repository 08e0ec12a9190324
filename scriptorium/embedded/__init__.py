"""Real servers that run inside a data folder, for machines that have none.

with embedded.temporary() as folder, Postgres(folder) as database, Redis(folder) as bell:
    database.url, bell.url
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scriptorium.embedded.place import erase


@contextmanager
def temporary() -> Iterator[Path]:
    """A folder for servers (or for a whole `up`, which keeps them in `embedded`) that is removed at the end.

    Root's is one that the servers' account may pass through; what they had to keep elsewhere is removed too.
    """
    folder = Path(tempfile.mkdtemp(prefix="scriptorium-"))
    if os.geteuid() == 0:
        folder.chmod(0o711)
    try:
        yield folder
    finally:
        erase(folder / "embedded")
        erase(folder)
        shutil.rmtree(folder, ignore_errors=True)
