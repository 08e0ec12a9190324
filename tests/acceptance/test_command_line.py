"""What a person types, and the exit codes that scripts rely on."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from scriptorium.demo import clock
from tests.acceptance.conftest import MEETING
from tests.acceptance.running import ROOT, Up, command, environment, hear_interrupts, run, until


def transcribe(server: Up, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run("transcribe", *arguments, "--data", str(server.folder))


def test_transcribe_writes_the_transcript_and_nothing_else(server: Up) -> None:
    done = transcribe(server, str(MEETING), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["segments"]


def test_several_recordings_go_to_a_folder(server: Up, tmp_path: Path) -> None:
    other = tmp_path / "other.flac"
    other.write_bytes(MEETING.read_bytes())
    done = transcribe(server, str(MEETING), str(other), "--format", "srt", "-o", str(tmp_path / "out"))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"meeting.srt", "other.srt"}


def test_files_are_shaped_as_asked(server: Up, tmp_path: Path) -> None:
    done = transcribe(server, str(MEETING), "--format", "srt", "--max-chars", "20", "--max-lines", "1", "--no-speakers")
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 20 or "-->" in line for line in done.stdout.splitlines())
    wanted = tmp_path / "meeting.docx"
    assert transcribe(server, str(MEETING), "--format", "docx", "-o", str(wanted)).returncode == 0
    assert wanted.read_bytes().startswith(b"PK")


def test_what_is_no_recording_fails_with_1(server: Up, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("these are words, not a recording of words\n" * 50)
    done = transcribe(server, str(text))
    assert (done.returncode, done.stdout) == (1, "")
    assert "invalid_media" in done.stderr


def test_jobs_are_run_again(server: Up, tmp_path: Path) -> None:
    where, text = ("--data", str(server.folder)), tmp_path / "notes.txt"
    text.write_text("these are words, not a recording of words\n" * 50)
    with server.client() as client:
        heard, not_heard = client.submit(MEETING)["id"], client.submit(text)["id"]
        assert [client.wait(job_id)["status"] for job_id in (heard, not_heard)] == ["completed", "failed"]
        before = client.transcript(heard)

        refused = run("jobs", "retry", heard, *where)
        assert refused.returncode == 2
        assert "nothing_to_retry" in refused.stderr
        for arguments in ((not_heard,), (heard, "--stage", "transcribe")):
            again = run("jobs", "retry", *arguments, *where)
            assert again.returncode == 0, again.stderr
            assert arguments[0] in again.stdout
        ended = [client.wait(job_id) for job_id in (heard, not_heard)]
        assert [(job["status"], job["run"]) for job in ended] == [("completed", 2), ("failed", 2)]
        assert client.transcript(heard)["text"] == before["text"]


def test_wrong_use_is_2(server: Up, tmp_path: Path) -> None:
    assert transcribe(server, str(tmp_path / "missing.wav")).returncode == 2
    assert transcribe(server, str(MEETING), "--model", "no-such-model").returncode == 2
    assert transcribe(server, str(MEETING), "--format", "docx").returncode == 2
    assert transcribe(server, str(MEETING), "--format", "vtt", "--max-chars", "9").returncode == 2
    refused = transcribe(server, str(MEETING), "--json", "--max-lines", "3", "--no-speakers")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--format json does not take --max-lines, --no-speakers" in refused.stderr
    assert run("transcribe", str(MEETING), "--url", server.url, "--key", "wrong").returncode == 2
    assert run("jobs", "show", "00000000-0000-7000-8000-000000000000", "--data", str(server.folder)).returncode == 2


def test_an_unreachable_server_is_3() -> None:
    done = run("transcribe", str(MEETING), "--url", "http://127.0.0.1:9", "--key", "any")
    assert done.returncode == 3
    assert "scriptorium up" in done.stderr


def test_ctrl_c_leaves_the_job_running_and_prints_its_id(server: Up, long_recording: Path) -> None:
    arguments = ("transcribe", str(long_recording), "--data", str(server.folder))
    with server.client() as client:
        before = {job["id"] for job in client.jobs()["jobs"]}
        process = subprocess.Popen(
            command(*arguments),
            cwd=ROOT,
            env=environment(),
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=hear_interrupts,
        )
        until(lambda: {job["id"] for job in client.jobs()["jobs"]} > before, 60, "no job was made")
        (made,) = {job["id"] for job in client.jobs()["jobs"]} - before
        until(lambda: client.job(made)["status"] == "processing", 60, "the job did not begin")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 130
        assert made in errors
        assert client.job(made)["status"] in ("processing", "completed")
        client.cancel(made)


def test_jobs_models_workers_and_doctor_answer(server: Up) -> None:
    where = ("--data", str(server.folder))
    assert "id" in run("jobs", "list", *where).stdout
    assert "demo" in run("workers", *where).stdout
    assert "large-v3-turbo" in run("models", "list").stdout
    doctor = run("doctor", *where, HF_HUB_OFFLINE="1")
    assert doctor.returncode == 0, doctor.stdout
    assert "postgres" in doctor.stdout


def test_up_without_a_model_that_can_be_had_names_the_demonstration_model(tmp_path: Path) -> None:
    done = run("up", "--data", str(tmp_path), HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "--model demo" in done.stderr


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, "00:00.0"), (59.96, "01:00.0"), (3725.25, "62:05.2")])
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
