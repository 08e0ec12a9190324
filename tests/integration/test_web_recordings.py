"""Recordings over HTTP, before and without a job."""

from uuid import UUID, uuid4

import pytest

from core import keys, recordings
from core.context import Context
from core.keys import Tenant
from tests.fakes import media
from tests.integration.web_api import Caller, problem

KEY = {"Idempotency-Key": "0f9a-17"}


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return media.write(tmp_path_factory.mktemp("sound") / "a.wav", media.buzz(3.0)).read_bytes()


@pytest.fixture
def recording_id(caller: Caller, context: Context, tenant: Tenant, wav: bytes) -> str:
    incoming = context.blobs.receive(len(wav))
    incoming.write(wav)
    found: str = recordings.keep(context, tenant, incoming, "a.wav")["id"]
    return found


def test_a_job_of_a_recording_that_is_here(caller: Caller, recording_id: str, wav: bytes) -> None:
    named = caller.call("POST", "/v1/jobs", json={"recording_id": recording_id, "language": "en"}, headers=KEY)
    assert (named.status_code, named.json["recording"]["id"]) == (202, recording_id)
    assert named.headers["Location"] == f"/v1/jobs/{named.json['id']}"
    form = {"recording_id": recording_id, "language": "en"}
    for again in (
        caller.call("POST", "/v1/jobs", data=form, content_type="multipart/form-data", headers=KEY),
        caller.upload(data=wav, language="en", headers=KEY),
    ):
        assert (again.status_code, again.json["id"]) == (200, named.json["id"])
    assert len(caller.stored()) == 1


@pytest.mark.parametrize("given", ["no id", 7, ["x"], ""])
def test_a_recording_id_that_is_none(caller: Caller, given: object) -> None:
    refused = caller.call("POST", "/v1/jobs", json={"recording_id": given})
    assert problem(refused, 422, "invalid_request")["errors"][0]["field"] == "recording_id"


def test_what_does_not_go_with_a_recording_id(caller: Caller, recording_id: str) -> None:
    both = problem(caller.upload(recording_id=recording_id), 422, "invalid_request")
    encoded = problem(
        caller.call("POST", "/v1/jobs", json={"recording_id": recording_id, "audio": "UklGRg=="}),
        422,
        "invalid_request",
    )
    assert both["errors"][0]["field"] == encoded["errors"][0]["field"] == "recording_id"
    tracks = caller.call("POST", "/v1/jobs", json={"recording_id": recording_id, "tracks": [{}]})
    assert problem(tracks, 422, "invalid_request")["errors"][0]["field"] == "tracks"
    digest = {"X-Content-SHA256": "0" * 64}
    claimed = caller.call("POST", "/v1/jobs", json={"recording_id": recording_id}, headers=digest)
    assert problem(claimed, 422, "invalid_request")["errors"][0]["field"] == "X-Content-SHA256"


def test_a_job_of_a_recording_that_is_not_ones_own(caller: Caller, context: Context, recording_id: str) -> None:
    stranger = keys.mint()
    keys.ensure(context, stranger, "another")
    problem(Caller(context, stranger).call("POST", "/v1/jobs", json={"recording_id": recording_id}), 404, "not_found")
    problem(caller.call("POST", "/v1/jobs", json={"recording_id": str(uuid4())}), 404, "not_found")


def test_a_job_of_a_deleted_recording(caller: Caller, context: Context, tenant: Tenant, recording_id: str) -> None:
    recordings.delete(context, tenant, UUID(recording_id))
    problem(caller.call("POST", "/v1/jobs", json={"recording_id": recording_id}), 410, "deleted")
