"""How the database's password travels: never on a command line, which everybody on the machine can read."""

import pytest

from scriptorium.backup.database import login


@pytest.mark.parametrize(
    ("url", "address", "password"),
    [
        ("postgresql://me:s%40crt@db:5433/x", "postgresql://me@db:5433/x", "s@crt"),
        ("postgres://me:secret@/x?host=%2Frun%2Fpg", "postgresql://me@/x?host=%2Frun%2Fpg", "secret"),
        ("postgresql+psycopg://me:secret@a:1,b:2/x", "postgresql://me@a:1,b:2/x", "secret"),
        ("postgresql://me@db/x?password=secret&sslmode=require", "postgresql://me@db/x?sslmode=require", "secret"),
        ("postgresql://db/x?sslpassword=secret", "postgresql://db/x", None),
        ("postgresql://me:a@b@db/x", "postgresql://me@db/x", "a@b"),
    ],
)
def test_login(url: str, address: str, password: str | None) -> None:
    public, environment = login(url)
    assert public == address
    if password is not None:
        assert environment["PGPASSWORD"] == password
