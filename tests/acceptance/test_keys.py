"""Keys made and ended by the command line, at a server that runs."""

import re

import pytest

from scriptorium import Client
from scriptorium.client import ApiError
from tests.acceptance.running import Up, run


def _keys(server: Up, *arguments: str, code: int = 0) -> tuple[str, str]:
    done = run("keys", *arguments, "--data", str(server.folder))
    assert done.returncode == code, done.stderr
    return done.stdout.strip(), done.stderr


def test_a_key_is_made_used_and_ended(server: Up) -> None:
    secret, told = _keys(server, "create", "dictation", "--tenant", "clinic", "--scope", "jobs:read", "--days", "1")
    assert secret.startswith("sk_")
    key_id = re.findall(r"key (\S+) of clinic: jobs:read; expires \d{4}-", told)[0]
    with server.client() as own, Client(own.url, secret) as client:
        assert client.jobs()["jobs"] == []
        listed, _ = _keys(server, "list")
        row = next(line for line in listed.splitlines() if key_id in line)
        assert "never" not in row
        assert secret not in listed
        assert "revoked 2" in _keys(server, "revoke", key_id)[0]
        with pytest.raises(ApiError) as refused:
            client.jobs()
        assert refused.value.status == 401
    assert key_id not in _keys(server, "list")[0]
    assert key_id in _keys(server, "list", "--all")[0]


def test_wrong_use_names_the_remedy(server: Up) -> None:
    assert "jobs:write" in _keys(server, "create", "x", "--scope", "jobs:all", code=2)[1]
    assert "keys list" in _keys(server, "revoke", "x", code=2)[1]


def test_a_folder_without_a_database_says_so(server: Up) -> None:
    done = run("keys", "list", "--data", str(server.folder / "logs"))
    assert done.returncode == 2
    assert "--data" in done.stderr
