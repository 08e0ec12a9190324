"""A job followed over server-sent events: all of it once, wherever the connection broke."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from werkzeug.test import TestResponse

from core import jobs, keys
from core.context import Context
from core.jobs import events
from core.keys import Tenant
from core.states import Kind
from tests.integration.conftest import MakeJob, assemble, ingest, new_chunks, segment, transcribe_all
from tests.integration.queries import counted
from tests.integration.web_api import Caller, problem, with_settings
from tests.integration.web_server import serving
from web import following, schemas
from web.arrival import stays


@dataclass(frozen=True)
class Heard:
    kind: str
    data: dict[str, Any]
    id: str


def path_of(job_id: UUID) -> str:
    return f"/v1/jobs/{job_id}/events"


def followed(caller: Caller, job_id: UUID, since: str | None = None) -> list[Heard]:
    """All that a stream says, to its end."""
    return read(caller.call("GET", path_of(job_id), headers={"Last-Event-ID": since} if since else {}))


def read(answered: TestResponse) -> list[Heard]:
    """As another's parser reads it."""
    assert (answered.status_code, answered.mimetype) == (200, "text/event-stream"), answered.text
    request = httpx2.Request("GET", "http://server")
    headers = {"content-type": answered.content_type}
    response = httpx2.Response(200, headers=headers, content=answered.data, request=request)
    return [Heard(one.event, one.json(), one.id) for one in httpx2.EventSource(response) if one.data]


def kinds(found: list[Heard]) -> list[str]:
    return [one.kind for one in found]


def segments(found: list[Heard]) -> list[dict[str, Any]]:
    return [one.data for one in found if one.kind == "segment"]


def whole(context: Context, make_job: MakeJob, chunks: int = 3) -> UUID:
    """A job that has been transcribed."""
    job_id = make_job(chunks=chunks)
    transcribe_all(context)
    assemble(context)
    return job_id


def test_an_ended_job_is_told_whole_and_then_no_more(caller: Caller, context: Context, make_job: MakeJob) -> None:
    job_id = whole(context, make_job)
    found = followed(caller, job_id)
    assert kinds(found) == ["segment"] * 3 + ["progress", "status"]
    listed = caller.call("GET", f"/v1/jobs/{job_id}/segments").json["segments"]
    assert segments(found) == listed
    assert [set(one) for one in listed] == [set(schemas.RevisedSegment.model_fields)] * 3
    assert found[-1].data == caller.call("GET", f"/v1/jobs/{job_id}").json
    assert (found[-2].data["progress"], found[-2].data["eta_seconds"]) == (1.0, None)
    ended = caller.call("GET", path_of(job_id), headers={"Last-Event-ID": found[-1].id})
    assert (ended.status_code, ended.data) == (204, b"")


def test_it_goes_on_behind_any_event(caller: Caller, context: Context, make_job: MakeJob) -> None:
    job_id = whole(context, make_job)
    found = followed(caller, job_id)
    for number, one in enumerate(found[:3], start=1):
        assert found[:number] + followed(caller, job_id, one.id) == found
        assert found[:number] + read(caller.call("GET", f"{path_of(job_id)}?last_event_id={one.id}")) == found
    both = caller.call("GET", f"{path_of(job_id)}?last_event_id={found[0].id}", headers={"Last-Event-ID": found[1].id})
    assert segments(read(both)) == segments(found)[2:], "what the header says is later than the address"


def test_a_job_is_told_as_it_goes_on(
    caller: Caller, context: Context, make_job: MakeJob, beside: ThreadPoolExecutor
) -> None:
    job_id = make_job()
    telling: Future[list[Heard]] = beside.submit(followed, caller, job_id)
    ingest(context, job_id, 2)
    transcribe_all(context)
    assemble(context)
    found = telling.result()
    assert found[-1].data["status"] == "completed"
    statuses = [one.data["status"] for one in found if one.kind == "status"]
    assert statuses == sorted(set(statuses), key=["queued", "processing", "completed"].index)
    progress = [one.data["progress"] for one in found if one.kind == "progress"]
    assert progress == sorted(progress)
    assert [one["text"] for one in segments(found)] == [" word0", " word1"]


