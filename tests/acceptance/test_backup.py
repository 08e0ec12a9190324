"""A backup of a real server in the middle of its work, and the same work finished from it elsewhere."""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from scriptorium import Client, embedded
from scriptorium.data_folder import DataFolder
from tests.acceptance.running import ROOT, START_SECONDS, Up, command, environment, processes_of, run, until
from tests.fakes import gated, tones
from worker.engines import calibrations

MINUTES = 5
LARGE = 2 * 2**30
"""Bytes of a file without content: long enough to copy to be killed in the middle."""


@dataclass(frozen=True)
class Taken:
    """Two backups of one server, in the middle of a job and stopped at the end, and what the server itself made."""

    server: Up
    in_the_middle: Path
    stopped: Path
    finished: str
    under_way: str
    done_then: int
    transcripts: dict[str, dict[str, Any]]
    refused: "subprocess.CompletedProcess[str]"
    """A restore into its folder while it ran."""


def serve(folder: Path, words: Path) -> Up:
    """With a recognizer that reads tones, so that minutes of sound take seconds, and that waits in the middle."""
    engine = {"SCRIPTORIUM_ENGINES": json.dumps({"gated": "tests.fakes.gated:load"})}
    return Up(folder, ("--model", f"gated:{words}"), engine).launch()


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Beside the recording `long.wav`: what is said in it."""
    path = tmp_path_factory.mktemp("tones") / "long.wav"
    tones.make(path, MINUTES * 60.0)
    return path.with_suffix(".json")


@pytest.fixture(scope="module")
def taken(words: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    out = tmp_path_factory.mktemp("backups")
    with ExitStack() as stack:
        up = serve(stack.enter_context(embedded.temporary()), words)
        stack.callback(ended, up)
        up.ready()
        with up.client() as client:
            finished = client.submit(recording(words, 20.0, out), vad="webrtc")["id"]
            client.wait(finished)
            under_way = client.submit(words.with_suffix(".wav"), vad="webrtc")["id"]
            in_the_middle(up, under_way)
            backed_up(up.folder, out / "in-the-middle")
            not_now = restored(out / "in-the-middle", up.folder)
            done_then = len(up.attempts(under_way))
            gated.gate(words).touch()
            transcripts = {job_id: transcript(client, job_id) for job_id in (finished, under_way)}
        assert up.stop() == 0, up.said()
        calibrations.own("demo", up.folder).parent.mkdir()
        calibrations.own("demo", up.folder).write_text("made here")
        backed_up(up.folder, out / "stopped")
        yield Taken(up, out / "in-the-middle", out / "stopped", finished, under_way, done_then, transcripts, not_now)


def ended(up: Up) -> None:
    if up.process.poll() is None:
        up.stop()


def recording(words: Path, seconds: float, folder: Path) -> Path:
    """The beginning of the long one, spoken by the same tones."""
    path = folder / "short.wav"
    tones.make(path, seconds)
    return path


def transcript(client: Client, job_id: str) -> dict[str, Any]:
    job = client.wait(job_id)
    assert (job["status"], job["error"], job["warnings"]) == ("completed", None, [])
    return client.transcript(job_id)


def in_the_middle(up: Up, job_id: str) -> None:
    """Some chunks are done, and some in the hands of transcribers that do not get on."""
    until(lambda: len(up.attempts(job_id)) >= 3, START_SECONDS, "no chunk was finished")
    until(lambda: running(up.database_url, job_id) == 2, START_SECONDS, "no transcriber was held up")


def running(database_url: str, job_id: str) -> int:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM steps WHERE job_id = %s AND kind = 'transcribe' AND status = 'running'", [job_id]
        ).fetchone()
    assert found
    return int(found[0])


def backed_up(data: Path, out: Path) -> None:
    done = run("backup", str(out), "--data", str(data))
    assert done.returncode == 0, done.stderr
    assert f"{out}: " in done.stdout
    assert [path for path in (out, *out.rglob("*")) if path.stat().st_mode & 0o077] == []


def restored(backup: Path, data: Path) -> "subprocess.CompletedProcess[str]":
    return run("restore", str(backup), "--data", str(data))


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder for another server. Its programs have ended when the test has."""
    with embedded.temporary() as folder:
        yield folder
        until(lambda: processes_of(folder) == [], 20, "something was left running")


