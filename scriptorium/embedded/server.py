"""What the embedded servers share: up when they answer, down when asked."""

from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import ClassVar, Protocol, Self

from scriptorium.processes import Command, ProcessFailed, end, launch, tail, wait_until


class Server(Protocol):
    """`start()` gives the URL. The supervisor uses the parts: `install`, `command`, `ready`, `url`."""

    name: ClassVar[str]
    start_seconds: ClassVar[float]
    log: Path
    _process: "Popen[bytes] | None"

    def install(self) -> None: ...
    def command(self) -> Command: ...
    def ready(self) -> bool: ...
    @property
    def url(self) -> str: ...

    def start(self) -> str:
        """Raises NotInstalled, NoPlace, ProcessFailed."""
        self.install()
        self._process = launch(self.command(), self.log)
        try:
            wait_until(self.ready, self._process, self.start_seconds, self.name)
        except ProcessFailed as error:
            self.stop()
            raise ProcessFailed(f"{error}:\n{tail(self.log)}") from error
        return self.url

    def stop(self) -> None:
        if self._process:
            end(self._process, self.command().ending)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
