"""The database of a data folder, or the one that DATABASE_URL names, for a command that needs no running server."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from core import health
from core.context import Context, build
from core.errors import ScriptoriumError
from core.jobs import restored
from core.settings import Settings
from scriptorium.data_folder import DataFolder, InUse
from scriptorium.embedded.postgres import NAME, START_SECONDS, Postgres
from scriptorium.processes import born, end, launch, wait_until


class Refused(ScriptoriumError):
    """It cannot be done as asked, and nothing was changed; the message names the remedy."""

    code = "refused"
    status = 409


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
def opened(data: Path, *, sealed: bool = False) -> Iterator[Context]:
    """For a command that reads or changes rows of a server, running or not; `sealed`: secrets too. Raises as `to_read`
    does, Unavailable, and ScriptoriumError where its tables are of another version."""
    folder = DataFolder(data.resolve())
    if folder.unfinished_restore.exists():
        raise Refused(f"the restore into {folder.path} was not finished; run `scriptorium restore` again first")
    with to_read(folder, Settings().database_url) as url, connected(url, folder) as context:
        if restored.look(context).schema is None:
            raise Refused("the database has no tables of scriptorium yet; start the server once")
        health.check_schema(context)
        yield _unsealing(context, folder) if sealed else context


def _unsealing(context: Context, folder: DataFolder) -> Context:
    """With the folder's installation key, where the environment has none."""
    if context.settings.installation_key or not folder.installation_key_file.exists():
        return context
    key = folder.installation_key_file.read_text().strip()
    return replace(context, settings=context.settings.model_copy(update={"installation_key": key}))


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