def test_each_change_is_told_once(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    """The status first, then what follows from it; nothing twice, whatever was changed in between."""
    job_id = make_job()
    told, seen = jobs.Told(jobs.START), []

    def look() -> list[str]:
        nonlocal told
        found = jobs.look(context, tenant, job_id, told)
        told = found.told
        seen.extend(found.events)
        return [one.kind for one in found.events]

    assert look() == ["status", "progress"]
    assert look() == []
    ingest(context, job_id, 2)
    assert look() == ["status", "progress"]
    first, second = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"], limit=2)
    two = [dict(segment(" one")), dict(segment(" two", 2.0))]
    assert jobs.finish(context, second, {}, jobs.record_segments(second.index, two))
    assert look() == ["segment", "segment", "progress"]
    assert jobs.finish(context, first, {}, jobs.record_segments(first.index, [dict(segment(" first"))]))
    assert look() == ["segment", "progress"]
    assemble(context)
    assert look() == ["progress", "status"]
    assert jobs.look(context, tenant, job_id, jobs.Told(told.place)).ended
    texts = [one.data["text"] for one in seen if one.kind == "segment"]
    assert texts == [" one", " two", " first"]
    ids = [str(one.id) for one in seen if one.kind != "progress"]
    assert len(set(ids)) == len(ids)


def test_what_is_no_more_is_told_when_a_job_runs_again(
    caller: Caller, context: Context, tenant: Tenant, make_job: MakeJob
) -> None:
    job_id = whole(context, make_job)
    before = followed(caller, job_id)
    jobs.run_again(context, tenant, job_id, "transcribe")
    told = jobs.Told(jobs.Place.read(before[-1].id))
    found = jobs.look(context, tenant, job_id, told)
    assert [one.kind for one in found.events] == ["status", "segment", "segment", "segment", "progress"]
    assert (found.events[0].data["run"], found.events[0].data["status"]) == (2, "processing")
    gone = [one.data for one in found.events[1:4]]
    assert [(one["id"], one["text"], one["flags"]) for one in gone] == [(f"{n}.0", "", ["withdrawn"]) for n in range(3)]
    transcribe_all(context)
    assemble(context)
    after = followed(caller, job_id, str(found.told.place))
    assert [one["id"] for one in segments(after)] == ["0.0", "1.0", "2.0"]
    assert [one["text"] for one in segments(after)] == [" word0", " word1", " word2"]
    assert (after[-1].data["run"], after[-1].data["status"]) == (2, "completed")


def test_a_decoder_that_begins_anew_takes_back_what_was_heard(
    context: Context, tenant: Tenant, make_job: MakeJob
) -> None:
    job_id = make_job()
    (step,) = jobs.claim(context, "light", [Kind.INGEST], [])
    assert jobs.emit(context, step, "strict", new_chunks(0, 2))
    transcribe_all(context)
    found = jobs.look(context, tenant, job_id, jobs.Told(jobs.START))
    assert jobs.emit(context, step, "tolerant", new_chunks(0, 1))
    found = jobs.look(context, tenant, job_id, found.told)
    gone = [(one.data["id"], one.data["flags"]) for one in found.events if one.kind == "segment"]
    assert gone == [("0.0", ["withdrawn"]), ("1.0", ["withdrawn"])]
    assert jobs.current_segments(context, job_id) == ()
    transcribe_all(context)
    found = jobs.look(context, tenant, job_id, found.told)
    assert [one.data["id"] for one in found.events if one.kind == "segment"] == ["0.0"]
    assert [one.text for one in jobs.current_segments(context, job_id)] == [" word0"]


def test_many_segments_come_piece_by_piece(
    caller: Caller, context: Context, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = whole(context, make_job, chunks=5)
    at_once = followed(caller, job_id)
    monkeypatch.setattr(events, "AT_ONCE", 2)
    assert followed(caller, job_id) == at_once


def test_a_look_at_what_stands_still_costs_one_query(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=2)
    found = jobs.look(context, tenant, job_id, jobs.Told(jobs.START))
    with counted(context) as asked:
        assert jobs.look(context, tenant, job_id, found.told).events == ()
    assert len(asked) == 1


@pytest.mark.parametrize("since", ["7", "1-done-1-1-1", "1-queued-1-1-1\n", "\u0661-queued-1-1-1", "1-queued-1-1"])
def test_an_id_that_is_none_is_refused(caller: Caller, make_job: MakeJob, since: str) -> None:
    answered = caller.call("GET", path_of(make_job()), query_string={"last_event_id": since})
    (fault,) = problem(answered, 422, "invalid_request")["errors"]
    assert fault["field"] == "Last-Event-ID"


@pytest.mark.parametrize("since", ["1-completed-999999-0-0", "7-completed-1-0-0", "none"])
def test_an_id_that_the_job_has_not_reached_begins_anew(
    caller: Caller, context: Context, make_job: MakeJob, since: str
) -> None:
    """The database came back from a backup: its follower knows more than it does."""
    job_id = whole(context, make_job)
    found = followed(caller, job_id, None if since == "none" else since)
    assert kinds(found) == ["segment"] * 3 + ["progress", "status"]


def test_what_is_not_ones_own_is_not_there(caller: Caller, context: Context, make_job: MakeJob) -> None:
    job_id, stranger = make_job(), keys.mint()
    keys.ensure(context, stranger, "another")
    problem(Caller(context, stranger).call("GET", path_of(job_id)), 404, "not_found")
    problem(caller.call("GET", path_of(uuid4())), 404, "not_found")
    caller.call("DELETE", f"/v1/jobs/{job_id}")
    problem(caller.call("GET", path_of(job_id)), 410, "deleted")


def test_a_job_that_is_deleted_says_so(
    caller: Caller, context: Context, tenant: Tenant, make_job: MakeJob, beside: ThreadPoolExecutor
) -> None:
    job_id = make_job()
    telling: Future[list[Heard]] = beside.submit(followed, caller, job_id)
    until_seated(caller)
    jobs.delete(context, tenant, job_id)
    found = telling.result()
    assert (found[-1].kind, found[-1].data["id"]) == ("deleted", str(job_id))


def until_seated(caller: Caller) -> None:
    seats = caller.app.extensions["scriptorium"].seats
    limit = time.monotonic() + 20
    while seats._value == seats._initial_value:
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_streams_take_no_more_than_half_of_the_threads(
    context: Context, tenant: Tenant, api_key: str, make_job: MakeJob
) -> None:
    caller, job_id = Caller(with_settings(context, web_threads=4), api_key), make_job()
    seats = caller.app.extensions["scriptorium"].seats
    first = caller.call("GET", path_of(job_id), buffered=False)
    second = caller.call("GET", path_of(job_id), buffered=False)
    refused = caller.call("GET", path_of(job_id))
    assert int(refused.headers["Retry-After"]) > 0
    problem(refused, 503, "too_many_waiting")
    assert caller.call("GET", f"/v1/jobs/{job_id}").status_code == 200
    for stream in (first, second):
        stream.close()
    assert [seats.acquire(blocking=False) for _ in range(3)] == [True, True, False], "each gave its seat back"


def test_who_goes_away_gives_the_seat_back(
    context: Context, tenant: Tenant, api_key: str, make_job: MakeJob, tmp_path: Path
) -> None:
    """Before anything is written to a stream that is closed: the job is silent, and a sign of life is 15 s away."""
    job_id = make_job()
    headers = {"Authorization": f"Bearer {api_key}"}
    with (
        serving(context, tmp_path, WEB_THREADS=2) as server,
        httpx2.Client(base_url=server.url, headers=headers) as http,
    ):
        limit = time.monotonic() + 10
        for _ in range(3):
            while not _opened(http, path_of(job_id)):
                assert time.monotonic() < limit, "its one seat is still taken"
                time.sleep(0.02)


def _opened(http: httpx2.Client, path: str) -> bool:
    with http.stream("GET", path) as stream:
        return stream.status_code == 200 and next(stream.iter_bytes()) != b""


def test_head_opens_no_stream(caller: Caller, make_job: MakeJob) -> None:
    answered = caller.call("HEAD", path_of(make_job()))
    assert (answered.status_code, answered.data) == (200, b"")


def test_a_stream_ends_by_itself_and_shows_that_it_lives(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    job_id = make_job()
    found = jobs.look(context, tenant, job_id, jobs.Told(jobs.START))
    said = list(following._stream(context, tenant, job_id, found, stays, longest=1.2, sign=0.6))
    assert said[0] == b"retry: 2000\n\n"
    assert said[1].startswith(b"event: status\nid: 1-queued-0-0-0\ndata: {")
    assert b": still at work\n\n" in said
    assert context.sessions.kw["bind"].pool.checkedout() == 0
