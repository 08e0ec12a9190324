"""`scriptorium models …`"""

from typing import Annotated

import typer

from scriptorium.cli.exits import JOB_FAILED

app = typer.Typer(help="The speech models: which there are, and fetching one.", no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """The names, and which of them are on this machine."""
    from core.models import KNOWN
    from scriptorium.choice import available

    for name, source in KNOWN.items():
        typer.echo(f"{name:18} {'here' if available(source) else 'can be pulled':14} {source.source}")


@app.command()
def pull(name: Annotated[str, typer.Argument(help="A name of the list, or a Hugging Face id.")]) -> None:
    """Fetch a model once, with a progress bar."""
    from core.errors import ScriptoriumError
    from core.settings import settings
    from worker import engines

    try:
        folder = engines.pull(name, settings())
    except ScriptoriumError as error:
        typer.echo(f"scriptorium: {error.message}", err=True)
        raise typer.Exit(2 if error.status < 500 else JOB_FAILED) from error
    typer.echo(f"{name} is in {folder}")
