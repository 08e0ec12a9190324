"""`scriptorium models …`"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scriptorium import data_folder
from scriptorium.cli.connection import Data
from scriptorium.cli.exits import JOB_FAILED

if TYPE_CHECKING:
    from core.calibration import Measured

app = typer.Typer(help="The speech models: which there are, and fetching one.", no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """The names, and which of them are on this machine."""
    from core.models import DIARIZERS, KNOWN
    from scriptorium.choice import available, lacking

    for name, source in KNOWN.items():
        typer.echo(f"{name:18} {'here' if available(source) else 'can be pulled':14} {source.source}")
    for name, source in DIARIZERS.items():
        typer.echo(f"{name:18} {'can be pulled' if lacking(source) else 'here':14} {source.source} (finds speakers)")


@app.command()
def pull(name: Annotated[str, typer.Argument(help="A name of the list, or a Hugging Face id.")]) -> None:
    """Fetch a model once, with a progress bar."""
    from core.models import DIARIZERS
    from core.settings import settings
    from worker import engines

    with _said_plainly():
        folder = (engines.pull_diarizer if name in DIARIZERS else engines.pull)(name, settings())
    typer.echo(f"{name} is in {folder}")


Name = Annotated[str, typer.Argument(help="A name of the list, a Hugging Face id, or a folder.")]
Labelled = Annotated[
    Path,
    typer.Argument(
        exists=True,
        file_okay=False,
        help="Recordings, and beside each a text file of its name with what is said: talk.flac and talk.txt.",
    ),
]
Language = Annotated[
    str, typer.Option(help="What is spoken, such as en or zh-CN; the calibration is then for that alone.")
]
Output = Annotated[Path | None, typer.Option(help="A file, instead of the server's own place.")]
Check = Annotated[bool, typer.Option("--check", help="Make none: how well does the present one hold here?")]


@app.command()
def calibrate(
    name: Name,
    folder: Labelled,
    language: Language = "auto",
    output: Output = None,
    data: Data = None,
    check: Check = False,
) -> None:
    """Measure how often words of each confidence are right, so that confidences of that model say it from then on."""
    from core.options import parse
    from core.settings import settings
    from worker import calibrate, engines
    from worker.engines import calibrations

    here = settings().model_copy(update={"data": data or data_folder.default()})
    with _said_plainly():
        code = parse({"language": language}).whisper_language
        recognizer = engines.recognizer(name, here)
        if check:
            _show(calibrate.checked(recognizer, folder, here, language=code, tell=_say))
            return
        made = calibrate.calibration(recognizer, folder, here, language=code, tell=_say)
        path = output or calibrations.own(recognizer.info.name, here.data)
        calibrations.write(made, path)
    _show(made.measured)
    typer.echo(f"{path}; a worker takes it at its next start")


def _show(measured: "Measured") -> None:
    """The reliability table, and the errors before and after."""
    typer.echo("raw          words  mean raw  share right  calibrated")
    for one in measured.reliability:
        typer.echo(
            f"{one.low:.1f} to {one.high:.1f} {one.words:7} {one.mean_raw:9.3f} {one.share_right:12.3f} "
            f"{one.calibrated:11.3f}"
        )
    for what, value in (("expected calibration error", "ece"), ("Brier score", "brier")):
        before = getattr(measured.before, value)
        after = f"{getattr(measured.after, value):.3f}" if measured.after else "takes a second recording to tell"
        typer.echo(f"{what:26} {before:.3f} before, {after} after")


def _say(line: str) -> None:
    typer.echo(line, err=True)


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Exits 2 for wrong use, 1 for what fails on the way."""
    from core.errors import ScriptoriumError

    try:
        yield
    except ScriptoriumError as error:
        _say(f"scriptorium: {error.message}")
        raise typer.Exit(2 if error.status < 500 else JOB_FAILED) from error
    except OSError as error:
        _say(f"scriptorium: {error.filename}: {error.strerror}")
        raise typer.Exit(JOB_FAILED) from error
