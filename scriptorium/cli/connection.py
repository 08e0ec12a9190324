"""Which server a command talks to, and with which key."""

import os
from pathlib import Path
from typing import Annotated

import typer

from scriptorium import data_folder
from scriptorium.cli.exits import WRONG_USE
from scriptorium.client import Client
from scriptorium.data_folder import DataFolder

USUAL_URL = "http://127.0.0.1:8080"

Url = Annotated[str | None, typer.Option("--url", help="The server; else the one that `scriptorium up` started here.")]
Key = Annotated[
    str | None, typer.Option("--key", help="The API key; else SCRIPTORIUM_API_KEY, or the server's own here.")
]
Data = Annotated[Path | None, typer.Option("--data", help="The data folder of the server on this machine.")]


def connect(url: str | None, key: str | None, data: Path | None = None) -> Client:
    """Options first, then the environment, then what `scriptorium up` left in its data folder.

    The folder's key goes only to the folder's server: a key must not reach another machine by accident.
    """
    folder = DataFolder(data or data_folder.default())
    local = _kept(folder.url_file) or USUAL_URL
    chosen = (url or os.environ.get("SCRIPTORIUM_URL") or local).rstrip("/")
    secret = key or os.environ.get("SCRIPTORIUM_API_KEY") or (_kept(folder.key_file) if chosen == local else None)
    return Client(chosen, secret or "")


def _kept(path: Path) -> str | None:
    """None also where another user's folder cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return None


def wrong_use(message: str) -> typer.Exit:
    """Says it and gives what to raise."""
    typer.echo(f"scriptorium: {message}", err=True)
    return typer.Exit(WRONG_USE)
