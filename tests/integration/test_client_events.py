"""`Client.events` over a real socket that breaks: all of it, and nothing twice."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from werkzeug.serving import make_server

from core import jobs
from core.context import Context
from core.keys import Tenant
from scriptorium.client import ApiError, Client, ServerUnreachable
from tests.integration.conftest import MakeJob
from tests.integration.test_web_events import whole
from web.app import create_app


@dataclass
class Way:
    """To the application. Each answer is cut after its share of `shares`, in pieces as the server sends them; 0: before
    it begins; None: not at all, as after the last of them."""

    app: Any
    shares: list[int | None] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    """Last-Event-ID of each request for events."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if not environ["PATH_INFO"].endswith("/events"):
            return self.app(environ, start_response)
        self.asked.append(environ.get("HTTP_LAST_EVENT_ID"))
        if self.refusals:
            start_response(self.refusals.pop(0), [("Content-Length", "0")])
            return []
        share = self.shares.pop(0) if self.shares else None
        if share == 0:
            cut(environ)
        return self._some(environ, self.app(environ, start_response), share)

    def _some(self, environ: dict[str, Any], answer: Any, share: int | None) -> Iterator[bytes]:
        try:
            for number, piece in enumerate(answer):
                if number == share:
                    cut(environ)
                yield piece
        finally:
            answer.close()


def cut(environ: dict[str, Any]) -> None:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError


Reach = Callable[..., tuple[Client, Way]]


@pytest.fixture
def reach(context: Context, tenant: Tenant, api_key: str) -> Iterator[Reach]:
    with ExitStack() as stack:

        def start(**between: Any) -> tuple[Client, Way]:
            way = Way(create_app(context), **between)
            server = make_server("127.0.0.1", 0, way, threaded=True)
            stack.callback(server.server_close)
            serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            serving.start()
            stack.callback(serving.join)
            stack.callback(server.shutdown)
            url = f"http://127.0.0.1:{server.server_port}"
            return stack.enter_context(Client(url, api_key, pause=lambda _: None)), way

        yield start


@pytest.mark.parametrize("shares", [[], [2], [0, 3, 0], [1, 1, 2, 2, 2], [5]])
def test_nothing_is_missed_and_nothing_comes_twice(
    reach: Reach, context: Context, make_job: MakeJob, shares: list[int | None]
) -> None:
    client, way = reach(shares=list(shares))
    job_id = str(whole(context, make_job, chunks=4))
    found = list(client.events(job_id))
    told = [one.data for one in found if one.kind == "segment"]
    assert told == client.segments(job_id)["segments"]
    assert [one.data["status"] for one in found if one.kind == "status"] == ["completed"]
    assert len(way.asked) == len(shares) + 1
    assert way.asked[0] is None
    assert list(client.events(job_id, found[-1].id)) == [], "it was told all"


def test_it_follows_until_the_end(reach: Reach, context: Context, make_job: MakeJob, tenant: Tenant) -> None:
    client, _ = reach()
    job_id = make_job()
    following = client.events(str(job_id))
    assert next(following).data["status"] == "queued"
    jobs.cancel(context, tenant, job_id)
    assert list(following)[-1].data["status"] == "cancelled"


def test_a_job_that_is_deleted_is_followed_no_longer(
    reach: Reach, context: Context, make_job: MakeJob, tenant: Tenant
) -> None:
    client, _ = reach()
    job_id = make_job()
    following = client.events(str(job_id))
    next(following)
    jobs.delete(context, tenant, job_id)
    assert [one.kind for one in following][-1] == "deleted"
    with pytest.raises(ApiError) as refused:
        next(client.events(str(job_id)))
    assert refused.value.status == 410


def test_a_server_that_has_no_room_is_asked_again(reach: Reach, context: Context, make_job: MakeJob) -> None:
    busy = "503 Service Unavailable"
    client, way = reach(refusals=[busy, busy])
    job_id = str(whole(context, make_job))
    assert [one.kind for one in client.events(job_id)][-1] == "status"
    assert len(way.asked) == 3
    way.refusals = [busy]
    with pytest.raises(ApiError) as refused:
        next(client.events(job_id, patience=0.0))
    assert refused.value.status == 503


def test_what_another_try_cannot_help_is_not_tried_again(reach: Reach) -> None:
    client, way = reach()
    with pytest.raises(ApiError) as refused:
        next(client.events("0198c5a4-0000-7000-8000-000000000000"))
    assert (refused.value.status, len(way.asked)) == (404, 1)


def test_a_server_that_is_gone_is_not_waited_for_without_end() -> None:
    with Client("http://127.0.0.1:9", "any", pause=lambda _: None) as client, pytest.raises(ServerUnreachable):
        next(client.events("0198c5a4-0000-7000-8000-000000000000", patience=0.2))
