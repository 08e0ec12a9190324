"""The whole server as `scriptorium up` runs it, process by process, so that each can be broken by itself.

Redis is reached through a proxy, so that its connections can be cut, frozen and refused. Two transcribers serve
`faults`, the recognizer of `tests/faults/engine.py`; a third serves the real demonstration model. Two diarizers
serve `voices`, that of `tests/faults/diarizer.py`.
"""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import redis
from celery import Celery

from core import context as composition
from core import keys, vault
from core.bell import queue_name
from core.settings import Settings
from core.states import Kind
from scriptorium import embedded
from scriptorium.embedded.postgres import Postgres
from scriptorium.embedded.redis import Redis
from scriptorium.listening import listen, url_from_here
from scriptorium.processes import Command, run_to_end
from scriptorium.services import PROJECT, Machine, Staff, child_environment
from tests.faults import recordings
from tests.faults.children import Children, told
from tests.faults.control import Control
from tests.faults.ledger import Ledger
from tests.faults.load import Caller
from tests.faults.postbox import Postbox
from tests.faults.proxy import Proxy

TRANSCRIBERS = ("transcribe1", "transcribe2")
LIGHT = ("light1", "light2")
BATCHING = "transcribe2"
"""This one takes four chunks at once."""

DEMO = "demo1"
DIARIZERS = ("diarize1", "diarize2")
WORKERS = (*LIGHT, *TRANSCRIBERS, DEMO, *DIARIZERS)
"""Those that do steps."""

_ENGINES = {"faults": "tests.faults.engine:load", "voices": "tests.faults.diarizer:load"}
MEETING = PROJECT / "samples" / "meeting" / "meeting.flac"
TENANTS = ("alder", "birch")
_READY_SECONDS = 120.0
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Timing:
    """Seconds, as in `core.settings`."""

    lease: float = 20.0
    heartbeat: float = 5.0
    sweep: float = 5.0
    retry_base: float = 2.0
    drain: float = 15.0
    look: float = 10.0
    scavenge: float = 600.0
    orphan_after: float = 3600.0
    upload_stall: float = 60.0
    deadlines: dict[str, float] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "deadlines"}
        told = {f"SCRIPTORIUM_{name.upper()}": f"{value:g}" for name, value in values.items()}
        return {**told, "SCRIPTORIUM_DEADLINES": json.dumps(self.deadlines)}


PRODUCTION = Timing()
SHORT = Timing(3.0, 0.75, 1.0, 0.2, 3.0, 5.0, 3.0, 6.0, 5.0, {"transcribe": 8.0})


