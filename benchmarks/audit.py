"""What does the audit trail cost a request? The same calls with and without it, in turns, and the chain's own work.

    python -m benchmarks.audit [--pairs 15] [--calls 60]

The real application on a real Postgres, in this process and without gunicorn, so that nothing else is in the figure.
Milliseconds of wall time and of this process's CPU time a call.
"""

import argparse
import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from werkzeug.test import TestResponse

from benchmarks.pairs import alternating, middle, table
from core import audit, keys
from core.audit import Entry
from core.context import Context, build
from core.database import transaction
from core.settings import Settings
from scriptorium import embedded
from scriptorium.backup.database import migrate
from scriptorium.data_folder import DataFolder
from scriptorium.embedded.postgres import Postgres
from scriptorium.embedded.redis import Redis
from web import trail
from web.app import create_app

ENTRIES = 20_000
Call = Callable[[], TestResponse]


@dataclass(frozen=True)
class Spent:
    """Milliseconds a call."""

    wall: float
    cpu: float


@contextmanager
def server() -> Iterator[Context]:
    with (
        embedded.temporary() as data,
        embedded.temporary() as one,
        embedded.temporary() as two,
        Postgres(one) as postgres,
        Redis(two) as redis,
    ):
        folder = DataFolder(data)
        with folder.locked():
            migrate(postgres.url, folder)
        settings = Settings(
            database_url=postgres.url, redis_url=redis.url, data=data, min_free_bytes=0, min_free_share=0.0
        )
        context = build(settings)
        try:
            yield context
        finally:
            context.sessions.kw["bind"].dispose()
            context.bell.app.close()


def caller(context: Context, key: str, *, audited: bool) -> Callable[..., TestResponse]:
    app = create_app(context)
    if not audited:
        app.after_request_funcs[None].remove(trail.leave)
    client = app.test_client()
    return lambda method, path, **sent: client.open(
        path, method=method, headers={"Authorization": f"Bearer {key}"}, **sent
    )


def timed(call: Call, calls: int) -> Spent:
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        assert call().status_code < 400
    return Spent(1000 * (time.perf_counter() - began) / calls, 1000 * (time.process_time() - cpu) / calls)


def turns(call: Call, calls: int) -> Callable[[int], Spent]:
    def turn(_: int) -> Spent:
        return timed(call, calls)

    return turn


def requests(context: Context, pairs: int, calls: int) -> str:
    key = keys.mint()
    keys.ensure(context, key)
    with_trail, without = (caller(context, key, audited=audited) for audited in (True, False))
    job = with_trail("POST", "/v1/jobs", data={"file": (io.BytesIO(b"RIFF"), "a.wav")}).get_json()["id"]
    asked: dict[str, Callable[[Callable[..., TestResponse]], TestResponse]] = {
        "GET a job": lambda ask: ask("GET", f"/v1/jobs/{job}"),
        "POST a recording of 4 bytes": lambda ask: ask(
            "POST", "/v1/jobs", data={"file": (io.BytesIO(b"RIFF"), "a.wav")}
        ),
        "POST …/cancel": lambda ask: ask("POST", f"/v1/jobs/{job}/cancel"),
    }
    rows = [["", "without, ms", "with, ms", "ratio (median of pairs, range)", "CPU without, ms", "CPU with, ms"]]
    for name, ask in asked.items():
        ours, theirs = partial(ask, with_trail), partial(ask, without)
        found = alternating(pairs, turns(ours, calls), turns(theirs, calls), say=str)
        walls = [middle(one.wall for one in side) for side in (found.theirs, found.ours)]
        cpus = [middle(one.cpu for one in side) for side in (found.theirs, found.ours)]
        rows.append([name, *walls, found.ratio(lambda one: one.wall, lambda one: one.wall), *cpus])
    return table(rows)


def chain(context: Context, entries: int) -> str:
    """Entries a second: written, chained, verified."""
    audit.chain(context)

    def write() -> None:
        with transaction(context.sessions) as session:
            audit.record(session, *(Entry("GET", "/v1/jobs/<uuid:job_id>", status=200) for _ in range(entries)))

    rows = [["", "entries a second"]]
    acts: dict[str, Callable[[], object]] = {
        "written at once": write,
        "chained": lambda: audit.chain(context),
        "verified": lambda: audit.verify(context),
    }
    for name, act in acts.items():
        began = time.perf_counter()
        act()
        rows.append([name, f"{entries / (time.perf_counter() - began):,.0f}"])
    return table(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--calls", type=int, default=60)
    given = parser.parse_args(arguments)
    with server() as context:
        print(requests(context, given.pairs, given.calls))
        print()
        print(chain(context, ENTRIES))


if __name__ == "__main__":
    main()
