"""The real `scriptorium up` in a folder, as a person starts it."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx2
import psycopg

from scriptorium import Client, embedded
from scriptorium.data_folder import DataFolder
from scriptorium.embedded.postgres import Postgres

START_SECONDS = 240.0
"""On two cores that others use too."""

STOP_SECONDS = 60.0
ROOT = Path(__file__).resolve().parents[2]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "scriptorium", *arguments]


def environment(**extra: str) -> dict[str, str]:
    """Without what points at other servers; a nearly full disk of a test machine is no reason to refuse uploads; and
    speakers are found where a test is about them: their process takes seconds to start."""
    ours = ("DATABASE_URL", "REDIS_URL", "SCRIPTORIUM_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    ours_now = {"SCRIPTORIUM_MIN_FREE_BYTES": "0", "SCRIPTORIUM_MIN_FREE_SHARE": "0"}
    return {**kept, **ours_now, "SCRIPTORIUM_DIARIZER": "community-1", **extra}


def run(*arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
    """A command of `scriptorium`, to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def hear_interrupts() -> None:
    """In a child before it starts: a shell that runs tests in the background has them ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def until(happened: Callable[[], bool], seconds: float, what: str) -> None:
    limit = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < limit, what
        time.sleep(0.02)


@dataclass
class Up:
    """`launch` returns at once, `ready` when the server says so. `stop` checks that it ends cleanly."""

    folder: Path
    arguments: tuple[str, ...] = ()
    extra: dict[str, str] = field(default_factory=dict)
    """Environment variables."""
    url: str = ""
    process: "subprocess.Popen[str]" = field(init=False)

    @property
    def data(self) -> DataFolder:
        return DataFolder(self.folder)

    def launch(self) -> "Up":
        where = ("--data", str(self.folder), "--port", "0", "--model", "demo", *self.arguments)
        with (self.folder / "stderr.txt").open("a") as errors:
            self.process = subprocess.Popen(
                command("up", *where),
                cwd=ROOT,
                env=environment(**self.extra),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        return self

    def ready(self) -> "Up":
        assert self.process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            assert selector.select(START_SECONDS), self.said()
        line = self.process.stdout.readline()
        assert line.startswith("ready http://"), self.said()
        self.url = line.split()[1]
        return self

    def said(self) -> str:
        return (self.folder / "stderr.txt").read_text()

    def client(self) -> Client:
        return Client(self.url, self.data.key_file.read_text())

    def http(self) -> httpx2.Client:
        """For what `client` has no call for."""
        key = {"Authorization": f"Bearer {self.data.key_file.read_text().strip()}"}
        return httpx2.Client(base_url=self.url, headers=key, timeout=60)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(STOP_SECONDS)
        assert self.process.stdout
        self.process.stdout.close()
        return code

    def child(self, name: str) -> int:
        """Its process id."""
        return int((self.folder / "children" / name).read_text().split()[0])

    @cached_property
    def database_url(self) -> str:
        server = Postgres(self.folder / "embedded")
        server.install()
        return server.url

    def attempts(self, job_id: str) -> dict[int, int]:
        """Of a job's finished chunks: chunk -> attempt."""
        with psycopg.connect(self.database_url) as connection:
            return dict(
                connection.execute(
                    "SELECT index, attempt FROM steps WHERE job_id = %s AND kind = 'transcribe' AND status = 'done'",
                    [job_id],
                ).fetchall()
            )


def processes_of(folder: Path) -> list[str]:
    """Living processes whose command line or environment names the folder, or the place of its servers."""
    pointer = folder / "embedded" / "elsewhere"
    names = [str(folder), *([pointer.read_text().strip()] if pointer.exists() else [])]
    return [shown for pid in _pids() if any(name in (shown := _described(pid)) for name in names)]


def _pids() -> list[int]:
    return [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and int(entry.name) != os.getpid()
    ]


def _described(pid: int) -> str:
    try:
        parts = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    except OSError:  # gone meanwhile, or another user's
        return ""
    return b" ".join(parts).replace(b"\0", b" ").decode(errors="replace")


@contextmanager
def serving(*arguments: str, **extra: str) -> Iterator[Up]:
    """A server of its own, ready; at the end it must stop cleanly. `extra`: environment variables."""
    with embedded.temporary() as folder:
        running = Up(folder, arguments, extra).launch()
        try:
            yield running.ready()
        finally:
            assert running.stop() == 0, running.said()