class Stack:
    """`with Stack(SHORT, seed) as stack`: started and ready, then ended by process id."""

    def __init__(self, timing: Timing, seed: int) -> None:
        self.timing = timing
        self._seed = seed
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._exit.close()

    def _start(self) -> None:
        self.folder = self._exit.enter_context(embedded.temporary())
        self.blobs = self.folder / "blobs"
        logs, sounds = self.folder / "logs", self.folder / "recordings"
        for made in (logs, sounds):
            made.mkdir()
        *self.recordings, self.talk = recordings.make(sounds, self._seed, talk=True)
        self.control = Control(sounds)
        self.children = Children(logs)
        self.pool = self._exit.enter_context(ThreadPoolExecutor(16, "caller"))
        self._exit.callback(self.children.end, [*WORKERS, "upkeep", "beat", "web"], ["redis"])
        self._servers()
        self._staff_begins()
        self._exit.enter_context(self._callers())
        self.wait_for_workers(_READY_SECONDS)

    def _servers(self) -> None:
        postgres, bell = Postgres(self.folder / "embedded"), Redis(self.folder / "embedded")
        for server, name in ((bell, "redis"), (postgres, "postgres")):
            server.install()
            self.children.start(told(server.command(), {}, name))
            self.children.until(server.ready, _READY_SECONDS, f"{name} was not ready")
        self.database_url, self._redis = postgres.url, bell
        self.ledger = Ledger(postgres.url, self.children.tend)
        self._exit.callback(self.ledger.close)
        self.redis = redis.Redis.from_url(bell.url, socket_timeout=5.0)
        self._exit.callback(self.redis.close)
        port = int(bell.url.rpartition(":")[2].partition("/")[0])
        self.proxy = self._exit.enter_context(Proxy(("127.0.0.1", port)))
        self.redis_url = bell.url.replace(f":{port}/", f":{self.proxy.port}/")
        self.postbox = Postbox(self.redis, self.proxy)

    def _staff_begins(self) -> None:
        listener = self._exit.enter_context(listen("127.0.0.1", 0))
        self.url = url_from_here(listener)
        model = f"faults:{self.control.words}"
        self.environment = self._environment(model)
        staff = self._staff(model, "faults:words.json", listener.fileno(), len(TRANSCRIBERS), len(DIARIZERS))
        demo = self._staff("demo", "demo", listener.fileno(), 1, 0).workers[-1]
        run_to_end(staff.migrate(), self.children.log("migrate"), 120.0)
        for command in (staff.web(), staff.beat(), *staff.workers, told(demo, {}, DEMO)):
            extra = {"SCRIPTORIUM_TRANSCRIBE_BATCH": "4"} if command.name == BATCHING else {}
            self.children.start(told(command, extra))

    def _environment(self, model: str) -> dict[str, str]:
        """Nothing of the shell that runs the suite decides how it ends."""
        whole = child_environment(self.folder, self.database_url, self.redis_url, model, self._diarizer)
        kept = {name: value for name, value in whole.items() if not name.startswith("SCRIPTORIUM_")}
        return {
            **kept,
            **self.timing.environment(),
            "SCRIPTORIUM_DATA": str(self.folder),
            "SCRIPTORIUM_ENGINES": json.dumps(_ENGINES),
            "SCRIPTORIUM_DIARIZER": self._diarizer,
            "SCRIPTORIUM_VAD": "webrtc",  # Silero hears no speech in tones
            "SCRIPTORIUM_MIN_FREE_BYTES": "0",
            "SCRIPTORIUM_MIN_FREE_SHARE": "0",
            "SCRIPTORIUM_RATE_LIMIT": "0",  # one key asks as often as it can
            "SCRIPTORIUM_THREADS": "1",
            "SCRIPTORIUM_INSTALLATION_KEY": vault.new_key(),
            "SCRIPTORIUM_OUTGOING_ALLOW": "127.0.0.1",
            "SCRIPTORIUM_DELIVERY_SECONDS": "2",
        }

    @property
    def _diarizer(self) -> str:
        return f"voices:{self.control.words}"

    def _staff(self, setting: str, name: str, listener: int, transcribers: int, diarizers: int) -> Staff:
        return Staff(
            data=self.folder,
            environment={**self.environment, "SCRIPTORIUM_MODEL": setting},
            machine=Machine(os.cpu_count() or 2),
            model=name,
            transcribe_queue=queue_name(Kind.TRANSCRIBE, name),
            listener=listener,
            transcribers=transcribers,
            light=len(LIGHT),
            diarize_queue=queue_name(Kind.DIARIZE, "voices:words.json"),
            diarizers=diarizers,
            deliveries=4,
        )

    @contextmanager
    def _callers(self) -> Iterator[None]:
        """One a tenant, with its key; and a bell of the suite's own."""
        settings = Settings(database_url=self.database_url, redis_url=self._redis.url, data=self.folder)
        here = composition.build(settings)
        tokens = [(name, keys.mint()) for name in TENANTS]
        for name, token in tokens:
            keys.ensure(here, token, name)
        here.sessions.kw["bind"].dispose()
        self.callers = [Caller(self.url, token) for _, token in tokens]
        self.app: Celery = here.bell.app
        try:
            yield
        finally:
            self.app.close()
            for caller in self.callers:
                caller.close()

    def command(self, name: str) -> Command:
        return self.children.command(name)

    def transcribing(self) -> list[str]:
        return [name for name in TRANSCRIBERS if self.children.alive(name)]

    def wait_for_workers(self, seconds: float, *names: str) -> None:
        """Until those that do steps are there and have said so; all of them, where none are named."""
        wanted = names or WORKERS

        def all_there() -> bool:
            fresh = self.ledger.all(
                "SELECT name FROM workers WHERE seen_at > clock_timestamp() - interval '1 second' * %s",
                2 * self.timing.heartbeat + 0.5,
            )
            known = {int(name.rpartition(":")[2]) for (name,) in fresh}
            return {self.children.pid(name) for name in wanted} <= known

        self.children.until(all_there, seconds, "not every worker was there")

    def asked(self, question: Callable[[], Answer]) -> Answer:
        """Of the server, while its processes are tended: it may have to be started again to answer."""
        answer: Future[Answer] = self.pool.submit(question)
        self.children.until(answer.done, _READY_SECONDS, "the server did not answer")
        return answer.result()

    def path_of(self, recording: str) -> Path:
        return self.blobs / "recordings" / recording
