"""Jobs followed while real workers do them: what was told of them is what then happened."""

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from scriptorium import Client
from scriptorium.client import ENDED
from tests.acceptance.conftest import MEETING
from tests.acceptance.running import Up

Segment = dict[str, Any]


def test_a_stream_that_breaks_again_and_again_tells_all_once(server: Up, client: Client) -> None:
    job_id = client.submit(MEETING, cache=False)["id"]
    headers = {"Authorization": f"Bearer {server.data.key_file.read_text().strip()}"}
    told, statuses, last = list[Segment](), list[str](), ""
    with httpx2.Client(base_url=server.url, headers=headers, timeout=60) as http:
        for number in range(200):
            last = piece(http, job_id, last, 1 + number % 3, told, statuses)
            if statuses and statuses[-1] in ENDED:
                break
        ended = http.get(f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": last})
    assert (statuses[-1], ended.status_code) == ("completed", 204)
    changes = [(one["id"], one["revision"]) for one in told]
    assert len(set(changes)) == len(changes), "none is told twice"
    latest = {one["id"]: one for one in told}
    assert latest == {one["id"]: one for one in client.segments(job_id)["segments"]}
    assert len(statuses) == len(set(statuses))


def piece(http: httpx2.Client, job_id: str, since: str, events: int, told: list[Segment], statuses: list[str]) -> str:
    """Some events of a stream that is then cut; the id of the last one."""
    headers = {"Last-Event-ID": since} if since else {}
    with http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as stream:
        assert stream.status_code == 200
        for event in httpx2.EventSource(stream):
            if not event.data:
                continue
            since, events = event.id, events - 1
            if event.event == "segment":
                told.append(json.loads(event.data))
            if event.event == "status":
                statuses.append(json.loads(event.data)["status"])
            if not events:
                break
    return since


@dataclass(frozen=True)
class Sample:
    """What a job said at a moment."""

    at: float
    status: str
    progress: float
    eta: float | None
    position: int | None


@pytest.fixture(scope="module")
def course(server: Up, long_recording: Path) -> list[list[Sample]]:
    """Of jobs of several lengths that come at once, each until its end."""
    lengths = (90, 180, 240, 60)
    with server.client() as client, ThreadPoolExecutor(1) as pool:
        watched = {
            client.submit(long_recording, cache=False, clip_start=number, clip_end=number + length, tag="course")["id"]
            for number, length in enumerate(lengths)
        }
        return pool.submit(watch, client, watched).result()


def watch(client: Client, ids: set[str]) -> list[list[Sample]]:
    samples: dict[str, list[Sample]] = {one: [] for one in ids}
    while any(not found or found[-1].status not in ENDED for found in samples.values()):
        page, now = client.jobs(tag="course")["jobs"], time.monotonic()
        for job in page:
            if not (found := samples[job["id"]]) or found[-1].status not in ENDED:
                said = (job["status"], job["progress"], job["eta_seconds"], job["queue_position"])
                found.append(Sample(now, *said))
        time.sleep(0.2)
    return list(samples.values())


def test_progress_goes_on_with_the_work(course: list[list[Sample]]) -> None:
    for samples in course:
        assert samples[-1].status == "completed"
        shown = [one.progress for one in samples]
        assert shown == sorted(shown)
        assert shown[-1] == 1.0
        assert len(set(shown)) > 3


def test_positions_only_go_down(course: list[list[Sample]]) -> None:
    """Nobody else comes."""
    for samples in course:
        queued = [one.position for one in samples if one.status == "queued" and one.position is not None]
        assert queued == sorted(queued, reverse=True)
        assert all(1 <= one <= len(course) for one in queued)
        assert all(one.position is None for one in samples if one.status not in ("queued",))


def test_the_end_comes_about_when_it_was_foreseen(course: list[list[Sample]]) -> None:
    """By bounds that a busy machine keeps: half of all estimates are off by at most three fifths of what was left, and
    a longer one means a later end."""
    off, told = [], list[tuple[float, float]]()
    for samples in course:
        ended = samples[-1].at
        foreseen = [(one.eta, ended - one.at) for one in samples[:-1] if one.eta is not None]
        assert foreseen, "it was told when it ends"
        off += [abs(eta - left) / max(left, 2.0) for eta, left in foreseen]
        etas, lefts = zip(*foreseen, strict=True)
        print(f"{len(foreseen)} estimates, first {etas[0]} of {lefts[0]:.1f} s, last {etas[-1]} of {lefts[-1]:.1f} s")
        told += foreseen
    print(f"median error {statistics.median(off):.0%} of what was left, of {len(off)} estimates")
    assert statistics.median(off) < 0.6
    assert statistics.correlation(*zip(*told, strict=True)) > 0.3
