"""`scriptorium doctor`: what is installed, found and missing."""

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scriptorium import data_folder

if TYPE_CHECKING:
    from core.settings import Settings
    from scriptorium.services import Machine


@dataclass(frozen=True)
class Finding:
    """`good` None: worth knowing, neither needed nor wrong."""

    what: str
    good: bool | None
    says: str


def doctor(data: Annotated[Path | None, typer.Option(help="The data folder to look at.")] = None) -> None:
    """Say what is installed, found and missing. Exits 1 when something that `up` needs is missing."""
    from core.settings import settings
    from scriptorium.choice import machine

    here = machine()
    models = (*_models(here), *transcribing(here, settings()), *speakers(settings()))
    findings = [*_programs(), *_servers(), *models, *_disk(data or data_folder.default())]
    for finding in findings:
        sign = {True: "ok", False: "MISSING", None: "-"}[finding.good]
        typer.echo(f"{sign:8} {finding.what:14} {finding.says}")
    raise typer.Exit(1 if any(finding.good is False for finding in findings) else 0)


def _programs() -> Iterator[Finding]:
    yield Finding("python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package, brings in (
        ("flask", "the API: pip install 'scriptorium[web]'"),
        ("faster_whisper", "transcription: pip install 'scriptorium[worker]'"),
    ):
        found = importlib.util.find_spec(package) is not None
        yield Finding(package, found, "installed" if found else f"not installed; it brings {brings}")
    yield _decoder()


def _decoder() -> Finding:
    """ffmpeg costs less and isolates crashes better; PyAV does where it is absent."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg:
        return Finding("ffmpeg", True, ffmpeg)
    if importlib.util.find_spec("av"):
        return Finding("ffmpeg", None, "not on the PATH; PyAV decodes instead")
    return Finding("ffmpeg", False, "neither ffmpeg nor PyAV: install ffmpeg, or pip install av")


def _servers() -> Iterator[Finding]:
    from scriptorium.embedded import binaries

    for name, variable in (("postgres", "DATABASE_URL"), ("redis", "REDIS_URL")):
        if os.environ.get(variable):
            yield Finding(name, True, f"the one that {variable} names")
            continue
        try:
            where = binaries.postgres().program("postgres") if name == "postgres" else binaries.redis_server()
        except binaries.NotInstalled as error:
            yield Finding(name, False, str(error))
        else:
            yield Finding(name, True, f"embedded, {where}")


def _models(here: "Machine") -> Iterator[Finding]:
    from core.models import KNOWN
    from scriptorium.choice import available, hub_reachable

    yield Finding("processors", None, f"{here.cores} cores; CUDA devices: {', '.join(here.gpus) or 'none'}")
    cached = [name for name, source in KNOWN.items() if available(source)]
    yield Finding("models", bool(cached), ", ".join(cached) or "none on this machine")
    yield Finding(
        "model hub", None, "reachable" if hub_reachable() else "not reachable; only models on this machine work"
    )


def transcribing(here: "Machine", now: "Settings") -> Iterator[Finding]:
    """With the model that SCRIPTORIUM_MODEL names, or else the one that `up` takes."""
    from core.errors import UnknownModel
    from core.models import resolve
    from scriptorium.choice import default

    try:
        source = resolve(now.model if "model" in now.model_fields_set else default(here), now)
    except UnknownModel as error:
        yield Finding("model", False, f"{error.message}; set SCRIPTORIUM_MODEL to a name, owner/name or a folder")
        return
    if source.engine == "faster-whisper" and importlib.util.find_spec("ctranslate2"):
        yield from _device(here, now)
    seconds = ", ".join(f"{window:g}" for window in source.windows_for(now))
    yield Finding("windows", None, f"{source.name} is given {seconds} s of sound at once")
    yield Finding("idle unload", None, f"after {now.idle_unload:g} s without work" if now.idle_unload else "never")


def speakers(now: "Settings") -> Iterator[Finding]:
    """Whether `up` would find them."""
    from core.errors import UnknownModel
    from core.models import diarizer
    from scriptorium.choice import lacking

    try:
        source = diarizer(now)
    except UnknownModel as error:
        yield Finding("speakers", False, f"{error.message}; set SCRIPTORIUM_DIARIZER to a name, owner/name or a folder")
        return
    missing = lacking(source)
    yield Finding("speakers", None, f"not found: {missing}" if missing else f"found by {source.name}")


def _device(here: "Machine", now: "Settings") -> Iterator[Finding]:
    from worker import engines
    from worker.engines.faster_whisper import devices

    on = devices.chosen(now)
    supported = ", ".join(on.supported)
    if on.able:
        yield Finding("device", True, f"{on.kind} in {on.compute_type}; it computes in {supported}")
    else:
        says = f"{on.kind} computes in {supported or 'nothing here'}, not in {on.compute_type}"
        yield Finding("device", False, f"{says}; set SCRIPTORIUM_DEVICE or SCRIPTORIUM_COMPUTE_TYPE")
    count, batch = here.transcribers, engines.batch(now, on.kind)
    share = "a GPU" if here.gpus else f"threads: {now.threads or here.threads(count)}"
    yield Finding("transcribers", None, f"{count} by `up`; each has {share}, chunks at once: {batch}")


def _disk(data: Path) -> Iterator[Finding]:
    existing = next(folder for folder in (data.resolve(), *data.resolve().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    yield Finding("disk", free > 2 * 10**9, f"{free / 1e9:.1f} GB free for {data}")
    writable = os.access(existing, os.W_OK)
    yield Finding(
        "data folder", writable, f"{data}" if writable else f"{existing} is not writable; choose another with --data"
    )
