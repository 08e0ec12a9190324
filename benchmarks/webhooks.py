"""How soon are receivers told, and what does it cost them when another one hangs?

    python -m benchmarks.webhooks [--seconds 60] [--jobs 1] [--receivers 10]

A whole server with a recognizer that answers at once. Jobs are submitted at times that were fixed before; each has
three events, and each event goes to every endpoint: one job a second is thirty deliveries a second to ten of them. The
time counts from the event's own, which is taken within the transaction of the change, until the receiver has all of the
request. In turns without and with one more endpoint, which takes every request and never answers.
"""

import argparse
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks import speech
from benchmarks.null import ENVIRONMENT, NULL
from benchmarks.pairs import table
from benchmarks.percentiles import percentile
from benchmarks.server import Server, started
from scriptorium import Client
from tests.fakes.receiver import HANG, Came, Manner, Receiver, receiving

EVENTS = ("job.created", "job.started", "job.completed")
_TOLD = {"SCRIPTORIUM_OUTGOING_ALLOW": "127.0.0.1"}
_PATIENCE = 120.0
"""Seconds after the last job for what has not come yet."""


@dataclass(frozen=True)
class Found:
    """`late`: seconds of each delivery, but of those to who hangs. `missing` and `twice`: events, over all receivers.
    `tried`: requests to who hangs."""

    late: tuple[float, ...]
    missing: int
    twice: int
    tried: int

    def row(self, name: str) -> list[str]:
        shares = [f"{1000 * percentile(self.late, share):,.0f}" for share in (0.5, 0.95, 0.99, 1.0)]
        return [name, f"{len(self.late):,}", *shares, str(self.missing), str(self.twice), str(self.tried)]


def submitted(server: Server, path: Path, seconds: float, rate: float) -> list[str]:
    """Open loop: a job begins at its time, whether or not earlier ones were accepted. Ids, once all have ended."""
    began = time.monotonic()
    local = threading.local()

    def one(_: int) -> str:
        if not hasattr(local, "client"):
            local.client = server.client()
        client: Client = local.client
        return str(client.submit(path)["id"])

    with ThreadPoolExecutor(8) as pool:
        under_way = []
        for number in range(int(seconds * rate)):
            threading.Event().wait(max(0.0, began + number / rate - time.monotonic()))
            under_way.append(pool.submit(one, number))
        jobs = [job.result() for job in under_way]
    with server.client() as client:
        for job in jobs:
            if client.wait(job)["status"] != "completed":
                raise SystemExit(f"job {job} did not complete")
    return jobs


def measured(
    server: Server, receiver: Receiver, path: Path, jobs: tuple[float, float], receivers: int, *, hangs: bool
) -> Found:
    """`jobs`: seconds, and how many a second."""
    before = len(receiver.came())
    names = [f"well{number}" for number in range(receivers)]
    with server.client() as client, ExitStack() as stack:
        for name in [*names, *(["hangs"] if hangs else [])]:
            made = client.create_webhook(f"{receiver.url}/{name}", EVENTS)
            stack.callback(client.delete_webhook, made["id"])
        expected = len(EVENTS) * receivers * len(submitted(server, path, *jobs))
        came = arrived(receiver, before, expected)
    well = [one for one in came if one.path != "/hangs"]
    counted = Counter((one.path, one.id) for one in well)
    late = tuple(one.at - datetime.fromisoformat(one.said["timestamp"]).timestamp() for one in well)
    return Found(late, expected - len(counted), len(well) - len(counted), len(came) - len(well))


def arrived(receiver: Receiver, before: int, expected: int) -> list[Came]:
    limit = time.monotonic() + _PATIENCE
    while True:
        came = receiver.came()[before:]
        well = {(one.path, one.id) for one in came if one.path != "/hangs"}
        if len(well) >= expected or time.monotonic() > limit:
            return came
        threading.Event().wait(1.0)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--jobs", type=float, default=1.0, help="a second")
    parser.add_argument("--receivers", type=int, default=10)
    given = parser.parse_args(arguments)
    jobs = (given.seconds, given.jobs)
    rows = [["milliseconds", "deliveries", "p50", "p95", "p99", "most", "missing", "twice", "to who hangs"]]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        receiver = stack.enter_context(receiving(folder / "receiver"))
        receiver.behave(hangs=Manner(HANG))
        server = stack.enter_context(started(model=NULL, **ENVIRONMENT, **_TOLD))
        path = speech.write(folder / "second.wav", 1)
        measured(server, receiver, path, (2.0, 1.0), given.receivers, hangs=False)  # each process has done it once
        for hangs in (False, True):
            found = measured(server, receiver, path, jobs, given.receivers, hangs=hangs)
            rows.append(found.row("and one that hangs" if hangs else f"{given.receivers} receivers"))
    print(table(rows))


if __name__ == "__main__":
    main()
