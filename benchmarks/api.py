"""How soon does the API answer while the workers are busy, and how many jobs a second go through?

    python -m benchmarks.api [--rates 10 20 40 80 160] [--seconds 15] [--jobs 200]

Open loop: a request begins at a time that was fixed before, whether or not earlier ones were answered, and its latency
counts from that time, so that a server which falls behind cannot hide it. Of ten requests one submits a recording of a
second, six ask for a job, three fetch a transcript. Meanwhile the demonstration model transcribes a long recording. A
rate is beyond saturation when less than 95 % of it was answered in time; higher ones are not tried then. Then jobs a
second, with a recognizer that answers at once.
"""

import argparse
import io
import os
import random
import tempfile
import threading
import time
import wave
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from benchmarks import speech
from benchmarks.null import ENVIRONMENT, NULL
from benchmarks.percentiles import percentile
from benchmarks.server import Server, since, started, total
from scriptorium import Client

CALLERS = 48
"""Threads that may wait for an answer at once; the server has 16."""
MIX = ("submit",) + ("status",) * 6 + ("transcript",) * 3
SATURATED = 0.95
_LATE = 1.0
"""Seconds after the last request's time; what is answered later counts as not answered in time."""


@dataclass(frozen=True)
class Answered:
    """`seconds`: from the time at which the request should have begun. `status`: 0 where there was no answer."""

    kind: str
    seconds: float
    status: int
    in_time: bool


@dataclass(frozen=True)
class Load:
    rate: float
    wall: float
    answers: tuple[Answered, ...]

    @property
    def reached(self) -> float:
        """Of the requests, the share that was answered without an error of the server, in time."""
        return sum(one.in_time and 0 < one.status < 500 for one in self.answers) / len(self.answers)

    def at(self, kind: str, share: float) -> float:
        return percentile([one.seconds for one in self.answers if one.kind == kind], share)


def second_of_silence() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(16_000)
        written.writeframes(bytes(32_000))
    return out.getvalue()


class Callers:
    """Each thread keeps its own connection, as callers on other machines would."""

    def __init__(self, url: str, key: str, done: Sequence[str]) -> None:
        self._url, self._headers, self._done = url, {"Authorization": f"Bearer {key}"}, done
        self._local = threading.local()
        self._clients: list[httpx2.Client] = []
        self._sound = second_of_silence()

    def ask(self, kind: str, number: int) -> int:
        client = self._client()
        job = self._done[number % len(self._done)]
        try:
            if kind == "submit":
                return client.post("/v1/jobs", files={"file": ("a.wav", self._sound)}).status_code
            path = f"/v1/jobs/{job}" + ("/transcript" if kind == "transcript" else "")
            return client.get(path).status_code
        except httpx2.HTTPError:
            return 0

    def _client(self) -> httpx2.Client:
        if not hasattr(self._local, "client"):
            self._local.client = httpx2.Client(base_url=self._url, headers=self._headers, timeout=60)
            self._clients.append(self._local.client)
        return self._local.client

    def close(self) -> None:
        for client in self._clients:
            client.close()


def loaded(callers: Callers, rate: float, seconds: float, seed: int = 1) -> Load:
    """Arrival times are drawn before the first request: a Poisson process, as of many callers who do not know of one
    another."""
    chance = random.Random(seed)
    times, at = [], 0.0
    while (at := at + chance.expovariate(rate)) < seconds:
        times.append((at, chance.choice(MIX)))
    began = time.monotonic()

    def one(number: int, due: float, kind: str) -> Answered:
        status = callers.ask(kind, number)
        ended = time.monotonic() - began
        return Answered(kind, ended - due, status, ended < seconds + _LATE)

    with ThreadPoolExecutor(CALLERS) as pool:
        under_way = []
        for number, (due, kind) in enumerate(times):
            threading.Event().wait(max(0.0, began + due - time.monotonic()))
            under_way.append(pool.submit(one, number, due, kind))
        answers = tuple(one.result() for one in under_way)
    return Load(rate, time.monotonic() - began, answers)


def finished(client: Client, folder: Path, count: int = 5) -> list[str]:
    """Jobs that have a transcript of half a minute."""
    path = speech.write(folder / "short.wav", 30)
    ids = [str(client.submit(path, cache=number == 0)["id"]) for number in range(count)]
    for one in ids:
        if client.wait(one)["status"] != "completed":
            raise SystemExit("a short recording could not be transcribed")
    return ids


@contextmanager
def busy(client: Client, folder: Path, hours: float) -> Iterator[str]:
    """The transcribers work on a long recording until the end of the block."""
    job_id = str(client.submit(speech.write(folder / "long.wav", hours * 3600), cache=False)["id"])
    while client.job(job_id)["stages"]["transcribe"]["progress"] == 0:
        threading.Event().wait(0.2)
    try:
        yield job_id
    finally:
        client.cancel(job_id)


def latencies(rates: Sequence[float], seconds: float, hours: float) -> Iterator[Load]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(started(model="demo", SCRIPTORIUM_DIARIZER="community-1"))
        client = stack.enter_context(server.client())
        callers = Callers(server.running.url, server.key, finished(client, folder))
        stack.callback(callers.close)
        stack.enter_context(busy(client, folder, hours))
        loaded(callers, rates[0], 2)
        for rate in rates:
            found = loaded(callers, rate, seconds)
            yield found
            if found.reached < SATURATED:
                return


def jobs_a_second(server: Server, count: int) -> tuple[float, float]:
    """Jobs a second and CPU seconds a job, of recordings of a second, from the first upload to the last end."""
    with server.client() as client, tempfile.TemporaryDirectory() as folder:
        path = speech.write(Path(folder) / "second.wav", 1)
        client.wait(client.submit(path)["id"])
        before, began = server.seconds(), time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            ids = list(pool.map(lambda _: str(client.submit(path, cache=False)["id"]), range(count)))
        ended = Counter(client.wait(one)["status"] for one in ids)
        wall = time.monotonic() - began
        if ended != {"completed": count}:
            raise SystemExit(f"the jobs ended as {dict(ended)}")
        return count / wall, total(since(before, server.seconds())) / count


def table(found: Sequence[Load]) -> str:
    kinds = tuple(dict.fromkeys(MIX))
    head = ["requests a second", "answered in time", *(f"{kind} p50 / p99, ms" for kind in kinds)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for one in found:
        each = [f"{1000 * one.at(kind, 0.5):.0f} / {1000 * one.at(kind, 0.99):.0f}" for kind in kinds]
        lines.append(f"| {one.rate:g} | {one.reached:.1%} | {' | '.join(each)} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=float, nargs="+", default=[10, 20, 40, 80, 160])
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--hours", type=float, default=10, help="of the recording that keeps the workers busy")
    parser.add_argument("--jobs", type=int, default=200)
    given = parser.parse_args(argv)
    print(f"{os.cpu_count()} cores, which server, workers and callers share\n")
    print(table(list(latencies(given.rates, given.seconds, given.hours))), flush=True)
    with started(model=NULL, **ENVIRONMENT) as server:
        rate, cost = jobs_a_second(server, given.jobs)
        print(f"\n{rate:.1f} jobs a second, {1000 * cost:.0f} CPU-ms each, with a recognizer that answers at once")


if __name__ == "__main__":
    main()
