"""`scriptorium up`: one server, from nothing to `ready`, and down again."""

import os
import socket
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx2

from core.errors import InvalidRequest, ScriptoriumError
from core.models import ModelSource
from core.settings import Settings
from core.states import Kind
from scriptorium.choice import NoModel, available, choose, lacking, machine, speakers
from scriptorium.client import ApiError, Client, ServerUnreachable
from scriptorium.data_folder import DataFolder, InUse, NotUsable, write_private
from scriptorium.embedded.binaries import NotInstalled
from scriptorium.embedded.place import NoPlace
from scriptorium.embedded.postgres import START_SECONDS, Postgres
from scriptorium.embedded.redis import Redis
from scriptorium.listening import PortTaken, listen, shown_url, url_from_here
from scriptorium.processes import Command, ProcessFailed
from scriptorium.services import PROJECT, Machine, Staff, child_environment
from scriptorium.signals import Stopped, StopRequest
from scriptorium.supervisor import Supervisor

_READY_SECONDS = 600.0
"""A large model on a slow disk."""


INSTALLATION_KEY = "SCRIPTORIUM_INSTALLATION_KEY"

CANNOT_START = (InUse, NotUsable, NoModel, NotInstalled, NoPlace, PortTaken, ProcessFailed, ScriptoriumError)


