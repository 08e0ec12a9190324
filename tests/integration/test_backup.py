"""A backup with jobs under way, and back: nothing is lost, counted twice, or put where something is already."""

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select, text, update

from core import jobs
from core.context import Context
from core.errors import EngineError
from core.jobs import restored
from core.keys import Tenant
from core.states import Kind
from core.tables import Job, Recording, Step, SweepState, Worker
from scriptorium import embedded, reach
from scriptorium.backup import blobs, database
from scriptorium.backup.restore import Restored, restore
from scriptorium.backup.take import take
from scriptorium.data_folder import DataFolder, InUse
from scriptorium.embedded.postgres import Postgres
from scriptorium.reach import Refused
from tests.integration.conftest import MakeJob, assemble, transcribe_all

Row = tuple[str, int, str, int, int, int]


def quiet(line: str) -> None:
    """Progress is for people."""


@pytest.fixture
def second_url(database_url: str) -> Iterator[str]:
    """Of a database beside the tests' own, without tables."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE second")
        yield database_url.replace("/scriptorium?", "/second?")
        connection.execute("DROP DATABASE second WITH (FORCE)")


@pytest.fixture
def under_way(context: Context, make_job: MakeJob) -> None:
    """A job that is done; and one with a chunk done, two running, one in its back-off and one queued nine days ago."""
    make_job(chunks=1)
    transcribe_all(context)
    assemble(context, "all of it")
    make_job(chunks=5)
    jobs.register(context, "here", [Kind.TRANSCRIBE], ["demo"], {})
    jobs.sweep(context)
    done, failing, *_ = jobs.claim(context, "here", [Kind.TRANSCRIBE], ["demo"], limit=4)
    assert jobs.finish(context, done, {}, jobs.record_segments(done.index, []))
    assert jobs.retry(context, failing, EngineError("it stumbled"))
    with context.sessions() as session, session.begin():
        session.execute(update(Step).where(Step.index == 4).values(due_at=text("now() - interval '9 days'")))


@pytest.fixture
def backup(context: Context, under_way: None, database_url: str, tmp_path: Path) -> Path:
    take(tmp_path / "backup", context.settings.data, database_url, quiet)
    return tmp_path / "backup"


def rows(context: Context) -> list[Row]:
    """Of the steps, all that the work so far has counted."""
    columns = (Step.kind, Step.index, Step.status, Step.attempt, Step.kills, Step.errors)
    with context.sessions() as session:
        return [tuple(row) for row in session.execute(select(*columns).order_by(Step.job_id, Step.kind, Step.index))]


def into(url: str, backup: Path, data: Path) -> Restored:
    return restore(backup, data, url, quiet)


def test_what_ran_is_queued_again_uncounted_and_the_rest_is_as_it_was(
    context: Context, backup: Path, second_url: str, tmp_path: Path
) -> None:
    before = rows(context)
    assert [row[2] for row in before].count("running") == 2
    assert into(second_url, backup, tmp_path / "data").queued == 2
    with reach.connected(second_url, DataFolder(tmp_path / "data")) as there:
        expected = [(*row[:2], "queued" if row[2] == "running" else row[2], *row[3:]) for row in before]
        assert rows(there) == expected
        with there.sessions() as session:
            assert session.scalars(select(Worker)).all() == session.scalars(select(SweepState)).all() == []
            late = select(Step).where(Step.status == "queued", Step.due_at < func.now() - text("interval '1 minute'"))
            assert session.scalars(late).all() == [], "a model that nobody could serve meanwhile is not unserved"
    assert not DataFolder(tmp_path / "data").unfinished_restore.exists()


def test_the_jobs_go_on_where_they_were_restored(
    context: Context, tenant: Tenant, backup: Path, second_url: str, tmp_path: Path
) -> None:
    shown = {job["id"]: job for job in jobs.page(context, tenant)["jobs"]}
    into(second_url, backup, tmp_path / "data")
    with reach.connected(second_url, DataFolder(tmp_path / "data")) as there:
        assert {job["id"] for job in jobs.page(there, tenant)["jobs"]} == set(shown)
        jobs.sweep(there)
        assert transcribe_all(there) == 4
        assemble(there, "the rest")
        assert {job["status"] for job in jobs.page(there, tenant)["jobs"]} == {"completed"}
    here, copied = context.settings.blobs, tmp_path / "data" / "blobs"
    assert set(blobs.keys(copied)) == set(blobs.keys(here))
    assert all((copied / key).read_bytes() == (here / key).read_bytes() for key in blobs.keys(here))


def test_nobody_else_can_read_it_and_no_password_is_in_it(backup: Path, database_url: str) -> None:
    password = database_url.partition("scriptorium:")[2].partition("@")[0].encode()
    assert len(password) > 20
    assert backup.stat().st_mode & 0o077 == 0
    assert [path for path in (backup / "blobs").rglob("*") if path.is_file() and path.stat().st_mode & 0o077] == []
    assert [path for path in backup.rglob("*") if path.is_file() and password in path.read_bytes()] == []


def test_a_database_or_folder_that_is_in_use_is_refused(
    context: Context, backup: Path, database_url: str, second_url: str, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="holds jobs already"):
        into(database_url, backup, tmp_path / "data")
    with pytest.raises(Refused, match="holds recordings already"):
        into(second_url, backup, context.settings.data)
    database.migrate(second_url, DataFolder(tmp_path / "data"))
    with reach.connected(second_url, DataFolder(tmp_path / "data")) as there:
        jobs.register(there, "somebody", [Kind.INGEST], [], {})
        with pytest.raises(Refused, match="somebody"):
            into(second_url, backup, tmp_path / "data")
        jobs.resign(there, "somebody")
    assert into(second_url, backup, tmp_path / "data").queued == 2, "empty tables are no obstacle"


def test_a_restore_that_was_cut_off_goes_on(backup: Path, second_url: str, tmp_path: Path) -> None:
    """Before the database was loaded it begins again; after that it must not: the jobs there are the backup's own."""
    folder = DataFolder(tmp_path / "data")
    mark, half = folder.unfinished_restore, tmp_path / "data" / "blobs" / next(blobs.keys(backup / "blobs"))
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    mark.write_text(json.loads((backup / "manifest.json").read_text())["database"]["sha256"])
    assert into(second_url, backup, folder.path).queued == 2
    assert half.read_bytes() == (backup / "blobs" / half.relative_to(folder.path / "blobs")).read_bytes()
    with pytest.raises(Refused, match="holds jobs already"):
        into(second_url, backup, folder.path)
    mark.write_text(json.loads((backup / "manifest.json").read_text())["database"]["sha256"])
    with reach.connected(second_url, folder) as there:
        jobs.claim(there, "died", [Kind.TRANSCRIBE], ["demo"])
    assert into(second_url, backup, folder.path).queued == 1
    mark.write_text("of another backup")
    with pytest.raises(Refused, match="holds jobs already"):
        into(second_url, backup, folder.path)


