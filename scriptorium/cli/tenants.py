"""`scriptorium tenants …`: what each tenant may use. For the server's operator, as `scriptorium keys` is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scriptorium import data_folder
from scriptorium.cli.connection import Data, wrong_use
from scriptorium.cli.plain import said_plainly
from scriptorium.cli.tables import table

if TYPE_CHECKING:
    from core.context import Context

DEFAULT = "default"

app = typer.Typer(help="Tenants, and what each may use.", no_args_is_help=True)

Limit = str | None
_HELP = f"0: no limit; `{DEFAULT}`: what the server's settings say."


@app.command("list")
def list_tenants(data: Data = None) -> None:
    """The tenants, with what was set for each."""
    from core import tenants

    with _opened(data) as context:
        found = tenants.listed(context)
    columns = ("name", "weight", "minutes a month", "jobs at work", "requests a minute", "created")
    table(columns, [_row(tenant) for tenant in found])


@app.command("set")
def set_tenant(
    name: Annotated[str, typer.Argument(help="Of `scriptorium tenants list`.")],
    weight: Annotated[float | None, typer.Option(help="Its share of the workers; 1 where nothing was said.")] = None,
    monthly_minutes: Annotated[Limit, typer.Option(help=f"Of audio, in a calendar month. {_HELP}")] = None,
    concurrent_jobs: Annotated[Limit, typer.Option(help=f"At work at a time; others wait. {_HELP}")] = None,
    rate: Annotated[Limit, typer.Option(help=f"Requests a minute of each key. {_HELP}")] = None,
    data: Data = None,
) -> None:
    """Change what a tenant may use. What is not named stays."""
    from core import tenants

    limits = {
        "monthly_minutes": ("--monthly-minutes", monthly_minutes),
        "concurrent_jobs": ("--concurrent-jobs", concurrent_jobs),
        "requests_per_minute": ("--rate", rate),
    }
    values = {field: _number(option, given) for field, (option, given) in limits.items() if given is not None}
    if weight is not None:
        values["weight"] = weight
    if not values:
        raise wrong_use("say what to change: --weight, --monthly-minutes, --concurrent-jobs or --rate")
    with _opened(data) as context:
        changed = tenants.change(context, name, values)
    typer.echo("  ".join(f"{field} {_shown(changed[field])}" for field in ("name", "weight", *tenants.LIMITS)))


def _number(option: str, given: str) -> float | None:
    if given == DEFAULT:
        return None
    if not (given.isascii() and given.isdigit()):
        raise wrong_use(f"{option} takes a whole number, 0 for no limit, or `{DEFAULT}`, not {given!r}")
    return int(given)


@contextmanager
def _opened(data: Any) -> Iterator["Context"]:
    from scriptorium.reach import opened

    with said_plainly("tenants"), opened(data or data_folder.default()) as context:
        yield context


def _row(tenant: dict[str, Any]) -> tuple[str, ...]:
    shown = ("name", "weight", "monthly_minutes", "concurrent_jobs", "requests_per_minute", "created_at")
    return tuple(_shown(tenant[field]) for field in shown)


def _shown(value: Any) -> str:
    if value is None:
        return DEFAULT
    return f"{value:g}" if isinstance(value, float) else str(value)
