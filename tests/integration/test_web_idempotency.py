"""One upload, sent once or many times: one job."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.test import TestResponse

from core import keys
from core.context import Context
from tests.integration.web_api import Caller, Endless, problem

KEY = {"Idempotency-Key": "0f9a-17"}


def at_once(*calls: Callable[[], TestResponse]) -> list[TestResponse]:
    """All begin together."""
    gate = threading.Barrier(len(calls))

    def begin(call: Callable[[], TestResponse]) -> TestResponse:
        gate.wait(30)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(begin, calls))


def test_the_same_upload_again_gives_the_same_job(caller: Caller) -> None:
    first = caller.upload(headers=KEY, language="en")
    again = caller.upload(headers=KEY, language="en")
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json == first.json
    assert first.headers["Location"] == again.headers["Location"] == f"/v1/jobs/{first.json['id']}"
    assert len(caller.stored()) == 1


def test_the_same_request_in_another_form_is_the_same(caller: Caller) -> None:
    first = caller.upload(headers=KEY, data=b"RIFF", word_timestamps="false")
    again = caller.call("POST", "/v1/jobs", json={"audio": "UklGRg==", "word_timestamps": False}, headers=KEY)
    assert (again.status_code, again.json["id"]) == (200, first.json["id"])


def test_the_job_is_answered_as_it_is_now(caller: Caller) -> None:
    first = caller.upload(headers=KEY)
    caller.call("POST", f"{first.headers['Location']}/cancel")
    assert caller.upload(headers=KEY).json["status"] == "cancelled"


@pytest.mark.parametrize("other", [{"data": b"RIFX"}, {"language": "en"}, {"tag": "another"}])
def test_something_else_under_the_same_key_is_refused(caller: Caller, other: dict) -> None:
    caller.upload(headers=KEY)
    problem(caller.upload(headers=KEY, **other), 422, "idempotency_mismatch")
    assert len(caller.stored()) == 1


def test_without_a_key_each_upload_is_a_job(caller: Caller) -> None:
    assert caller.upload().json["id"] != caller.upload().json["id"]


def test_a_key_is_its_tenants_own(caller: Caller, context: Context) -> None:
    stranger = keys.mint()
    keys.ensure(context, stranger, "another")
    mine, theirs = caller.upload(headers=KEY), Caller(context, stranger).upload(headers=KEY)
    assert (mine.status_code, theirs.status_code) == (202, 202)
    assert mine.json["id"] != theirs.json["id"]


def test_the_key_of_a_deleted_job_is_gone(caller: Caller) -> None:
    caller.call("DELETE", caller.upload(headers=KEY).headers["Location"])
    problem(caller.upload(headers=KEY), 410, "deleted")
    assert not caller.stored()


def test_the_simple_call_takes_a_key_too(caller: Caller) -> None:
    sent = [caller.upload("/v1/asr?wait=0", part="audio", headers=KEY).json["job_id"] for _ in range(2)]
    assert sent[0] == sent[1]
    answered = caller.upload("/v1/asr?wait=0", part="audio", headers=KEY, language="en")
    assert (answered.status_code, answered.json["error"]["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "caf\xe9", "tab\there"])
def test_a_bad_key_is_refused_before_the_body(caller: Caller, key: str) -> None:
    body = Endless(1000)
    refused = caller.upload_from(body, {"Idempotency-Key": key}, CONTENT_LENGTH=str(body.length))
    assert problem(refused, 422, "invalid_request")["errors"][0]["field"] == "Idempotency-Key"
    assert body.taken == 0


def test_the_longest_key_is_taken(caller: Caller) -> None:
    assert caller.upload(headers={"Idempotency-Key": "~" * 255}).status_code == 202


def test_uploads_of_one_key_at_once_are_one_job(caller: Caller) -> None:
    for number in range(5):
        key = {"Idempotency-Key": f"race-{number}"}
        answers = at_once(*[lambda key=key: caller.upload(headers=key, data=b"RIFF" * 1000)] * 8)
        assert sorted(one.status_code for one in answers) == [200] * 7 + [202]
        assert len({one.json["id"] for one in answers}) == 1
        assert len(caller.stored()) == number + 1
    assert len(caller.call("GET", "/v1/jobs").json["jobs"]) == 5


def test_of_two_recordings_under_one_key_one_is_taken(caller: Caller) -> None:
    for number in range(5):
        key = {"Idempotency-Key": f"race-{number}"}
        calls = [lambda key=key, data=data: caller.upload(headers=key, data=data) for data in (b"one", b"two")]
        answers = at_once(*calls)
        assert sorted(one.status_code for one in answers) == [202, 422]
        assert len(caller.stored()) == number + 1