def test_a_job_under_way_is_finished_where_it_was_restored(taken: Taken, words: Path, data: Path) -> None:
    done = restored(taken.in_the_middle, data)
    assert done.returncode == 0, done.stderr
    assert "; 2 steps that were running are queued again" in done.stdout
    up = serve(data, words)
    try:
        with up.ready().client() as client:
            assert client.job(taken.finished)["status"] == "completed"
            assert transcript(client, taken.under_way) == taken.transcripts[taken.under_way]
            assert client.transcript(taken.finished) == taken.transcripts[taken.finished]
        assert audio_of(up) == audio_of(taken.server)
        assert len(up.attempts(taken.under_way)) > taken.done_then
    finally:
        assert up.stop() == 0, up.said()


def audio_of(up: Up) -> dict[str, bytes]:
    """The recordings as they were sent."""
    sources = (up.folder / "blobs").glob("recordings/*/source")
    return {path.parent.name: path.read_bytes() for path in sources}


def test_a_server_that_was_stopped_comes_back_as_it_was(taken: Taken, data: Path) -> None:
    done = restored(taken.stopped, data)
    assert done.returncode == 0, done.stderr
    assert "0 steps that were running" in done.stdout
    assert DataFolder(data).key_file.read_text() == taken.server.data.key_file.read_text()
    assert calibrations.own("demo", data).read_text() == calibrations.own("demo", taken.server.folder).read_text()


def test_a_server_that_runs_is_not_restored_into(taken: Taken) -> None:
    assert taken.refused.returncode == 2
    assert f"process {taken.server.process.pid}" in taken.refused.stderr
    assert "stop it first" in taken.refused.stderr


def test_a_damaged_backup_changes_nothing(taken: Taken, tmp_path: Path) -> None:
    copied = tmp_path / "backup"
    shutil.copytree(taken.in_the_middle, copied)
    next((copied / "blobs").glob("recordings/*/source")).unlink()
    refusal(copied, tmp_path, "source of the backup is missing")
    with (copied / "database.dump").open("r+b") as dump:
        dump.seek(2000)
        dump.write(b"damage")
    refusal(copied, tmp_path, "database.dump of the backup is damaged")


def refusal(backup: Path, tmp_path: Path, why: str) -> None:
    done = restored(backup, tmp_path / "data")
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert not (tmp_path / "data").exists()


def killed_once(happened: Callable[[], bool], what: str, *arguments: str) -> None:
    """Starts a command and kills it, with -9, as soon as that has happened."""
    with subprocess.Popen(command(*arguments), cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL) as process:
        until(lambda: happened() or process.poll() is not None, START_SECONDS, what)
        process.kill()
    assert process.returncode == -signal.SIGKILL, f"it ended before it could be killed: {what}"


def test_a_backup_that_is_killed_leaves_a_partial_one_and_the_next_works(taken: Taken, tmp_path: Path) -> None:
    large = taken.server.folder / "blobs" / "recordings" / "large"
    with large.open("wb") as written:
        written.truncate(LARGE)
    out, partial = tmp_path / "backup", tmp_path / "backup.partial"
    try:
        copying = partial / "blobs" / "recordings" / "large"
        killed_once(copying.exists, "it copied nothing", "backup", str(out), "--data", str(taken.server.folder))
    finally:
        large.unlink()
    assert partial.is_dir()
    assert not out.exists()
    assert "has no manifest.json" in restored(partial, tmp_path / "data").stderr
    backed_up(taken.server.folder, out)
    assert not partial.exists()


MOMENTS = {"before the database": "restore-unfinished", "after it": "logs/migrate.log"}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_restore_that_is_killed_is_finished_by_the_next(taken: Taken, data: Path, moment: str) -> None:
    seen = data / MOMENTS[moment]
    killed_once(seen.exists, moment, "restore", str(taken.in_the_middle), "--data", str(data))
    assert (data / "restore-unfinished").exists()
    refused = run("up", "--data", str(data), "--port", "0", "--model", "demo")
    assert refused.returncode == 1
    assert "scriptorium restore" in refused.stderr
    done = restored(taken.in_the_middle, data)
    assert done.returncode == 0, done.stderr
    assert not (data / "restore-unfinished").exists()
