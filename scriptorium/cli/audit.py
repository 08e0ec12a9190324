"""`scriptorium audit verify`: is the trail what was written? For the server's operator: it speaks to the database."""

import re
from typing import Annotated

import typer

from scriptorium import data_folder
from scriptorium.cli.connection import Data, wrong_use
from scriptorium.cli.exits import JOB_FAILED
from scriptorium.cli.plain import said_plainly

app = typer.Typer(help="The audit trail: who did what.", no_args_is_help=True)

Heads = Annotated[
    list[str] | None,
    typer.Option(
        "--expect-head", help="POSITION:SHA256 that was printed before, and kept where no one here can write."
    ),
]


@app.callback()
def audit() -> None:
    """The audit trail: who did what."""


@app.command()
def verify(expect_head: Heads = None, data: Data = None) -> None:
    """Read the whole trail. Exits 0 and prints its head, or 1 and names the first entry that was changed."""
    from core.audit import Broken, verify
    from scriptorium.reach import opened

    expected = dict(map(_head, expect_head or ()))
    try:
        with said_plainly("audit"), opened(data or data_folder.default()) as context:
            found = verify(context, expected)
    except Broken as error:
        typer.echo(f"scriptorium audit: {error}", err=True)
        raise typer.Exit(JOB_FAILED) from error
    gone = f", {found.removed} older ones removed" if found.removed else ""
    typer.echo(f"{found.entries} entries hold{gone}; {found.waiting} have no place in the chain yet")
    typer.echo(f"head {found.head.position}:{found.head.sha256.hex()}")


def _head(text: str) -> tuple[int, bytes]:
    if not re.fullmatch(r"\d{1,18}:[0-9a-fA-F]{64}", text):
        raise wrong_use(f"{text!r} is no head; give it as it was printed, such as 1234:9f86d0…")
    position, _, sha256 = text.partition(":")
    return int(position), bytes.fromhex(sha256)
