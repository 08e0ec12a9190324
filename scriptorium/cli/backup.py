"""`scriptorium backup OUT` and `scriptorium restore FROM`."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from scriptorium import data_folder
from scriptorium.cli.exits import JOB_FAILED, SERVER_UNREACHABLE, WRONG_USE
from scriptorium.cli.transcribe import INTERRUPTED

Out = Annotated[Path, typer.Argument(help="A new folder, best on another disk.")]
From = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A folder that `scriptorium backup` made.")]
Data = Annotated[Path | None, typer.Option(help="The server's data folder.")]
Into = Annotated[Path | None, typer.Option(help="The data folder to fill; it must hold no jobs.")]


def backup(out: Out, data: Data = None) -> None:
    """Copy the jobs, transcripts and recordings of a server, running or not, into a new folder."""
    from core.settings import Settings
    from scriptorium.backup.take import take

    with _said_plainly("backup"):
        made = take(out, data or data_folder.default(), Settings().database_url, _say)
    size = (made.database.bytes + made.blob_bytes) / 1e6
    typer.echo(f"{out}: {size:.1f} MB, {made.blob_count} files of recordings; keep it as private as the server")


def restore(source: From, data: Into = None) -> None:
    """Make a server's data from a backup; `scriptorium up` then goes on with the jobs that were under way."""
    from core.settings import Settings
    from scriptorium.backup.restore import restore as fill

    into = data or data_folder.default()
    with _said_plainly("restore"):
        done = fill(source.resolve(), into, Settings().database_url, _say)
    typer.echo(f"{into}: as of {done.manifest.taken_at}; {done.queued} steps that were running are queued again")


def _say(line: str) -> None:
    typer.echo(line, err=True)


@contextmanager
def _said_plainly(command: str) -> Iterator[None]:
    """Exits 2 when refused, 3 when the database does not answer, 1 for what fails on the way. SIGTERM is Ctrl-C:
    either way what was started is ended."""
    from core.errors import Unavailable
    from scriptorium.backup import Refused
    from scriptorium.data_folder import InUse, NotUsable
    from scriptorium.embedded.binaries import NotInstalled
    from scriptorium.embedded.place import NoPlace
    from scriptorium.processes import ProcessFailed

    os.umask(0o077)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except InUse as error:
        raise _ended(command, f"{error}; stop it first", WRONG_USE) from error
    except Unavailable as error:
        raise _ended(command, error.message, SERVER_UNREACHABLE) from error
    except (Refused, NotUsable) as error:
        raise _ended(command, str(error), WRONG_USE) from error
    except (NotInstalled, NoPlace, ProcessFailed) as error:
        raise _ended(command, str(error), JOB_FAILED) from error
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror}"
        raise _ended(command, f"{what}; run it again when that is put right", JOB_FAILED) from error
    except KeyboardInterrupt:
        raise _ended(command, "stopped", INTERRUPTED) from None


def _ended(command: str, why: str, code: int) -> typer.Exit:
    print(f"scriptorium {command}: {why}", file=sys.stderr)
    return typer.Exit(code)
