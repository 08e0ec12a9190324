"""The baseline's processes: an embedded Redis and two Celery workers that reach it through the proxy."""

import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import redis
from celery import Celery

from scriptorium.embedded.redis import Redis
from scriptorium.processes import Command, end, launch, signal_group, tail, wait_until
from scriptorium.services import PROJECT
from tests.faults.baseline import misdeeds
from tests.faults.baseline.records import FILE, Records
from tests.faults.proxy import HOST, Proxy
from tests.faults.recordings import Made

QUEUE = "celery"
_RESULTS = "celery-task-meta-"
"""Keys of Celery's result backend: this and a task's id."""

_STARTS = 60.0
_POLL = 0.05


@dataclass
class BaselineStack:
    """Call from one thread, the main one: `wait` also starts again whatever ended. `seconds`: of a chunk."""

    folder: Path
    seconds: float = 0.5
    workers: tuple[str, ...] = ("worker1", "worker2")
    redis: "redis.Redis" = field(init=False)
    proxy: Proxy = field(init=False)
    _running: dict[str, "Popen[bytes]"] = field(default_factory=dict)

    def start(self) -> None:
        """Raises ProcessFailed."""
        self._server = Redis(self.folder / "redis", self.folder / "redis.log")
        self._server.install()
        self._launch_redis()
        url = self._server.url
        self.redis = redis.Redis.from_url(url)
        self._client = Celery("client", broker=url, set_as_current=False)
        address = urlsplit(url)
        self.proxy = Proxy((HOST, address.port or 0))
        self.proxy.start()
        self._worker_url = url.replace(f":{address.port}/", f":{self.proxy.port}/")
        try:
            self.restart_all()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._end_workers()
        self._client.close()
        self.redis.close()
        self.proxy.stop()
        end(self._redis_process)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    # Jobs

    def submit(self, made: Made) -> str:
        """Accepted once this returns. Raises OperationalError of Kombu."""
        job = str(uuid.uuid4())
        self._client.send_task("baseline.cut", [job, str(made.path)], task_id=f"{job}-cut")
        return job

    def ended(self, job: str) -> bool:
        return self.words(job) is not None or self.failed(job)

    def failed(self, job: str) -> bool:
        """An owner could find an error: of the job, of its cutting or of one of its chunks."""
        keys = list(self.redis.scan_iter(f"{_RESULTS}{job}*", count=1000))
        found = self.redis.mget(keys) if keys else []
        return any(json.loads(result)["status"] == "FAILURE" for result in found if result)

    def words(self, job: str) -> list[str] | None:
        return self.records.words(job)

    def results_of(self, job: str) -> int:
        """How often its transcript, or the chunk that was recorded most often, was recorded."""
        return self.records.most_often(job)

    @property
    def records(self) -> Records:
        return Records.read(self.folder)

    @property
    def quiet(self) -> bool:
        """No message waits in the queue. What a dead or hanging worker fetched lies elsewhere, and stays there."""
        return not self.redis.llen(QUEUE)

    # Processes

    def kill(self, name: str) -> None:
        """The worker and its pool, as when its container is killed or its machine fails."""
        signal_group(self._running[name].pid, signal.SIGKILL)

    def pid(self, name: str) -> int:
        """Of its main process; another one once it was started again."""
        return self._running[name].pid

    def terminate(self, name: str) -> None:
        self._running[name].send_signal(signal.SIGTERM)

    def pause(self, name: str) -> None:
        """It fetches no messages; what its pool has begun goes on."""
        self._running[name].send_signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self._running[name].send_signal(signal.SIGCONT)

    def signal_redis(self, number: signal.Signals) -> None:
        self._redis_process.send_signal(number)

    def restart_redis(self) -> None:
        """Killed, and there again at once, empty."""
        self._redis_process.kill()
        self._redis_process.wait()
        self._launch_redis()

    def restart_all(self) -> None:
        """New workers, an empty Redis, no misdeeds: as after `start`. What was submitted before is forgotten."""
        self._end_workers()
        misdeeds.withdraw(self.folder)
        self.proxy.cut()
        self.redis.flushall()
        (self.folder / FILE).unlink(missing_ok=True)
        self._running = {name: launch(self._command(name), self._log(name)) for name in self.workers}
        self.wait(lambda: len(self.records.of("ready")) == len(self.workers), _STARTS, "no workers")

    def tend(self) -> None:
        """Starts again what ended; in the main thread, whose end would end them."""
        for name, process in self._running.items():
            if process.poll() is not None:
                signal_group(process.pid, signal.SIGKILL)
                self._running[name] = launch(self._command(name), self._log(name))

    def waited(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Whether it happened within so long."""
        limit = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > limit:
                return False
            self.tend()
            time.sleep(_POLL)
        return True

    def wait(self, happened: Callable[[], bool], seconds: float, what: str) -> None:
        if not self.waited(happened, seconds):
            logs = "\n".join(f"{name}:\n{tail(self._log(name))}" for name in self.workers)
            raise AssertionError(f"{what} within {seconds:.0f} s\n{logs}")

    def _end_workers(self) -> None:
        for process in self._running.values():
            signal_group(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()

    def _launch_redis(self) -> None:
        self._redis_process = launch(self._server.command(), self._server.log)
        wait_until(self._server.ready, self._redis_process, self._server.start_seconds, "Redis")

    def _command(self, name: str) -> Command:
        argv = ("celery", "-A", "tests.faults.baseline.app", "worker", "--concurrency", "2", "-n", f"{name}@%h")
        return Command(name, (sys.executable, "-m", *argv), self._environment(), PROJECT)

    def _environment(self) -> Mapping[str, str]:
        ours = {
            "BASELINE_REDIS_URL": self._worker_url,
            "BASELINE_FOLDER": str(self.folder),
            "BASELINE_SECONDS": str(self.seconds),
            "OPENBLAS_NUM_THREADS": "1",
        }
        return {**os.environ, **ours}

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"
