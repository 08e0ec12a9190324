"""`scriptorium demo`: the whole product once, as a client sees it."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

from scriptorium import embedded
from scriptorium.cli.progress import Bars
from scriptorium.client import ApiError, Client, Job, ServerUnreachable
from scriptorium.data_folder import DataFolder
from scriptorium.processes import Command, ProcessFailed, end, launch, tail
from scriptorium.scoring import files, report
from scriptorium.scoring.plain import plain_words
from scriptorium.scoring.words import word_errors
from scriptorium.services import PROJECT
from scriptorium.signals import Stopped, StopRequest

MEETING = PROJECT / "samples" / "meeting" / "meeting.flac"
REFERENCE = MEETING.with_suffix(".txt")
ATTRIBUTED = MEETING.with_suffix(".stm")
"""The reference with who says what, and when."""
_NOT_INHERITED = ("DATABASE_URL", "REDIS_URL", "SCRIPTORIUM_DATA", "SCRIPTORIUM_MODEL", "SCRIPTORIUM_DIARIZER")
"""Of the environment: a demonstration must not write into anybody's database."""

_ENDING = ((signal.SIGTERM, 60.0), (signal.SIGKILL, 5.0))
_NEXT = """
Where to go next:
  scriptorium up                          a server of your own that stays (--model demo, or a real model)
  scriptorium transcribe FILE             a transcript of your recording; --format srt, --json, -o OUT
  scriptorium doctor                      what this machine has, and what it lacks"""


def demo(model: str = "demo") -> int:
    """The exit code: 0 when the meeting was transcribed. Everything is stopped and removed on every way out."""
    stop = StopRequest()
    stop.install()
    try:
        with embedded.temporary() as folder:
            return _Demonstration(DataFolder(folder), stop).run(model)
    except Stopped:
        print("stopped", file=sys.stderr)
        return 130
    except (ProcessFailed, ApiError, ServerUnreachable) as error:
        print(f"scriptorium demo: {error}", file=sys.stderr)
        return 1


class _Demonstration:
    def __init__(self, folder: DataFolder, stop: StopRequest) -> None:
        self._folder = folder
        self._stop = stop
        self._log = folder.path / "up.log"

    def run(self, model: str) -> int:
        print("starting PostgreSQL, Redis, the API and the workers …", flush=True)
        began = time.monotonic()
        server = launch(self._command(model), self._log)
        try:
            self._until_ready(server)
            url = self._folder.url_file.read_text()
            print(f"ready at {url} after {time.monotonic() - began:.1f} s", flush=True)
            with Client(url, self._folder.key_file.read_text().strip()) as client:
                return self._transcribe(client)
        finally:
            self._end(server)
            print(f"everything is stopped again, after {time.monotonic() - began:.1f} s in all", flush=True)

    def _command(self, model: str) -> Command:
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        where = ("--data", str(self._folder.path), "--port", "0", "--model", model)
        argv = (sys.executable, "-m", "scriptorium", "up", *where)
        return Command("up", argv, environment, PROJECT, ending=_ENDING)

    def _until_ready(self, server: "subprocess.Popen[bytes]") -> None:
        while not self._folder.url_file.exists():
            if server.poll() is not None:
                raise ProcessFailed(f"the server did not start:\n{tail(self._log)}")
            self._stop.pause(0.05)

    def _transcribe(self, client: Client) -> int:
        began = time.monotonic()
        with Bars() as bars:
            sent = client.submit(MEETING, bars.upload(MEETING.name), diarization=True)
            shown = bars.job(MEETING.name)
            job = client.wait(sent["id"], lambda seen: self._watch(seen, shown), poll=1.0)
        seconds = time.monotonic() - began
        if job["status"] != "completed":
            print(f"the job {job['status']}: {job['error']}", file=sys.stderr)
            return 1
        for warning in job["warnings"]:
            print(f"{warning['message']} ({warning['code']})", file=sys.stderr)
        _show(client.transcript(job["id"]), seconds)
        return 0

    def _watch(self, job: Job, shown: Any) -> None:
        shown(job)
        self._stop.pause(0)

    def _end(self, server: "subprocess.Popen[bytes]") -> None:
        """A second Ctrl-C here is passed on, so that the server hurries too."""
        asked = 0
        limit = time.monotonic() + _ENDING[0][1]
        while server.poll() is None and time.monotonic() < limit:
            if asked < max(1, self._stop.count):
                server.send_signal(signal.SIGTERM)
                asked += 1
            time.sleep(0.05)
        end(server, _ENDING[1:])


def _show(transcript: dict[str, Any], seconds: float) -> None:
    print()
    for segment in transcript["segments"]:
        speaker = f"{segment['speaker']}: " if segment.get("speaker") else ""
        print(f"[{clock(segment['start'])} – {clock(segment['end'])}] {speaker}{segment['text'].strip()}")
    print(f"\n{score(REFERENCE.read_text(), transcript['text'])}")
    for line in attributed(ATTRIBUTED.read_text(), transcript):
        print(line)
    name = transcript["model"].get("name")
    print(f"{transcript['duration']:.0f} s of sound took {seconds:.1f} s, with the model {name}")
    print(_NEXT, flush=True)


def clock(seconds: float) -> str:
    """`mm:ss.d`; minutes go on past 59."""
    tenths = round(seconds * 10)
    return f"{tenths // 600:02}:{tenths % 600 // 10:02}.{tenths % 10}"


def score(reference: str, heard: str) -> str:
    """Word error rate: substituted, missing and extra words, each divided by the words that were said."""
    found = word_errors([(plain_words(reference), plain_words(heard))])
    parts = f"{found.substituted} substituted, {found.missing} missing, {found.extra} extra"
    return f"word error rate {found.rate:.1%} ({parts}; {found.length} words in the reference)"


def attributed(reference: str, transcript: dict[str, Any]) -> list[str]:
    """Who spoke when, and who said which word, against an STM; or what that wants."""
    said = files.speech(reference, ".stm", "the reference")
    heard = files.speech(json.dumps(transcript), ".json", "the transcript")
    return [_line(one) for one in report.compared(said, heard, report.Policy()) if one.name in ("DER", "cpWER")]


def _line(found: report.Line) -> str:
    if isinstance(found, report.NotScored):
        return f"{found.name}: not scored, {found.why}"
    return f"{found.name} {found.rate:.1%} ({found.says})"
