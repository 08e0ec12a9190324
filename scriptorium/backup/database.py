"""The database of a data folder, or the one that DATABASE_URL names: reached, dumped and loaded."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from core.context import Context, build
from core.settings import Settings
from scriptorium.backup import Refused
from scriptorium.data_folder import DataFolder, InUse
from scriptorium.embedded.binaries import PostgresClient, postgres_client
from scriptorium.embedded.postgres import NAME, START_SECONDS, Postgres
from scriptorium.processes import Command, born, end, launch, plain_environment, run_to_end, wait_until
from scriptorium.services import MIGRATE, PROJECT

LONGEST = 12 * 3600.0
"""Seconds of a dump or a load: a bound, not an expectation."""

LOCK_WAIT = 60
"""Seconds that a dump waits for a migration, rather than hold up whoever comes after it."""

_LIBPQ = (
    "HOME", "PGPASSFILE", "PGSERVICE", "PGSERVICEFILE", "PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY",
    "PGPASSWORD",
)  # fmt: skip
"""Of our environment, what a login may need that the URL does not say."""

_SECRETS = ("password", "sslpassword")
"""Of a URL's query. For the second libpq has no variable: its key must stand on disk without one."""


@contextmanager
def to_read(folder: DataFolder, given: str) -> Iterator[str]:
    """The URL: the given one, or of the folder's own database. Where no server runs in the folder, its Postgres is
    started meanwhile, and the folder is locked.

    Raises Refused, NotUsable, NotInstalled, NoPlace, ProcessFailed.
    """
    with ExitStack() as stack:
        yield given or _of_folder(folder, stack)


def _of_folder(folder: DataFolder, stack: ExitStack) -> str:
    if not cluster(folder).exists():
        raise Refused(f"{folder.path} holds no database; name the server's folder with --data, or set DATABASE_URL")
    try:
        stack.enter_context(folder.locked())
    except InUse:
        return _running(folder)
    folder.end_orphans()
    return stack.enter_context(_started(folder))


@contextmanager
def to_fill(folder: DataFolder, given: str) -> Iterator[str]:
    """The URL, as from `to_read`; a database that is not there is made. The folder is locked in any case.

    Raises InUse where a server runs in it, NotUsable, NotInstalled, NoPlace, ProcessFailed.
    """
    with ExitStack() as stack:
        stack.enter_context(folder.locked())
        folder.end_orphans()
        yield given or stack.enter_context(_started(folder))


@contextmanager
def _started(folder: DataFolder) -> Iterator[str]:
    """Recorded as `up` records its children: should we be killed, the next to lock the folder waits for its end."""
    log = folder.log("postgres")
    server = Postgres(folder.path / "embedded", log)
    server.install()
    command = server.command()
    process = launch(command, log)
    try:
        folder.record("postgres", process.pid, command.ending[0][0])
        wait_until(server.ready, process, START_SECONDS, f"PostgreSQL (its log is {log})")
        yield server.url
    finally:
        end(process, command.ending)
        folder.forget("postgres")


def cluster(folder: DataFolder) -> Path:
    """Where the embedded Postgres keeps its files, or would: beside the folder's others, or where `elsewhere` says."""
    pointer = folder.path / "embedded" / "elsewhere"
    place = Path(pointer.read_text().strip()) if pointer.exists() else pointer.parent
    return place / "cluster"


def _running(folder: DataFolder) -> str:
    """Of the Postgres that another process started in this folder: postmaster.pid says where it listens.

    Its lines (PostgreSQL's miscinit.c): process, folder, start, port, socket folder, address, memory key, state.
    """
    stands = cluster(folder) / "postmaster.pid"
    lines = [line.strip() for line in stands.read_text().splitlines()] if stands.exists() else []
    if len(lines) < 8 or lines[7] != "ready" or born(int(lines[0])) is None:
        raise Refused(
            f"the server in {folder.path} is starting, stopping or without its own database; "
            "try again when it is ready, or set DATABASE_URL as it was set for the server"
        )
    login = f"postgresql://{NAME}:{(folder.path / 'embedded' / 'password').read_text().strip()}@"
    if lines[5]:
        return f"{login}{lines[5]}:{lines[3]}/{NAME}"
    return f"{login}/{NAME}?host={quote(lines[4])}&port={lines[3]}"


@contextmanager
def connected(url: str, folder: DataFolder) -> Iterator[Context]:
    made = build(Settings(database_url=url, data=folder.path))
    try:
        yield made
    finally:
        made.sessions.kw["bind"].dispose()
        made.bell.app.close()


def dump(url: str, server_major: int, target: Path) -> int:
    """One snapshot, in pg_dump's own format, flushed to disk. Returns the major version that wrote it.

    Who works there now is left out: nobody of them works where it is restored. Raises NotInstalled, ProcessFailed.
    """
    program = postgres_client("pg_dump", server_major)
    left_out = [f"--exclude-table-data=public.{table}" for table in ("workers", "sweep_state")]
    options = ("--format=custom", f"--lock-wait-timeout={LOCK_WAIT}s", f"--file={target}", *left_out)
    _talk(program, url, options)
    return program.major


def load(url: str, written_by: int, source: Path) -> None:
    """All of it or nothing: one transaction. Raises NotInstalled, ProcessFailed."""
    program = postgres_client("pg_restore", written_by)
    _talk(program, url, ("--single-transaction", "--exit-on-error", str(source)))


def _talk(program: PostgresClient, url: str, options: tuple[str, ...]) -> None:
    """Our schema alone, owned by whoever logs in: a shared database's extensions and roles are not ours to move."""
    address, environment = login(url)
    common = ("--no-password", "--schema=public", "--no-owner", "--no-privileges", f"--dbname={address}")
    argv = (str(program.path), *common, *options)
    # What it complains of is kept apart from the backup, whose disk may be what it complains of.
    with tempfile.TemporaryDirectory() as folder:
        run_to_end(Command(program.path.name, argv, environment, PROJECT), Path(folder) / "log", LONGEST)


def login(url: str) -> tuple[str, dict[str, str]]:
    """The URL without its password, for a command line that everybody can read; and an environment that has it."""
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    query = parse_qsl(parts.query, keep_blank_values=True)
    password = unquote(password) or dict(query).get("password", "")
    public = urlencode([(key, value) for key, value in query if key not in _SECRETS], quote_via=quote)
    address = parts._replace(scheme="postgresql", netloc=f"{name}{at}{place}", query=public).geturl()
    return address, plain_environment(_LIBPQ) | ({"PGPASSWORD": password} if password else {})


def migrate(url: str, folder: DataFolder) -> None:
    """Brings the tables up to date, as `up` does. Raises ProcessFailed."""
    argv = (sys.executable, "-m", *MIGRATE)
    environment = {**os.environ, "DATABASE_URL": url}
    run_to_end(Command("migrate", argv, environment, PROJECT), folder.log("migrate"), LONGEST)
