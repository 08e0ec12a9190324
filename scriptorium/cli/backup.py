"""`scriptorium backup OUT` and `scriptorium restore FROM`."""

from pathlib import Path
from typing import Annotated

import typer

from scriptorium import data_folder
from scriptorium.cli.plain import said_plainly

Out = Annotated[Path, typer.Argument(help="A new folder, best on another disk.")]
From = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A folder that `scriptorium backup` made.")]
Data = Annotated[Path | None, typer.Option(help="The server's data folder.")]
Into = Annotated[Path | None, typer.Option(help="The data folder to fill; it must hold no jobs.")]


def backup(out: Out, data: Data = None) -> None:
    """Copy the jobs, transcripts and recordings of a server, running or not, into a new folder."""
    from core.settings import Settings
    from scriptorium.backup.take import take

    with said_plainly("backup"):
        made = take(out, data or data_folder.default(), Settings().database_url, _say)
    size = (made.database.bytes + made.blob_bytes) / 1e6
    typer.echo(f"{out}: {size:.1f} MB, {made.blob_count} files of recordings; keep it as private as the server")


def restore(source: From, data: Into = None) -> None:
    """Make a server's data from a backup; `scriptorium up` then goes on with the jobs that were under way."""
    from core.settings import Settings
    from scriptorium.backup.restore import restore as fill

    into = data or data_folder.default()
    with said_plainly("restore"):
        done = fill(source.resolve(), into, Settings().database_url, _say)
    typer.echo(f"{into}: as of {done.manifest.taken_at}; {done.queued} steps that were running are queued again")


def _say(line: str) -> None:
    typer.echo(line, err=True)
