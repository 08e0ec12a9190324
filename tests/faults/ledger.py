"""Looks at the rows directly, as no part of the product does; and holds locks, so that a step stays in the middle."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

_PATIENCE = 60.0
"""Seconds for a database that is starting again."""

_ENDED = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Held:
    """A step in a worker's hands. `tries`: how often it was given up by force, so that chance spends no budget."""

    id: UUID
    job: UUID
    kind: str
    attempt: int
    tries: int


def worker_name(pid: int) -> str:
    """As a worker calls itself in the rows."""
    return f"{socket.gethostname()}:{pid}"


class Ledger:
    """`tend` is called while the database is waited for: its own start may depend on it."""

    def __init__(self, url: str, tend: Callable[[], None]) -> None:
        self._url, self._tend = url, tend
        self._connection: psycopg.Connection[Any] | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def all(self, sql: str, *values: object) -> list[Any]:
        """Asked again while the database is away."""
        limit = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._asked(sql, values)
            except psycopg.OperationalError:
                self.close()
                if time.monotonic() > limit:
                    raise
                self._tend()
                time.sleep(0.1)

    def one(self, sql: str, *values: object) -> Any:
        """The first column of the first row; None without rows."""
        rows = self.all(sql, *values)
        return rows[0][0] if rows else None

    def count(self, sql: str, *values: object) -> int:
        return int(self.one(sql, *values))

    def _asked(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        if self._connection is None:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
        cursor = self._connection.execute(sql.encode(), values)
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Nobody else writes to that table meanwhile: whoever records there waits in the middle of his transaction."""
        with psycopg.connect(self._url) as connection:
            connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE".encode())
            yield

    @contextmanager
    def row_locked(self, job: UUID) -> Iterator[None]:
        """Whoever records something of this job waits, each in his own transaction."""
        with psycopg.connect(self._url) as connection:
            connection.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", [job])
            yield

    def waiting(self) -> int:
        """Transactions that wait for a lock."""
        return self.count("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

    def held(self, pid: int, *kinds: str) -> list[Held]:
        """What that worker process works on now; of these kinds, where any are named."""
        rows = self.all(
            "SELECT id, job_id, kind, attempt, kills + errors FROM steps WHERE status = 'running' AND worker = %s",
            worker_name(pid),
        )
        return [held for held in (Held(*row) for row in rows) if not kinds or held.kind in kinds]

    def goes_on(self, held: list[Held]) -> bool:
        """Every one of these is done, has ended with its job, or is in other hands."""
        before = {one.id: one.attempt for one in held}
        rows = self.all("SELECT id, status, attempt FROM steps WHERE id = ANY(%s)", list(before))
        return all(
            status in _ENDED or (status == "running" and attempt > before[step]) for step, status, attempt in rows
        )

    def unclaimed(self, jobs: list[UUID], kind: str) -> int:
        """Steps of these jobs that nobody has begun."""
        return self.count("SELECT count(*) FROM steps WHERE job_id = ANY(%s) AND kind = %s AND attempt = 0", jobs, kind)

    def disconnect_all(self) -> int:
        """Every connection but this one, as an operator or a failover ends them. Returns how many."""
        return self.count(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'"
        )
