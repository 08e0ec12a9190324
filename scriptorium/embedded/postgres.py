"""A real PostgreSQL under the data folder: durable, small, and open to nobody but us."""

import secrets
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from urllib.parse import quote

from scriptorium.embedded import binaries
from scriptorium.embedded.place import account, own_file, own_folder, settle
from scriptorium.embedded.ports import free_port
from scriptorium.embedded.server import Server
from scriptorium.processes import (
    Account,
    Command,
    born,
    plain_environment,
    run_to_end,
)

NAME = "scriptorium"
START_SECONDS = 60.0
"""A database that was killed replays its log first."""

INITDB_SECONDS = 180.0
_CLOCK_STEPS = 2.0
"""Seconds that the start in postmaster.pid, whole seconds, may seem to lie before ours."""

_SOCKET_PATH_LIMIT = 100
"""Bytes; the system's own limit is 104 to 108."""

_FAST_SHUTDOWN = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
"""SIGINT ends sessions and writes a checkpoint, SIGQUIT leaves the log to be replayed at the next start."""

_SETTINGS = {
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "idle_in_transaction_session_timeout": "60s",
    "log_statement": "none",
    "log_timezone": "UTC",
    "timezone": "UTC",
}

Run = Callable[[Command, Path, float], None]


class Postgres(Server):
    """`start()` gives the URL. The supervisor uses the parts: `install`, `command`, `ready`, `url`.

    Raises NotInstalled, NoPlace, ProcessFailed. `log` receives all output.
    """

    name = "PostgreSQL"
    start_seconds = START_SECONDS

    def __init__(self, folder: Path, log: Path | None = None, run: Run = run_to_end) -> None:
        self.folder = folder.resolve()
        self.log = log or self.folder / "postgres.log"
        self._run = run
        self._process: Popen[bytes] | None = None

    def install(self) -> None:
        """Finds a place and the programs, and makes the database once. A second call does nothing."""
        self._account: Account | None = account(self.folder)
        self.place = settle(self.folder, self._account)
        self._binaries = binaries.usable_postgres(binaries.postgres(self._major()), self.place, self._account)
        self._password = self._kept_password()
        self._port = 0 if self._socket_fits() else free_port()
        if not self.cluster.exists():
            self._make_cluster()
        if not self._port:
            own_folder(self._sockets, self._account)

    @property
    def cluster(self) -> Path:
        return self.place / "cluster"

    @property
    def _sockets(self) -> Path:
        return self.place / "socket"

    @property
    def url(self) -> str:
        """For SQLAlchemy and libpq alike: a socket in a folder of our own, TCP only where its path is too long."""
        login = f"postgresql://{NAME}:{self._password}@"
        if self._port:
            return f"{login}127.0.0.1:{self._port}/{NAME}"
        return f"{login}/{NAME}?host={quote(str(self._sockets))}"

    def command(self) -> Command:
        settings = _SETTINGS | (
            {"listen_addresses": "127.0.0.1", "port": str(self._port), "unix_socket_directories": ""}
            if self._port
            else {"listen_addresses": "", "unix_socket_directories": f'"{self._sockets}"'}
        )
        self._asked = time.time()
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._command("postgres", "-D", str(self.cluster), *options)

    def ready(self) -> bool:
        """As pg_ctl finds it out: postmaster.pid holds the process, its start, and in the eighth line the state.

        One that was killed leaves a file that says "ready" for ever, so it must live and be of this start.
        """
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        if len(lines) < 8 or lines[7].strip() != "ready":
            return False
        return born(int(lines[0])) is not None and int(lines[2]) >= self._asked - _CLOCK_STEPS

    def _command(self, program: str, *arguments: str) -> Command:
        return Command(
            name=program,
            argv=(self._binaries.program(program), *arguments),
            environment=plain_environment(),
            directory=self.place,
            account=self._account,
            ending=_FAST_SHUTDOWN,
        )

    def _major(self) -> int | None:
        version = self.cluster / "PG_VERSION"
        return int(version.read_text()) if version.exists() else None

    def _socket_fits(self) -> bool:
        return len(bytes(self._sockets / ".s.PGSQL.5432.lock")) <= _SOCKET_PATH_LIMIT

    def _kept_password(self) -> str:
        kept = self.folder / "password"
        if not kept.exists():
            own_file(kept, secrets.token_urlsafe(32), None)
        return kept.read_text()

    def _make_cluster(self) -> None:
        """In a folder that gets its name when it is whole: one that was interrupted begins again."""
        unfinished = self.place / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        own_folder(unfinished, self._account)
        password = own_file(self.place / "initdb-password", self._password, self._account)
        try:
            self._initdb(unfinished, password)
        finally:
            password.unlink(missing_ok=True)
        unfinished.rename(self.cluster)

    def _initdb(self, cluster: Path, password: Path) -> None:
        options = ("-U", NAME, "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--no-locale")
        self._run(self._command("initdb", "-D", str(cluster), *options), self.log, INITDB_SECONDS)
        statement = own_file(self.place / "createdb.sql", f"CREATE DATABASE {NAME};\n", self._account)
        single = ("postgres", "--single", "-D", str(cluster), "postgres")
        command = self._command(*single)
        shell = ("/bin/sh", "-c", 'exec "$@" < "$0"', str(statement), *command.argv)
        try:
            self._run(Command("createdb", shell, command.environment, command.directory, self._account), self.log, 60.0)
        finally:
            statement.unlink(missing_ok=True)
