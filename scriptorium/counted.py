"""Files that tell how much of them was read: what a progress bar of an upload shows."""

import io
import os
from collections.abc import Callable, Sequence


class Counted(io.FileIO):
    """A file that tells how much of it was read."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path, "rb")
        self.total = os.fstat(self.fileno()).st_size
        self.seen: Callable[[], None] | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        if self.seen:
            self.seen()
        return data


def watch(files: Sequence[Counted], progress: Callable[[int, int], None] | None) -> None:
    """Tells bytes read and bytes in all, over all files."""
    if progress is None:
        return
    total = sum(file.total for file in files)
    for file in files:
        file.seen = lambda: progress(sum(one.tell() for one in files), total)
