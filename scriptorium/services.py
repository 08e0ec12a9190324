"""The processes of one server, as commands. Values in, values out."""

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scriptorium.processes import Command

PROJECT = Path(__file__).resolve().parent.parent
"""Where alembic.ini, celeryconfig.py and the packages lie; the processes work from here."""

MIGRATE = ("alembic", "-c", str(PROJECT / "alembic.ini"), "upgrade", "head")
"""The Python module, and its arguments, that brings the tables up to date."""

_DRAIN = ((signal.SIGTERM, 20.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 5.0))
"""Of a worker: finish or hand back what it holds, then be quick, then be gone."""

_WEB_GRACE = 5
"""Seconds for requests under way."""


@dataclass(frozen=True)
class Machine:
    """What the transcribers can use. `gpus`: the numbers of CUDA devices."""

    cores: int
    gpus: tuple[str, ...] = ()

    @property
    def transcribers(self) -> int:
        """One a GPU; on processors two, so that two recordings go on at once, where there are two cores."""
        return len(self.gpus) or min(2, self.cores)

    def threads(self, transcribers: int) -> int:
        """Cores of each of so many that share them. One alone takes all."""
        return max(1, self.cores // transcribers)


@dataclass(frozen=True)
class Staff:
    """Which processes there are, and with what environment. `listener` is the descriptor of the bound socket."""

    data: Path
    environment: Mapping[str, str]
    machine: Machine
    model: str
    transcribe_queue: str
    listener: int
    transcribers: int
    light: int
    diarize_queue: str
    diarizers: int
    fetches: int = 0
    """Recordings fetched at one time; with 0 nobody fetches."""
    deliveries: int = 0
    """Webhooks sent at one time; with 0 nobody sends them."""

    @property
    def workers(self) -> list[Command]:
        light = map(self._light, range(1, self.light + 1))
        waiting = [*self._fetching(), *self._delivering()]
        return [self._upkeep(), *light, *waiting, *self._transcribing(), *self._diarizing()]

    def migrate(self) -> Command:
        return self._python("migrate", *MIGRATE)

    def web(self) -> Command:
        gunicorn = ("gunicorn", "-c", "python:web.gunicorn_config", "--bind", f"fd://{self.listener}")
        grace = ("--graceful-timeout", str(_WEB_GRACE))
        ending = ((signal.SIGTERM, _WEB_GRACE + 3.0), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 5.0))
        # Each thread would else keep a heap of its own that grew with the largest pieces of an upload.
        heaps = {"MALLOC_ARENA_MAX": self.environment.get("MALLOC_ARENA_MAX", "1")}
        return self._python("web", *gunicorn, *grace, ending=ending, inherited=(self.listener,), extra=heaps)

    def beat(self) -> Command:
        schedule = str(self.data / "beat-schedule")
        return self._python("beat", "celery", "-A", "worker.tasks", "beat", "--schedule", schedule, "--pidfile", "")

    def _upkeep(self) -> Command:
        return self._worker("upkeep", "upkeep")

    def _light(self, number: int) -> Command:
        return self._worker(f"light{number}", "ingest,assemble")

    def _fetching(self) -> list[Command]:
        """One process, in which each of several mostly waits: a slow source holds up nobody who decodes."""
        return [self._worker("fetch", "fetch", concurrency=self.fetches)] if self.fetches else []

    def _delivering(self) -> list[Command]:
        """One process, with threads of its own: what it hears only wakes it."""
        return [self._worker("deliver", "deliver")] if self.deliveries else []

    def _transcribing(self) -> list[Command]:
        return [
            self._worker(f"transcribe{index + 1}", self.transcribe_queue, self._share(index))
            for index in range(self.transcribers)
        ]

    def _diarizing(self) -> list[Command]:
        """Beside the last transcriber, where there are devices."""
        numbers = range(self.diarizers)
        return [self._worker(f"diarize{one + 1}", self.diarize_queue, self._share(-1 - one)) for one in numbers]

    def _share(self, index: int) -> dict[str, str]:
        """The device, or the cores, of one transcriber."""
        if self.machine.gpus:
            return {"CUDA_VISIBLE_DEVICES": self.machine.gpus[index % len(self.machine.gpus)]}
        threads = self.environment.get("SCRIPTORIUM_THREADS") or str(self.machine.threads(self.transcribers))
        return {"SCRIPTORIUM_THREADS": threads}

    def _worker(
        self, name: str, queues: str, extra: Mapping[str, str] | None = None, *, concurrency: int = 1
    ) -> Command:
        celery = (
            "celery", "-A", "worker.tasks", "worker", "-Q", queues, "--pool", "threads", "--concurrency",
            str(concurrency), "-n", f"{name}@%h", "--without-gossip", "--without-mingle", "--loglevel", "INFO",
        )  # fmt: skip
        return self._python(name, *celery, ending=_DRAIN, extra=extra)

    def _python(
        self,
        name: str,
        *arguments: str,
        ending: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)),
        inherited: tuple[int, ...] = (),
        extra: Mapping[str, str] | None = None,
    ) -> Command:
        environment = {**self.environment, **(extra or {})}
        argv = (sys.executable, "-m", *arguments)
        return Command(name, argv, environment, PROJECT, ending=ending, inherited=inherited)


def child_environment(data: Path, database_url: str, redis_url: str, model: str, diarizer: str) -> dict[str, str]:
    """Ours, with what the processes are told. One thread for the numeric libraries: the processes share the cores."""
    told = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SCRIPTORIUM_DATA": str(data),
        "SCRIPTORIUM_MODEL": model,
        "SCRIPTORIUM_DIARIZER": diarizer,
        "PYTHONUNBUFFERED": "1",
    }
    return {"OPENBLAS_NUM_THREADS": "1", **os.environ, **told}
