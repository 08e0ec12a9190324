"""schemathesis asks the running server whatever its OpenAPI document allows, and much that it does not: no answer is an
error of the server, and every answer is as the document says."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scriptorium import Client
from tests.acceptance.conftest import MEETING
from tests.acceptance.running import ROOT, Up, environment, run, serving

SEED = "2026"
LEAST = 2000
"""Test cases."""
LEFT_OUT = "positive_data_acceptance"
"""That whatever fits the document is taken: a document cannot say that one option needs another, or which models a
server has."""
HOOKS = ROOT / "tests" / "fakes" / "tus_serializer.py"
REFUSALS = "400 401 403 404 405 406 408 409 410 412 413 414 415 422 423 428 429 460".split()
"""Any may answer what is not as declared: tus refuses another version before all else, gunicorn an address too long."""
FINISHED = {
    "job_id": ("/v1/jobs/{job_id}/transcript", "/v1/jobs/{job_id}/segments"),
    "transcript_id": tuple(
        f"/v2/transcript/{{transcript_id}}/{part}" for part in ("srt", "vtt", "sentences", "paragraphs", "word-search")
    ),
}
"""Routes of what is ready, by the name that they give its id."""


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    with serving(SCRIPTORIUM_RATE_LIMIT="0", SCRIPTORIUM_FAILED_LOGINS="0") as running:
        yield running


@pytest.fixture
def key(up: Up) -> str:
    done = run("keys", "create", "schemathesis", "--tenant", "schema", "--scope", "admin", "--data", str(up.folder))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _settings(job_id: str) -> str:
    """A job that has a transcript, for what a job made of random bytes never has; and what is a refusal."""
    checks = [
        f"{check}.expected-statuses = {REFUSALS}" for check in ("negative_data_rejection", "missing_required_header")
    ]
    each = [
        f'[[operations]]\ninclude-path = "{path}"\nparameters = {{"path.{name}" = "{job_id}"}}'
        for name, paths in FINISHED.items()
        for path in paths
    ]
    return "\n".join(["[checks]", *checks, *each])


@pytest.mark.timeout(600)
def test_every_answer_is_as_declared(up: Up, key: str, tmp_path: Path) -> None:
    with up.client() as own, Client(own.url, key) as client:
        job_id = client.submit(MEETING)["id"]
        assert client.wait(job_id)["status"] == "completed"
        (tmp_path / "settings.toml").write_text(_settings(job_id))
        asked = [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(tmp_path / "settings.toml"), "--no-color",
            "run", f"{client.url}/openapi.json", "--header", f"Authorization: Bearer {key}",
            "--checks", "all", "--exclude-checks", LEFT_OUT, "--phases", "coverage,fuzzing,stateful",
            "--max-examples", "8", "--seed", SEED, "--continue-on-failure", "--no-shrink", "--request-timeout", "90",
            "--max-response-time", "90",  # of a busy machine; `wait` is 30 s where nobody says otherwise
        ]  # fmt: skip
        done = subprocess.run(
            asked,
            cwd=tmp_path,
            env=environment(SCHEMATHESIS_HOOKS=str(HOOKS)),
            capture_output=True,
            text=True,
            check=False,
        )
    (tmp_path / "said").write_text(done.stdout)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    counted = re.search(r"(\d+) generated", done.stdout)
    assert counted is not None, done.stdout
    assert int(counted[1]) >= LEAST, done.stdout