@dataclass(frozen=True)
class Wanted:
    """The command line of `up`. None and 0 choose by the machine."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8080
    model: str | None = None
    transcribers: int = 0
    light: int = 2
    diarizers: int = 1


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def up(wanted: Wanted) -> int:
    """The exit code: 0 stopped when asked, 1 cannot start, 2 wrong use. Only `ready URL` goes to standard output."""
    stop = StopRequest()
    stop.install()
    os.umask(0o077)
    folder = DataFolder(wanted.data.resolve())
    try:
        here = machine()
        source = choose(wanted.model, here, Settings())
        with folder.locked():
            if folder.unfinished_restore.exists():
                raise NotUsable(
                    f"a restore into {folder.path} was cut off; run `scriptorium restore` again to finish it"
                )
            for orphan in folder.end_orphans():
                say(f"ended {orphan.name} (process {orphan.pid}), left by an earlier start")
            folder.rotate_logs()
            with closing(listen(wanted.host, wanted.port)) as listener:
                _Start(wanted, folder, listener, here, source, stop).run()
    except Stopped:
        say("stopped")
        return 0
    except CANNOT_START as error:
        say(f"scriptorium up: {error}")
        return 2 if isinstance(error, InvalidRequest) else 1
    return 0


class _Start:
    """One run of the server."""

    def __init__(
        self,
        wanted: Wanted,
        folder: DataFolder,
        listener: socket.socket,
        here: Machine,
        source: ModelSource,
        stop: StopRequest,
    ) -> None:
        self._wanted = wanted
        self._folder = folder
        self._listener = listener
        self._machine = here
        self._source = source
        self._diarizer = speakers(source, Settings())
        self._supervisor = Supervisor(folder, stop, say)
        self._embedded = folder.path / "embedded"

    def run(self) -> None:
        """Until it is stopped, or raises one of CANNOT_START. Nothing is left either way."""
        staff: Staff | None = None
        try:
            staff = self._staff(*self._servers())
            self._prepare(staff)
            for command in (staff.web(), *staff.workers, staff.beat()):
                self._supervisor.start(command)
            self._announce(staff)
            self._supervisor.watch()
        finally:
            self._listener.close()  # web has its own copy; nobody is kept waiting on ours
            workers = [command.name for command in staff.workers] if staff else []
            self._folder.url_file.unlink(missing_ok=True)
            self._supervisor.end([workers, ["web", "beat"], ["redis"], ["postgres"]])

    def _servers(self) -> tuple[str, str]:
        """Their URLs: ours where none are given. Both start at once."""
        given_database, given_redis = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
        redis = None if given_redis else Redis(self._embedded, self._folder.log("redis"))
        if redis:
            redis.install()
            self._supervisor.start(redis.command())
        postgres = (
            None if given_database else Postgres(self._embedded, self._folder.log("initdb"), self._supervisor.run)
        )
        if postgres:
            postgres.install()
            self._supervisor.start(postgres.command())
            self._supervisor.until(postgres.ready, START_SECONDS, "PostgreSQL was not ready")
        if redis:
            self._supervisor.until(redis.ready, START_SECONDS, "Redis was not ready")
        return (postgres.url if postgres else given_database), (redis.url if redis else given_redis)

    def _staff(self, database_url: str, redis_url: str) -> Staff:
        serving = (self._source.setting, self._diarizer.setting)
        environment = child_environment(self._folder.path, database_url, redis_url, *serving)
        environment.setdefault(INSTALLATION_KEY, installation_key(self._folder))
        os.environ.update(environment)  # core, in this process too, reads its settings from there
        from core.bell import queue_name  # only now: it brings Celery and SQLAlchemy

        return Staff(
            data=self._folder.path,
            environment=environment,
            machine=self._machine,
            model=self._source.name,
            transcribe_queue=queue_name(Kind.TRANSCRIBE, self._source.name),
            listener=self._listener.fileno(),
            transcribers=self._wanted.transcribers or self._machine.transcribers,
            light=self._wanted.light,
            diarize_queue=queue_name(Kind.DIARIZE, self._diarizer.name),
            diarizers=self._diarizers(),
            fetches=Settings().fetches,
            deliveries=Settings().deliveries,
        )

    def _diarizers(self) -> int:
        """None where the pipeline is not here: transcripts have no speakers then, and say so."""
        if not self._wanted.diarizers:
            return 0
        if missing := lacking(self._diarizer):
            say(f"no speakers will be found: {missing}")
            return 0
        return self._wanted.diarizers

    def _prepare(self, staff: Staff) -> None:
        """The model, the tables, the key."""
        if not available(self._source):
            say(f"fetching the model {self._source.name} (once); progress is in {self._folder.log('pull')}")
            pull = (sys.executable, "-m", "scriptorium", "models", "pull", self._source.setting)
            self._supervisor.run(
                Command("pull", pull, staff.environment, PROJECT), self._folder.log("pull"), 6 * 3600.0
            )
        self._supervisor.run(staff.migrate(), self._folder.log("migrate"), 300.0)
        self._key = ensure_key(self._folder)

    def _announce(self, staff: Staff) -> None:
        local = url_from_here(self._listener)
        needed = {Kind.DIARIZE} if staff.diarizers else set()
        self._supervisor.until(
            lambda: _serving(local, self._key, self._source.name, needed), _READY_SECONDS, "was not ready"
        )
        write_private(self._folder.url_file, local)
        say(f"API key {self._key} (kept in {self._folder.key_file})")
        say(f"model {self._source.name}; logs in {self._folder.path / 'logs'}; Ctrl-C stops")
        print(f"ready {shown_url(self._wanted.host, self._listener)}", flush=True)


def ensure_key(folder: DataFolder) -> str:
    """The folder's own key, made once; the database learns it again at each start."""
    from core import keys
    from core.context import build

    if not folder.key_file.exists():
        write_private(folder.key_file, keys.mint())
    key = folder.key_file.read_text().strip()
    keys.ensure(build(Settings()), key)
    return key


def installation_key(folder: DataFolder) -> str:
    """The folder's own, made once: without it the secrets in its database cannot be read again."""
    from core import vault

    if not folder.installation_key_file.exists():
        write_private(folder.installation_key_file, vault.new_key())
    return folder.installation_key_file.read_text().strip()


def _serving(url: str, key: str, model: str, needed: set[Kind]) -> bool:
    """It takes requests, and somebody will transcribe them, and do what else is `needed`."""
    try:
        if httpx2.get(f"{url}/readyz", timeout=2.0).status_code != 200:
            return False
        with Client(url, key, timeout=2.0) as client:
            done = {kind for worker in client.workers() for kind in worker["kinds"]} if needed else set()
            return needed <= done and any(one["name"] == model for one in client.models())
    except (httpx2.HTTPError, ApiError, ServerUnreachable):
        return False
