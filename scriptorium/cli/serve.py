"""`up` and `demo`."""

from pathlib import Path
from typing import Annotated

import typer

from scriptorium import data_folder


def up(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8080,
    data: Annotated[Path | None, typer.Option(help="Where everything is kept.")] = None,
    model: Annotated[
        str | None, typer.Option(help="A name, a folder or a Hugging Face id; `demo` comes along.")
    ] = None,
    transcribers: Annotated[int, typer.Option(min=0, help="Transcribing processes; 0 chooses by the machine.")] = 0,
    light: Annotated[int, typer.Option(min=1, help="Processes that decode and assemble.")] = 2,
    diarizers: Annotated[int, typer.Option(min=0, help="Processes that find speakers.")] = 1,
) -> None:
    """Start a server in the foreground. Prints `ready URL` when it takes requests; Ctrl-C stops it."""
    from scriptorium.up import Wanted
    from scriptorium.up import up as serve

    wanted = Wanted(data or data_folder.default(), host, port, model, transcribers, light, diarizers)
    raise typer.Exit(serve(wanted))


def demo(
    model: Annotated[str, typer.Option(help="The model to show.")] = "demo",
) -> None:
    """Start everything in a temporary folder, transcribe the bundled meeting, show its score, stop everything."""
    from scriptorium.demo import demo as show

    raise typer.Exit(show(model))
