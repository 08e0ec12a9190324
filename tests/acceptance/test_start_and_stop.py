"""Stopped at any moment nothing is left; killed at any moment the next start goes on."""

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scriptorium import embedded
from tests.acceptance.running import START_SECONDS, Up, processes_of, run, until

Begin = Callable[..., Up]


def nothing_is_left(up: Up) -> None:
    assert processes_of(up.folder) == []
    assert not (up.folder / "lock").exists()
    assert not (up.folder / "url").exists()
    assert list((up.folder / "children").iterdir()) == []
    assert [path for path in up.folder.rglob("*") if path.is_socket()] == []


MOMENTS = {
    "as soon as it holds the folder": "lock",
    "while the database is made": "embedded/cluster.new/PG_VERSION",
    "while tables are made": "logs/migrate.log",
    "while the workers start": "logs/transcribe1.log",
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_it_starts(begin: Begin, moment: str, number: signal.Signals) -> None:
    up = begin()
    seen = up.folder / MOMENTS[moment]
    until(lambda: seen.exists() or up.process.poll() is not None, START_SECONDS, moment)
    assert up.stop(number) == 0, up.said()
    nothing_is_left(up)


def test_a_model_that_hears_nothing_ends_the_start(tmp_path: Path) -> None:
    """A transcriber that took work all the same would give empty transcripts."""
    (tmp_path / "weights").touch()
    engine = {"SCRIPTORIUM_ENGINES": json.dumps({"mute": "tests.fakes.mute:load"})}
    with embedded.temporary() as folder:
        up = Up(folder, ("--model", f"mute:{tmp_path / 'weights'}"), engine).launch()
        until(lambda: up.process.poll() is not None, START_SECONDS, "it went on without a recognizer")
        assert up.wait() == 1
        assert "answers a known clip with ''" in up.said()
        assert processes_of(folder) == []


def test_a_second_up_is_refused_and_the_first_stops_cleanly(begin: Begin) -> None:
    up = begin().ready()
    second = run("up", "--data", str(up.folder), "--port", "0", "--model", "demo")
    assert (second.returncode, second.stdout) == (1, "")
    assert f"process {up.process.pid}" in second.stderr
    address = urlsplit(up.url)
    taken = run("up", "--data", str(up.folder / "other"), "--port", str(address.port), "--model", "demo")
    assert taken.returncode == 1
    assert "--port" in taken.stderr
    assert up.stop(signal.SIGINT) == 0, up.said()
    nothing_is_left(up)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind((address.hostname, address.port))


def half_done(up: Up, recording: Path) -> tuple[str, dict[int, int]]:
    """A job some of whose chunks are finished, and which."""
    with up.client() as client:
        job_id = client.submit(recording, language="en")["id"]
    until(lambda: len(up.attempts(job_id)) >= 4, START_SECONDS, "no chunk was finished")
    return job_id, up.attempts(job_id)


def test_after_kill_9_the_next_up_ends_the_orphans_and_goes_on(begin: Begin, long_recording: Path) -> None:
    up = begin().ready()
    job_id, done = half_done(up, long_recording)
    # Stopped processes hear no signal, not even that their parent died: true orphans.
    os.kill(up.child("light1"), signal.SIGSTOP)
    os.kill(up.process.pid, signal.SIGKILL)
    up.wait()
    assert up.launch().ready().url
    assert "ended light1" in up.said()
    with up.client() as client:
        job = client.wait(job_id)
        assert (job["status"], job["error"]) == ("completed", None)
    assert done.items() <= up.attempts(job_id).items(), "finished chunks were done again"
    assert up.stop() == 0
    nothing_is_left(up)


def test_kill_9_of_a_transcriber_loses_nothing_and_repeats_nothing(begin: Begin, long_recording: Path) -> None:
    up = begin().ready()
    job_id, done = half_done(up, long_recording)
    killed = up.child("transcribe1")
    os.kill(killed, signal.SIGKILL)
    with up.client() as client:
        job = client.wait(job_id)
        assert (job["status"], job["error"]) == ("completed", None)
        segments = client.transcript(job_id)["segments"]
    assert [one["start"] for one in segments] == sorted(one["start"] for one in segments)
    assert done.items() <= up.attempts(job_id).items(), "finished chunks were done again"
    assert up.child("transcribe1") != killed, "it was not started again"
    assert up.stop() == 0
    nothing_is_left(up)
