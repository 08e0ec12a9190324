"""`scriptorium keys …`: who may use a server. For its operator: it speaks to the database, and needs no key itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from scriptorium import data_folder
from scriptorium.cli.connection import Data, wrong_use
from scriptorium.cli.plain import said_plainly
from scriptorium.cli.tables import table

if TYPE_CHECKING:
    from core.context import Context

DAY = 86400.0
USUAL = ("jobs:read", "jobs:write")

app = typer.Typer(help="API keys: make, list and revoke them.", no_args_is_help=True)

Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope", help=f"jobs:read, jobs:write, webhooks:write, usage:read, admin; {' and '.join(USUAL)} if none."
    ),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for, such as the program that will use it.")],
    tenant: Annotated[str, typer.Option(help="Whose jobs it sees; made where there is none of this name.")] = "default",
    scope: Scopes = None,
    days: Annotated[float | None, typer.Option(help="It ends after so many; else never.")] = None,
    data: Data = None,
) -> None:
    """Make a key. It goes to standard output, once: nobody can see it again."""
    from core import keys

    with _opened(data) as context:
        lasts = None if days is None else days * DAY
        secret, made = keys.create(context, tenant, name, scope or USUAL, lasts)
    typer.echo(f"key {made['id']} of {made['tenant']}: {', '.join(made['scopes'])}; {_end(made)}", err=True)
    typer.echo(secret)


@app.command("list")
def list_keys(
    ended: Annotated[bool, typer.Option("--all", help="Also those that were revoked or have expired.")] = False,
    data: Data = None,
) -> None:
    """The keys, newest first, without their secrets."""
    from core import keys

    with _opened(data) as context:
        found = keys.listed(context)
    columns = ("id", "tenant", "name", "scopes", "created", "last used", "end")
    table(columns, [_row(key) for key in found if ended or not _is_over(key)])


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Of `scriptorium keys list`.")], data: Data = None) -> None:
    """End a key. From then on it opens nothing, nor do the access tokens that were got with it."""
    from core import keys

    try:
        its_id = UUID(key_id)
    except ValueError as error:
        raise wrong_use(f"{key_id!r} is not the id of a key; `scriptorium keys list` has them") from error
    with _opened(data) as context:
        typer.echo(f"key {key_id} {_end(keys.revoke(context, its_id))}")


@app.command()
def installation() -> None:
    """A new installation key, for SCRIPTORIUM_INSTALLATION_KEY. `up` makes its own; keep it as safe as the database."""
    from core import vault

    typer.echo(vault.new_key())


@app.command()
def rotate(
    distrust: Annotated[bool, typer.Option("--distrust", help="End the tokens of the old one at once.")] = False,
    data: Data = None,
) -> None:
    """Sign access tokens with another key from now on. Tokens signed before stay valid until they expire."""
    from core import tokens

    with _opened(data, sealed=True) as context:
        typer.echo(f"access tokens are signed with {tokens.rotate(context, distrust=distrust)}")


@contextmanager
def _opened(data: Path | None, *, sealed: bool = False) -> Iterator["Context"]:
    """`sealed`: with the folder's installation key, for what reads or writes secrets."""
    from scriptorium.reach import opened

    with said_plainly("keys"), opened(data or data_folder.default(), sealed=sealed) as context:
        yield context


def _row(key: dict[str, Any]) -> tuple[str, ...]:
    return (
        *(key[name] for name in ("id", "tenant", "name")),
        ",".join(key["scopes"]),
        key["created_at"],
        key["last_used_at"] or "never",
        _end(key),
    )


def _end(key: dict[str, Any]) -> str:
    if key["revoked_at"]:
        return f"revoked {key['revoked_at']}"
    return f"expires {key['expires_at']}" if key["expires_at"] else "does not expire"


def _is_over(key: dict[str, Any]) -> bool:
    expires = key["expires_at"]
    return bool(key["revoked_at"]) or (expires is not None and datetime.fromisoformat(expires) <= datetime.now(UTC))
