"""Streams over the real server: who goes away gives the seat back."""

import socket
from pathlib import Path

import httpx2

from core import jobs
from core.context import Context
from core.keys import Tenant
from core.states import Kind
from tests.integration.conftest import MakeJob, segment
from tests.integration.web_server import serving, until


def test_a_follower_who_goes_away_gives_the_seat_back(
    context: Context, tenant: Tenant, api_key: str, make_job: MakeJob, tmp_path: Path
) -> None:
    job_id = make_job(chunks=20)
    authorization = f"Authorization: Bearer {api_key}"
    request = f"GET /v1/jobs/{job_id}/events HTTP/1.1\r\nHost: x\r\n{authorization}\r\n\r\n".encode()
    headers = {"Authorization": f"Bearer {api_key}"}
    with (
        serving(context, tmp_path, WEB_THREADS=2) as server,
        httpx2.Client(base_url=server.url, headers=headers, timeout=30) as client,
    ):
        with socket.create_connection(server.address, timeout=30) as follower:
            follower.sendall(request)
            assert follower.recv(12) == b"HTTP/1.1 200"
            assert client.get(f"/v1/jobs/{job_id}/events").status_code == 503
        until(lambda: heard_one(context) and answered(client, f"/v1/jobs/{job_id}/events") == 200)
        jobs.cancel(context, tenant, job_id)  # a stream that is open would hold up the server's end


def heard_one(context: Context) -> bool:
    """The job goes on, so that there is something to tell."""
    for step in jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"]):
        assert jobs.finish(context, step, {}, jobs.record_segments(step.index, [dict(segment(" a"))]))
    return True


def answered(client: httpx2.Client, path: str) -> int:
    """The status alone; the rest of the stream is not waited for."""
    with client.stream("GET", path) as response:
        return response.status_code
