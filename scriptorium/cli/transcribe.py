"""`scriptorium transcribe FILE…`, or URLs in their place."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from core.formats import FORMATS
from scriptorium.cli.connection import Data, Key, Url, connect, wrong_use
from scriptorium.cli.exits import DONE, JOB_FAILED, for_refusal
from scriptorium.cli.progress import Bars
from scriptorium.client import ApiError, Client, Job, ServerUnreachable

INTERRUPTED = 130
_POLL = 1.0


@dataclass(frozen=True)
class Recording:
    """A file here, or a `url` that the server fetches."""

    path: Path
    url: str = ""

    @classmethod
    def named(cls, given: str) -> "Recording":
        if given.lower().startswith(("http://", "https://")):
            found = urlsplit(given)
            return cls(Path(PurePosixPath(found.path).name or found.netloc), given)
        if not os.access(given, os.R_OK) or Path(given).is_dir():
            raise typer.BadParameter(f"{given} is no file that can be read, and no URL")
        return cls(Path(given))


Files = Annotated[
    list[Recording],
    typer.Argument(parser=Recording.named, metavar="FILE|URL…", help="Recordings.", show_default=False),
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="A file, or a folder for one file each.")]


def transcribe(
    files: Files,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    model: Annotated[str | None, typer.Option(help="The server's own where absent.")] = None,
    language: Annotated[str | None, typer.Option(help="Such as en or zh-CN; found out where absent.")] = None,
    diarize: Annotated[bool, typer.Option("--diarize", help="Find out who spoke.")] = False,
    separate: Annotated[bool, typer.Option("--separate", help="Each channel is a speaker of its own.")] = False,
    tracks: Annotated[
        bool, typer.Option("--tracks", help="The files are one meeting, a participant each: one transcript.")
    ] = False,
    format: Annotated[str, typer.Option(help=", ".join(FORMATS))] = "txt",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    max_chars: Annotated[int | None, typer.Option(min=10, max=200, help="Of a line of a caption.")] = None,
    max_lines: Annotated[int | None, typer.Option(min=1, max=4, help="Of a caption.")] = None,
    no_speakers: Annotated[bool, typer.Option("--no-speakers", help="Leave the speakers' names out.")] = False,
    output: Output = None,
) -> None:
    """Send recordings or URLs, wait, write their transcripts. Ctrl-C leaves the jobs running and prints their ids."""
    format = "json" if json else format
    if tracks and any(one.url for one in files):
        raise wrong_use("--tracks takes files, not URLs")
    knobs = _knobs(format, {"max_chars": max_chars, "max_lines": max_lines, "speakers": False if no_speakers else None})
    target = _target(files[:1] if tracks else files, output, format)
    asked = {
        "model": model,
        "language": language,
        "diarization": diarize or None,
        "channels": "separate" if separate else None,
    }
    options = {name: value for name, value in asked.items() if value is not None}
    with connect(url, key, data) as client:
        raise typer.Exit(
            _Session(client, target, knobs).run([files] if tracks else [[file] for file in files], options)
        )


@dataclass(frozen=True)
class _Target:
    """Where transcripts go: `folder` gets a file each; else `file`; else standard output."""

    format: str
    file: Path | None = None
    folder: Path | None = None

    def write(self, recording: Path, content: bytes) -> None:
        if self.folder:
            (self.folder / f"{recording.stem}.{self.format}").write_bytes(content)
        elif self.file:
            self.file.write_bytes(content)
        else:
            sys.stdout.buffer.write(content if content.endswith(b"\n") else content + b"\n")
            sys.stdout.flush()


def _knobs(format: str, given: dict[str, int | None]) -> dict[str, int]:
    """Those that were turned. Said before the recording is sent: the server refuses them once the job is done. A format
    that is not known here may be known there."""
    turned = {name: value for name, value in given.items() if value is not None}
    if format in FORMATS and (others := turned.keys() - FORMATS[format].knobs):
        options = {"max_chars": "--max-chars", "max_lines": "--max-lines", "speakers": "--no-speakers"}
        raise wrong_use(f"--format {format} does not take {', '.join(options[name] for name in sorted(others))}")
    return turned


def _target(files: Sequence[Recording], output: Path | None, format: str) -> _Target:
    if output is None and format == "docx":
        raise wrong_use("docx is not for standard output; name a file with -o")
    if output is None:
        return _Target(format)
    if not output.is_dir() and len(files) == 1:
        if not output.parent.is_dir():
            raise wrong_use(f"there is no folder {output.parent}")
        return _Target(format, file=output)
    if output.exists() and not output.is_dir():
        raise wrong_use(f"{output} is a file, but there are several recordings; name a folder with -o")
    output.mkdir(parents=True, exist_ok=True)
    return _Target(format, folder=output)


class _Session:
    """Uploads all, so that the server works on them side by side, then waits for one after the other."""

    def __init__(self, client: Client, target: _Target, knobs: dict[str, int]) -> None:
        self._client = client
        self._target = target
        self._knobs = knobs
        self._open: dict[Recording, str] = {}

    def run(self, recordings: Sequence[Sequence[Recording]], options: dict[str, Any]) -> int:
        """Of several files, one is a track each. A recording is called by its first."""
        try:
            codes = self._upload(recordings, options)
            return max([*codes, *[self._finish(one) for one in list(self._open)]])
        except KeyboardInterrupt:
            self._say_what_runs()
            return INTERRUPTED
        except ServerUnreachable:
            self._say_what_runs()
            raise

    def _upload(self, recordings: Sequence[Sequence[Recording]], options: dict[str, Any]) -> list[int]:
        codes = [DONE]
        with Bars() as bars:
            for group in recordings:
                try:
                    self._open[group[0]] = self._submitted(group, bars, options)["id"]
                except ApiError as error:
                    _complain(group[0].path, f"{error.message} ({error.code})")
                    codes.append(for_refusal(error))
        return codes

    def _submitted(self, group: Sequence[Recording], bars: Bars, options: dict[str, Any]) -> Job:
        first = group[0]
        if first.url:
            return self._client.submit_url(first.url, **options)
        bar = bars.upload(first.path.name)
        if len(group) == 1:
            return self._client.submit(first.path, bar, **options)
        return self._client.submit_tracks([one.path for one in group], bar, **options)

    def _finish(self, recording: Recording) -> int:
        job_id, path = self._open[recording], recording.path
        with Bars() as bars:
            job = self._client.wait(job_id, bars.job(path.name), poll=_POLL)
        del self._open[recording]
        for warning in job["warnings"]:
            _complain(path, f"{warning['message']} ({warning['code']})")
        if job["status"] != "completed":
            error = job["error"] or {"message": f"the job was {job['status']}", "code": job["status"]}
            _complain(path, f"{error['message']} ({error['code']}); job {job_id}")
            return JOB_FAILED
        self._target.write(path, self._client.rendered_bytes(job_id, self._target.format, **self._knobs))
        return DONE

    def _say_what_runs(self) -> None:
        for recording, job_id in self._open.items():
            _complain(recording.path, f"job {job_id} goes on; see it with `scriptorium jobs show {job_id}`")


def _complain(path: Path, what: str) -> None:
    typer.echo(f"{path.name}: {what}", err=True)
