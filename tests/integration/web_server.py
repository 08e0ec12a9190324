"""gunicorn as it is run, in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.context import Context

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Server:
    process: "subprocess.Popen[bytes]"
    address: tuple[str, int]
    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    def incoming(self) -> list[Path]:
        return list((self.data / "blobs").rglob(".incoming/*"))


@contextmanager
def serving(
    context: Context, folder: Path, before: Callable[[], None] | None = None, **settings: object
) -> Iterator[Server]:
    """On the database and the Redis of the context. `before` runs in the process before it starts."""
    home = folder / "home"
    home.mkdir()
    listener = socket.create_server(("127.0.0.1", 0))
    given = {"MIN_FREE_BYTES": 0, "MIN_FREE_SHARE": 0, "WEB_THREADS": 4, "DATA": home / "data", **settings}
    environment = {
        **os.environ, "DATABASE_URL": context.settings.database_url, "REDIS_URL": context.settings.redis_url,
        "HOME": str(home), **{f"SCRIPTORIUM_{name}": str(value) for name, value in given.items()},
    }  # fmt: skip
    environment.pop("XDG_RUNTIME_DIR", None)
    command = ["-m", "gunicorn", "-c", "python:web.gunicorn_config", "--bind", f"fd://{listener.fileno()}"]
    with (
        listener,
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment,
            pass_fds=[listener.fileno()],
            preexec_fn=before,
            stderr=log,
        ) as process,
    ):
        server = Server(process, listener.getsockname(), folder)
        try:
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            ended = process.wait(30)
            sys.stderr.write(server.log.read_text())  # for pytest to show
        assert ended == 0


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Looks until it holds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)
