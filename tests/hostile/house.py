"""A real server, with short patience, that is sent every case; and what became of each."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx2

from scriptorium import embedded
from tests.acceptance.running import Up
from tests.hostile.canary import Canary, watched
from tests.hostile.cases import COMPLETED, Case
from tests.hostile.swelling import Peaks, measured

AT_ONCE = 4
"""Cases under way: more would wait for each other, and each is to be timed."""
LONGEST = 600
"""Seconds of a recording that this server takes: little for a bomb to fill."""
LONGEST_STEP = 60
"""Seconds: more is a hang. The step's process is ended then, and that is found out."""
PATIENCE = 300.0
"""Seconds after which a job that has not ended is lost."""
SETTINGS = {
    "SCRIPTORIUM_DEADLINES": json.dumps(dict.fromkeys(("ingest", "transcribe", "redecode", "assemble"), LONGEST_STEP)),
    "SCRIPTORIUM_LEASE": "60",
    "SCRIPTORIUM_MAX_DURATION": str(LONGEST),
    "SCRIPTORIUM_DECODE_STALL": "20",
    "SCRIPTORIUM_DECODE_TIMEOUT": "45",
    "SCRIPTORIUM_MAX_UPLOAD_BYTES": str(4 * 2**20),
}
_BOUNDARY = b"hostile-2c1f9e0a7b"
_REFUSED = 400


@dataclass(frozen=True)
class Answer:
    """`code`: `completed`, or the error's. `said`: all that callers can read of it. `seconds`: from the job's start to
    its end. `job`: its id, empty where the upload was refused."""

    case: Case
    status: int
    code: str
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    said: str = field(default="", repr=False)
    job: str = ""


@dataclass
class House:
    """`send` once or more; then look at what it left."""

    up: Up
    canary: Canary
    children: Mapping[str, int]
    """Of the server, by name, as they were before."""
    peaks: Peaks

    def send(self, cases: Sequence[Case], at_once: int = AT_ONCE) -> Iterator[Answer]:
        """In their order."""
        with ThreadPoolExecutor(at_once) as senders:
            yield from senders.map(self._sent, cases)

    def _sent(self, case: Case) -> Answer:
        key = self.up.data.key_file.read_text().strip()
        with httpx2.Client(base_url=self.up.url, headers={"Authorization": f"Bearer {key}"}, timeout=120) as http:
            answered = http.post(
                "/v1/jobs",
                content=form(case),
                headers={"Content-Type": f"multipart/form-data; boundary={_BOUNDARY.decode()}"},
            )
            if answered.status_code >= _REFUSED:
                code = answered.json().get("code", "") if "json" in answered.headers["Content-Type"] else ""
                return Answer(case, answered.status_code, code, said=answered.text)
            return self._ended(http, case, answered)

    def _ended(self, http: httpx2.Client, case: Case, answered: httpx2.Response) -> Answer:
        place, job = answered.headers["Location"], answered.json()
        limit = time.monotonic() + PATIENCE
        while job["status"] not in ("completed", "failed") and time.monotonic() < limit:
            job = http.get(place, params={"wait": "20"}).json()
        code = job["error"]["code"] if job["error"] else job["status"]
        said = json.dumps(job, ensure_ascii=False)
        if code == COMPLETED:
            said += "".join(http.get(f"{place}/transcript", params={"format": one}).text for one in ("json", "vtt"))
        warnings = tuple(one["code"] for one in job["warnings"])
        return Answer(case, answered.status_code, code, warnings, _took(job), said, job["id"])


def form(case: Case) -> bytes:
    """By hand: a client that is well-behaved would not send such names."""
    fields = b"".join(
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (_BOUNDARY, name.encode(), value.encode())
        for name, value in case.options.items()
    )
    head = b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n' % (_BOUNDARY, case.filename)
    return fields + head + case.data + b"\r\n--%s--\r\n" % _BOUNDARY


def _took(job: Mapping[str, Any]) -> float:
    if not (job["started_at"] and job["finished_at"]):
        return PATIENCE
    start, end = (datetime.fromisoformat(job[name]) for name in ("started_at", "finished_at"))
    return (end - start).total_seconds()


def children(up: Up) -> dict[str, int]:
    """Process ids of what the server keeps running."""
    return {path.name: up.child(path.name) for path in (up.folder / "children").iterdir()}


@contextmanager
def opened(**extra: str) -> Iterator[House]:
    """`extra`: environment variables."""
    with embedded.temporary() as folder, watched(folder) as canary:
        up = Up(folder, extra={**SETTINGS, **extra}).launch()
        try:
            up.ready()
            with measured(up.process.pid) as peaks:
                yield House(up, canary, children(up), peaks)
        finally:
            if up.process.poll() is None:
                assert up.stop() == 0, up.said()
