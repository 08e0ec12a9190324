"""Progress bars on standard error, so that standard output holds nothing but the result."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from scriptorium.client import Job


class Bars:
    """One line a recording: its upload, then its transcription."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def upload(self, name: str) -> Callable[[int, int], None]:
        """What `Client.submit` calls with bytes sent and bytes in all."""
        task = self._progress.add_task(f"uploading {name}", total=None)

        def sent(so_far: int, total: int) -> None:
            self._progress.update(task, completed=so_far, total=total or 1, visible=so_far < total)

        return sent

    def job(self, name: str) -> Callable[[Job], None]:
        """What `Client.wait` calls with each answer."""
        task = self._progress.add_task(name, total=1.0)

        def seen(job: Job) -> None:
            shown = 1.0 if job["status"] == "completed" else job["progress"]
            self._progress.update(task, completed=shown, description=f"{name}: {job['status']}")

        return seen
