"""OpenAI's audio API, as far as no worker is needed for it: uploads that come twice, long waits, and its refusals."""

import io
import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from core import jobs
from core.context import Context
from core.database import from_now
from core.errors import EngineError, InputError
from core.keys import Tenant
from core.options import Options
from core.states import Kind
from core.tables import Job
from tests.integration.conftest import LIGHT, MakeJob, ingest, transcribe_all
from tests.integration.test_races import at_once
from tests.integration.test_speakers import put_together
from tests.integration.web_api import Caller
from web.openai.asked import Asked
from web.openai.waiting import Broken, padded, streamed

JSON = Asked({})


def send(caller: Caller, content: bytes = b"RIFF", path: str = "transcriptions", **fields: Any) -> TestResponse:
    form = {"file": (io.BytesIO(content), "upload"), "model": "whisper-1", **fields}
    return caller.call("POST", f"/v1/audio/{path}", data=form)


def submitted(context: Context, tenant: Tenant, content: bytes = b"RIFF", **options: Any) -> jobs.Submitted:
    incoming = context.blobs.receive(100)
    incoming.write(content)
    return jobs.submit(context, tenant, incoming, "upload", Options(**options), repeated=True)


def test_the_same_again_while_it_is_under_way_is_the_same_job(context: Context, tenant: Tenant) -> None:
    first, again = submitted(context, tenant), submitted(context, tenant)
    assert (first.created, again.created, again.job["id"]) == (True, False, first.job["id"])
    assert submitted(context, tenant, b"other").created
    assert submitted(context, tenant, prompt="other").created


def test_two_at_once_are_one_job(context: Context, tenant: Tenant) -> None:
    for number in range(5):
        content = f"RIFF {number}".encode()
        found = at_once(*[lambda content=content: submitted(context, tenant, content).job["id"]] * 3)
        assert len(set(found)) == 1


def test_two_at_once_after_the_end_of_the_first_are_one_new_job(context: Context, tenant: Tenant) -> None:
    for number in range(5):
        content = f"RIFF {number}".encode()
        first = submitted(context, tenant, content).job["id"]
        ended(context, first, 700)
        found = at_once(*[lambda content=content: submitted(context, tenant, content).job["id"]] * 3)
        assert len(set(found)) == 1
        assert first not in found


def ended(context: Context, job_id: str, seconds_ago: float) -> None:
    with context.sessions() as session, session.begin():
        then = {"status": "completed", "finished_at": from_now(-seconds_ago)}
        session.execute(update(Job).where(Job.id == UUID(job_id)).values(**then))


@pytest.mark.parametrize(("seconds_ago", "same"), [(590, True), (610, False)])
def test_for_a_while_after_its_end_it_still_is(
    context: Context, tenant: Tenant, seconds_ago: float, same: bool
) -> None:
    first = submitted(context, tenant).job["id"]
    ended(context, first, seconds_ago)
    assert (submitted(context, tenant).job["id"] == first) is same


def failed(context: Context, retryable: bool) -> None:
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    error = EngineError("it broke") if retryable else InputError("it is no recording")
    assert jobs.fail(context, step, error, retryable=retryable)


@pytest.mark.parametrize("retryable", [True, False])
def test_what_failed_is_tried_again_where_that_may_help(context: Context, tenant: Tenant, retryable: bool) -> None:
    submitted(context, tenant)
    failed(context, retryable)
    assert submitted(context, tenant).created is retryable


def test_what_was_deleted_is_made_anew(context: Context, tenant: Tenant) -> None:
    jobs.delete(context, tenant, UUID(submitted(context, tenant).job["id"]))
    assert submitted(context, tenant).created


def test_a_long_job_keeps_the_connection_alive(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    job_id = make_job(chunks=1)
    pieces = padded(context, tenant, jobs.show(context, tenant, job_id), JSON, sign=0.01)
    assert [next(pieces), next(pieces)] == [b" ", b" "]
    transcribe_all(context)
    put_together(context)
    assert json.loads(b"".join(pieces)) == {"text": "word0", "usage": {"type": "duration", "seconds": 30.0}}


def test_what_fails_after_the_answer_began_cuts_the_connection(
    context: Context, tenant: Tenant, make_job: MakeJob
) -> None:
    """The client sends all again, finds the same job, and is told with a status."""
    job_id = make_job()
    pieces = padded(context, tenant, jobs.show(context, tenant, job_id), JSON, sign=0.01)
    assert next(pieces) == b" "
    failed(context, retryable=False)
    with pytest.raises(Broken):
        list(pieces)


def test_a_stream_that_fails_says_so(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    job_id = make_job()
    failed(context, retryable=False)
    (event,) = streamed(context, tenant, jobs.show(context, tenant, job_id), JSON)
    assert json.loads(event.removeprefix(b"data: "))["error"]["code"] == "invalid_media"


def test_chunks_are_settled_in_their_order(context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    job_id = make_job()
    assert jobs.settled(context, tenant, job_id) == 0
    ingest(context, job_id, 3)
    first, second, third = sorted(
        jobs.claim(context, "t-1", [Kind.TRANSCRIBE], ["demo"], 3), key=lambda step: step.index
    )
    for step, expected in ((second, 0), (first, 2), (third, 3)):
        assert jobs.finish(context, step, {}, jobs.record_segments(step.index, []))
        assert jobs.settled(context, tenant, job_id) == expected


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"response_format": "pdf"}, 400, "response_format"),
        ({"model": ""}, 400, "model"),
        ({"model": "nobody-knows"}, 400, "model"),
    ],
)
def test_refusals_have_openais_shape(caller: Caller, fields: dict[str, str], status: int, param: str) -> None:
    answered = send(caller, **fields)
    assert (answered.status_code, answered.json["error"]["param"]) == (status, param)
    assert set(answered.json["error"]) == {"message", "type", "param", "code"}
    assert answered.headers["x-should-retry"] == "false"
    assert not caller.stored()


def test_other_refusals_too(caller: Caller) -> None:
    assert send(caller, b"").json["error"]["code"] == "empty_file"
    without = caller.call(
        "POST", "/v1/audio/transcriptions", data={"model": "whisper-1"}, content_type="multipart/form-data"
    )
    assert (without.status_code, without.json["error"]["param"]) == (400, "file")
    assert caller.call("POST", "/v1/audio/transcriptions", json={}).status_code == 415
    missing = caller.call("POST", "/v1/audio/speech", data={})
    assert (missing.status_code, missing.json["error"]["type"]) == (404, "not_found_error")
    caller.key = "sk_wrong"
    refused = send(caller)
    assert (refused.status_code, refused.json["error"]["type"]) == (401, "authentication_error")


def test_when_too_many_wait_the_client_is_asked_to_come_again(caller: Caller) -> None:
    seats = caller.app.extensions["scriptorium"].seats
    taken = 0
    while seats.acquire(blocking=False):
        taken += 1
    answered = send(caller)
    assert (answered.status_code, answered.json["error"]["code"]) == (503, "too_many_waiting")
    assert answered.headers["Retry-After"] == "5"
    assert "x-should-retry" not in answered.headers
    seats.release(taken)
