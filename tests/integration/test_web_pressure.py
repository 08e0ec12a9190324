"""A server that is full says so, at once, and keeps nothing."""

from dataclasses import replace
from pathlib import Path

from core.blobs import LocalBlobs
from core.context import Context
from tests.integration.web_api import Caller, Endless, problem, with_settings


class Shared(LocalBlobs):
    """On a disk of 10**12 bytes, with room for 20,000 more; after two looks others have filled it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.looks = 0

    def room(self) -> tuple[int, int]:
        self.looks += 1
        return (20_000 if self.looks <= 2 else 10, 10**12)


def refused_unread(full: Caller, code: str) -> None:
    body = Endless(10_000)
    answered = full.upload_from(body, CONTENT_LENGTH=str(body.length))
    problem(answered, 503, code)
    assert int(answered.headers["Retry-After"]) > 0
    assert body.taken == 0


def test_a_full_disk_takes_no_upload(context: Context, caller: Caller) -> None:
    refused_unread(Caller(with_settings(context, min_free_share=1.1), caller.key), "storage_full")
    assert not caller.stored()


def test_an_upload_that_would_fill_the_disk_is_not_taken(context: Context, caller: Caller) -> None:
    shared = replace(with_settings(context, min_free_bytes=15_000), blobs=Shared(context.settings.blobs))
    assert Caller(shared, caller.key).upload().status_code == 202
    refused_unread(Caller(shared, caller.key), "storage_full")


def test_a_full_queue_takes_no_upload_until_a_job_ends(context: Context, caller: Caller) -> None:
    small = Caller(with_settings(context, max_open_jobs=2), caller.key)
    first, second = small.upload(), small.upload()
    assert (first.status_code, second.status_code) == (202, 202)
    refused_unread(small, "queue_full")
    simple = small.upload("/v1/asr", part="audio")
    assert (simple.status_code, simple.json["error"]["code"]) == (503, "queue_full")
    assert int(simple.headers["Retry-After"]) > 0
    assert small.call("GET", "/v1/jobs").status_code == 200
    small.call("POST", f"{first.headers['Location']}/cancel")
    assert small.upload().status_code == 202
    assert len(caller.stored()) == 3


def test_a_body_of_unknown_length_stops_where_the_disk_becomes_full(context: Context, caller: Caller) -> None:
    shared = replace(with_settings(context, min_free_bytes=1000), blobs=Shared(context.settings.blobs))
    body = Endless(10**12)
    problem(Caller(shared, caller.key).upload_from(body), 503, "storage_full")
    assert 2 * 2**26 < body.taken < 3 * 2**26
    assert not caller.stored()
