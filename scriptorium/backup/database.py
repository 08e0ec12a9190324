"""A database, dumped and loaded."""

import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from scriptorium.data_folder import DataFolder
from scriptorium.embedded.binaries import PostgresClient, postgres_client
from scriptorium.processes import Command, plain_environment, run_to_end
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