def test_settling_twice_is_settling_once(context: Context, under_way: None) -> None:
    assert (restored.settle(context), restored.settle(context)) == (2, 0)


def test_no_backup_is_taken_of_a_folder_whose_restore_was_not_finished(
    context: Context, database_url: str, tmp_path: Path
) -> None:
    mark = DataFolder(context.settings.data).unfinished_restore
    mark.write_text("of some backup")
    try:
        with pytest.raises(Refused, match="run `scriptorium restore` again"):
            take(tmp_path / "backup", context.settings.data, database_url, quiet)
    finally:
        mark.unlink()


def test_places_for_a_backup(context: Context, database_url: str, tmp_path: Path) -> None:
    def refusal(out: Path) -> str:
        with pytest.raises(Refused) as caught:
            take(out, context.settings.data, database_url, quiet)
        return caught.value.message

    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    assert "not empty" in refusal(tmp_path / "full")
    assert "no folder" in refusal(tmp_path / "missing" / "backup")
    assert "elsewhere" in refusal(context.settings.data / "backup")
    (tmp_path / "empty").mkdir()
    take(tmp_path / "empty", context.settings.data, database_url, quiet)
    assert (tmp_path / "empty" / "manifest.json").exists()


def test_a_running_servers_own_database_is_found(tmp_path: Path) -> None:
    """Also where the path of a socket would be too long, and it listens on a port of this start."""
    with embedded.temporary() as place:
        folder = DataFolder(place / ("long" * 25))
        folder.path.mkdir(mode=0o711)
        with pytest.raises(Refused, match="holds no database"):
            take(tmp_path / "backup", folder.path, "", quiet)
        with folder.locked():
            with Postgres(folder.path / "embedded"), pytest.raises(Refused, match="has no tables"):
                take(tmp_path / "backup", folder.path, "", quiet)
            with pytest.raises(Refused, match="try again when it is ready"):
                take(tmp_path / "backup", folder.path, "", quiet)
            with pytest.raises(InUse), reach.to_fill(folder, ""):
                pass


def test_recordings_of_another_server_are_noticed(
    context: Context, make_job: MakeJob, database_url: str, tmp_path: Path
) -> None:
    job_id = make_job()
    (tmp_path / "another").mkdir()
    with pytest.raises(Refused, match=r"none of the 1 newest .* --data"):
        take(tmp_path / "backup", tmp_path / "another", database_url, quiet)
    make_job()
    with context.sessions() as session:
        recording = session.scalars(select(Recording).join(Job).where(Job.id == job_id)).one()
    context.blobs.delete(recording.source_key)
    said: list[str] = []
    take(tmp_path / "backup", context.settings.data, database_url, said.append)
    assert "1 of the 2 newest recordings have no file; the backup lacks them as the server does" in said


def test_two_backups_into_one_place(context: Context, database_url: str, tmp_path: Path) -> None:
    """What a dead one left is replaced; a living one is not disturbed."""
    partial = tmp_path / "backup.partial"
    partial.mkdir()
    (partial / "left").touch()
    held = os.open(partial, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(Refused, match="another backup"):
        take(tmp_path / "backup", context.settings.data, database_url, quiet)
    assert (partial / "left").exists()
    os.close(held)
    take(tmp_path / "backup", context.settings.data, database_url, quiet)
    assert not partial.exists()
    assert not (tmp_path / "backup" / "left").exists()
