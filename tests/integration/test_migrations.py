"""Migrations suit the code that is already running: they add, they never wait long for a lock, they can be repeated."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, create_engine, inspect

from core.database import sqlalchemy_url
from core.tables import Base

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini")))
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]


@pytest.fixture
def empty(database_url: str) -> Iterator[str]:
    """Another database on the same server."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrating")
    try:
        yield database_url.replace("/scriptorium?", "/migrating?")
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("DROP DATABASE migrating WITH (FORCE)")


def start(url: str, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", *arguments], cwd=ROOT, env={**os.environ, "DATABASE_URL": url}
    )


def migrate(url: str, revision: str) -> None:
    with start(url, "upgrade", revision) as process:
        assert process.wait(120) == 0


def columns(connection: Connection) -> dict[tuple[str, str], dict[str, Any]]:
    found = inspect(connection)
    return {
        (table, column["name"]): dict(column)
        for table in found.get_table_names()
        for column in found.get_columns(table)
    }


def test_each_migration_leaves_what_older_code_uses(empty: str) -> None:
    """Old code names its columns: they stay, with their types, and a new one needs no value from it."""
    engine = create_engine(sqlalchemy_url(empty))
    before: dict[tuple[str, str], dict[str, Any]] = {}
    for revision in REVISIONS:
        migrate(empty, revision)
        with engine.connect() as connection:
            now = columns(connection)
        for name, column in before.items():
            assert name in now, f"{revision} removes {name}"
            assert str(now[name]["type"]) == str(column["type"]), f"{revision} changes {name}"
            assert now[name]["nullable"] or not column["nullable"], f"{revision} forbids NULL in {name}"
        tables = {table for table, _ in before}
        for name, column in now.items():
            if name[0] in tables and name not in before:
                assert column["nullable"] or column["default"], (
                    f"{revision} adds {name}, which older code does not fill"
                )
        before = now
    engine.dispose()


def test_a_migration_lets_others_through_while_it_waits(empty: str) -> None:
    """A long transaction holds a table. The migration must not make everybody queue behind its own wait."""
    migrate(empty, REVISIONS[0])
    with psycopg.connect(empty) as slow, psycopg.connect(empty, autocommit=True) as reader:
        slow.execute("SELECT * FROM steps")
        process = start(empty, "upgrade", "head")
        reader.execute("SET statement_timeout = '20s'")
        waited = threading.Event()
        while not waiting(reader) and process.poll() is None:
            waited.wait(0.05)
        assert process.poll() is None
        for _ in range(20):
            reader.execute("SELECT count(*) FROM steps")
            waited.wait(0.05)
        slow.rollback()
        assert process.wait(120) == 0
        (version,) = reader.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
    assert version == REVISIONS[-1]


def waiting(reader: "psycopg.Connection[Any]") -> bool:
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    (count,) = reader.execute(blocked).fetchone() or (0,)
    return bool(count)


def test_two_servers_that_start_at_once_migrate_once(empty: str) -> None:
    both = [start(empty, "upgrade", "head") for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]


def test_the_tables_have_the_indexes_and_rules_that_the_code_names(database_url: str) -> None:
    """A query that lacks its index is only slow, so nothing else would tell."""
    with psycopg.connect(database_url) as connection:
        indexes = {name for (name,) in connection.execute("SELECT indexname FROM pg_indexes")}
        rules = {name for (name,) in connection.execute("SELECT conname FROM pg_constraint WHERE contype = 'c'")}
    for table in Base.metadata.sorted_tables:
        assert {one.name for one in table.indexes} <= indexes, table.name
        assert {str(one.name) for one in table.constraints if isinstance(one, CheckConstraint)} <= rules, table.name
