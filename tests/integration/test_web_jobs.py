"""The routes on the real Postgres, with the pipeline's part played by rows."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pysubs2
import pytest

from core import jobs, keys
from core.context import Context
from core.errors import InputError
from core.keys import Tenant
from core.states import Kind
from core.transcript import Segment, Transcript, Word
from tests.integration.conftest import LIGHT, MakeJob, transcribe_all
from tests.integration.web_api import Caller, problem, with_settings
from web import schemas

SPOKEN = Segment(
    0.2, 1.5, " Good morning.", "en", -0.1, 0.0, (Word(0.2, 0.8, " Good", 0.9), Word(0.8, 1.5, " morning.", 0.8))
)


def path_of(job_id: UUID, below: str = "") -> str:
    return f"/v1/jobs/{job_id}{below}"


def ended(context: Context, job_id: UUID, *segments: Segment) -> None:
    """The job's recording has been transcribed."""
    step = claimed(context, Kind.INGEST, job_id)
    result = {"duration": 2.0, "channels": 1, "codec": "pcm", "speech_seconds": 1.3}
    assert jobs.finish(context, step, result, jobs.record_probe(result))
    step = claimed(context, Kind.ASSEMBLE, job_id)
    document = Transcript(2.0, "en" if segments else None, segments, 1.3).to_json(str(job_id))
    assert jobs.finish(context, step, {}, jobs.record_transcript(document))


def claimed(context: Context, kind: Kind, job_id: UUID | None = None) -> jobs.Claimed:
    """The next step of the kind, as soon as it is there."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for step in jobs.claim(context, LIGHT, [kind], []):
            assert job_id in (None, step.job_id)
            return step
        time.sleep(0.02)
    raise AssertionError(f"no {kind} step came")


def test_a_job_is_shown(caller: Caller, context: Context, tenant: Tenant, make_job: MakeJob) -> None:
    job_id = make_job()
    shown = caller.call("GET", path_of(job_id))
    assert shown.json == jobs.show(context, tenant, job_id)
    assert set(shown.json) == set(schemas.Job.model_fields)
    assert set(shown.json["recording"]) == set(schemas.RecordingInfo.model_fields)
    assert shown.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("below", ["", "/transcript", "/segments", "/cancel", "/retry"])
def test_what_is_not_ones_own_is_not_there(caller: Caller, context: Context, make_job: MakeJob, below: str) -> None:
    job_id, stranger = make_job(), keys.mint()
    keys.ensure(context, stranger, "another")
    method = "POST" if below in ("/cancel", "/retry") else "GET"
    problem(Caller(context, stranger).call(method, path_of(job_id, below)), 404, "not_found")
    problem(caller.call(method, path_of(uuid4(), below)), 404, "not_found")
    problem(caller.call(method, f"/v1/jobs/not-an-id{below}"), 404, "not_found")


def test_jobs_are_listed_newest_first_in_pages(caller: Caller, make_job: MakeJob) -> None:
    made = [str(make_job(tag="even" if number % 2 == 0 else "odd")) for number in range(5)]
    first = caller.call("GET", "/v1/jobs?limit=2").json
    schemas.JobPage.model_validate(first)
    second = caller.call("GET", f"/v1/jobs?limit=3&cursor={first['next_cursor']}").json
    assert [job["id"] for job in first["jobs"] + second["jobs"]] == made[::-1]
    assert second["next_cursor"] is None
    assert [job["id"] for job in caller.call("GET", "/v1/jobs?tag=odd&status=queued").json["jobs"]] == [
        made[3],
        made[1],
    ]
    assert caller.call("GET", "/v1/jobs?status=failed").json["jobs"] == []


@pytest.mark.parametrize(
    ("path", "field", "allowed"),
    [
        ("/v1/jobs?limit=0", "limit", None),
        ("/v1/jobs?limit=101", "limit", None),
        ("/v1/jobs?status=done", "status", ["queued", "processing", "completed", "failed", "cancelled"]),
        (
            "/v1/jobs?staus=done",
            "staus",
            ["created_after", "created_before", "cursor", "limit", "metadata", "status", "tag"],
        ),
        ("/v1/jobs?cursor=abc", "cursor", None),
        ("/v1/jobs?tag=%00", "tag", None),
        (path_of(uuid4(), "?wait=-1"), "wait", None),
        (path_of(uuid4(), "?wait=nan"), "wait", None),
        (path_of(uuid4(), "/segments?after=x"), "after", None),
        (path_of(uuid4(), "/segments?after=9999999999999999999"), "after", None),
        (
            path_of(uuid4(), "/transcript?format=pdf"),
            "format",
            ["json", "txt", "srt", "vtt", "tsv", "rttm", "ctm", "docx"],
        ),
    ],
)
def test_a_bad_parameter_is_named(caller: Caller, path: str, field: str, allowed: list[str] | None) -> None:
    (fault,) = problem(caller.call("GET", path), 422, "invalid_request")["errors"]
    assert (fault["field"], fault.get("allowed")) == (field, allowed)


def test_the_transcript_in_every_format(caller: Caller, context: Context, make_job: MakeJob) -> None:
    job_id = make_job()
    problem(caller.call("GET", path_of(job_id, "/transcript")), 409, "job_not_finished")
    ended(context, job_id, SPOKEN)
    found = caller.call("GET", path_of(job_id, "/transcript"))
    assert found.content_type == "application/json"
    schemas.TranscriptOut.model_validate(found.json)
    assert found.json["text"] == "Good morning."
    assert caller.call("GET", path_of(job_id, "/transcript?format=txt")).text == "Good morning.\n"
    for name, media_type in (("srt", "application/x-subrip"), ("vtt", "text/vtt")):
        captions = caller.call("GET", path_of(job_id, f"/transcript?format={name}"))
        assert captions.mimetype == media_type
        assert [event.plaintext for event in pysubs2.SSAFile.from_string(captions.text)] == ["Good morning."]


def test_segments_come_while_the_job_runs(caller: Caller, context: Context, make_job: MakeJob) -> None:
    job_id = make_job(chunks=2)
    assert caller.call("GET", path_of(job_id, "/segments")).json["segments"] == []
    transcribe_all(context)
    found = caller.call("GET", path_of(job_id, "/segments")).json
    schemas.SegmentPage.model_validate(found)
    assert [one["text"] for one in found["segments"]] == [" word0", " word1"]
    assert caller.call("GET", path_of(job_id, f"/segments?after={found['revision']}")).json["segments"] == []


def test_cancel_and_delete(caller: Caller, make_job: MakeJob) -> None:
    job_id = make_job()
    cancelled = caller.call("POST", path_of(job_id, "/cancel"))
    assert (cancelled.status_code, cancelled.json["status"]) == (202, "cancelled")
    assert caller.call("POST", path_of(job_id, "/cancel")).status_code == 202
    problem(caller.call("GET", path_of(job_id, "/transcript")), 409, "job_cancelled")
    deleted = caller.call("DELETE", path_of(job_id))
    assert (deleted.status_code, deleted.data) == (204, b"")
    problem(caller.call("GET", path_of(job_id)), 410, "deleted")
    assert caller.call("DELETE", path_of(job_id)).status_code == 204


def failed(context: Context, make_job: MakeJob) -> UUID:
    job_id = make_job(language="en")
    assert jobs.fail(context, claimed(context, Kind.INGEST, job_id), InputError("this is not a media file"))
    return job_id


@pytest.mark.parametrize("body", [{}, {"json": {}}, {"json": {"stage": None}}, {"json": {"stage": "ingest"}}])
def test_a_failed_job_is_run_again(caller: Caller, context: Context, make_job: MakeJob, body: dict[str, Any]) -> None:
    job_id = failed(context, make_job)
    again = caller.call("POST", path_of(job_id, "/retry"), **body)
    assert again.status_code == 202
    schemas.Job.model_validate(again.json)
    assert (again.json["status"] in ("queued", "processing"), again.json["error"]) == (True, None)
    assert again.json["options"]["language"] == "en"
    ended(context, job_id, SPOKEN)
    assert caller.call("GET", path_of(job_id)).json["status"] == "completed"


def test_a_stage_of_a_completed_job_is_run_again(caller: Caller, context: Context, make_job: MakeJob) -> None:
    job_id = make_job()
    ended(context, job_id, SPOKEN)
    problem(caller.call("POST", path_of(job_id, "/retry")), 409, "nothing_to_retry")
    again = caller.call("POST", path_of(job_id, "/retry"), json={"stage": "assemble"})
    assert (again.status_code, again.json["status"]) == (202, "processing")
    assert caller.call("GET", path_of(job_id, "/transcript")).json["text"] == "Good morning."
    problem(caller.call("POST", path_of(job_id, "/retry"), json={"stage": "assemble"}), 409, "job_not_finished")
    assert caller.call("POST", path_of(job_id, "/retry")).status_code == 202


@pytest.mark.parametrize(
    ("body", "status", "field", "allowed"),
    [
        ({"json": {"stage": "translate"}}, 422, "stage", [kind.value for kind in Kind]),
        ({"json": {"stage": 7}}, 422, "stage", None),
        ({"json": {"step": "ingest"}}, 422, "step", ["stage"]),
        ({"json": ["ingest"]}, 400, None, None),
        ({"data": b"{", "content_type": "application/json"}, 400, None, None),
        ({"data": b"stage=ingest", "content_type": "application/x-www-form-urlencoded"}, 415, None, None),
        ({"data": b"{" * 2**21, "content_type": "application/json"}, 413, None, None),
    ],
)
def test_a_bad_wish_to_run_again_is_refused(
    caller: Caller, context: Context, make_job: MakeJob, body: dict[str, Any], status: int, field: str | None,
    allowed: list[str] | None,
) -> None:  # fmt: skip
    job_id = failed(context, make_job)
    answered = caller.call("POST", path_of(job_id, "/retry"), **body)
    assert answered.status_code == status, answered.text
    if field:
        (fault,) = problem(answered, 422, "invalid_request")["errors"]
        assert (fault["field"], fault.get("allowed")) == (field, allowed)
    assert caller.call("GET", path_of(job_id)).json["status"] == "failed"


def test_a_deleted_job_is_not_run_again(caller: Caller, make_job: MakeJob) -> None:
    job_id = make_job()
    caller.call("DELETE", path_of(job_id))
    problem(caller.call("POST", path_of(job_id, "/retry")), 410, "deleted")


def test_waiting_ends_when_the_status_changes(
    caller: Caller, context: Context, make_job: MakeJob, beside: ThreadPoolExecutor
) -> None:
    job_id, began = make_job(), time.monotonic()
    waiting: Future = beside.submit(caller.call, "GET", path_of(job_id, "?wait=30"))
    caller.call("POST", path_of(job_id, "/cancel"))
    assert waiting.result().json["status"] == "cancelled"
    assert time.monotonic() - began < 20
    assert caller.call("GET", path_of(job_id, "?wait=30")).json["status"] == "cancelled"


def test_only_half_of_the_threads_wait(context: Context, tenant: Tenant, api_key: str, make_job: MakeJob) -> None:
    caller, job_id = Caller(with_settings(context, web_threads=4), api_key), make_job()
    seats = caller.app.extensions["scriptorium"].seats
    assert [seats.acquire(blocking=False) for _ in range(3)] == [True, True, False]
    began = time.monotonic()
    assert caller.call("GET", path_of(job_id, "?wait=60")).json["status"] == "queued"
    assert time.monotonic() - began < 20
    seats.release()
    assert caller.call("GET", path_of(job_id, "?wait=0.01")).status_code == 200
    assert seats.acquire(blocking=False), "a request that waited gives its seat back"


def test_models_are_those_of_live_workers(caller: Caller) -> None:
    found = caller.call("GET", "/v1/models")
    schemas.ModelList.model_validate(found.json)
    assert found.json == {"models": [], "object": "list", "data": []}


def test_asr_answers_with_the_transcript(caller: Caller, context: Context, beside: ThreadPoolExecutor) -> None:
    asked: Future = beside.submit(caller.upload, "/v1/asr", part="audio", language="en", diarization="false")
    step = claimed(context, Kind.INGEST)
    jobs.hand_back(context, step)
    ended(context, step.job_id, SPOKEN)
    answered = asked.result()
    assert (answered.status_code, answered.json) == (
        200,
        {
            "status": "success",
            "transcript": "Good morning.",
            "segments": [{"start": 0.2, "end": 1.5, "text": "Good morning."}],
            "confidence": 0.8462,
        },
    )


def test_asr_tells_where_the_job_is_when_it_takes_longer(caller: Caller) -> None:
    answered = caller.call(
        "POST", "/v1/asr?wait=0", json={"audio": "UklGRg==", "language": "zh-CN", "diarization": True}
    )
    assert answered.status_code == 202
    job_id = answered.json["job_id"]
    assert answered.json == {"status": "processing", "job_id": job_id, "location": f"/v1/jobs/{job_id}"}
    options = caller.call("GET", answered.headers["Location"]).json["options"]
    assert (options["language"], options["diarization"]) == ("zh-CN", True)


def test_asr_says_why_it_failed(caller: Caller, context: Context, beside: ThreadPoolExecutor) -> None:
    asked: Future = beside.submit(caller.upload, "/v1/asr", part="audio")
    assert jobs.fail(context, claimed(context, Kind.INGEST), InputError("this is not a media file"))
    answered = asked.result()
    expected = {"status": "error", "error": {"code": "invalid_media", "message": "this is not a media file"}}
    assert (answered.status_code, answered.json) == (422, expected)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"audio": ""}, 422, "empty_file"),
        ({"audio": "UklGRg==", "model": "x"}, 422, "unknown_model"),
    ],
)
def test_asr_has_its_own_shape_of_errors(caller: Caller, body: dict[str, str], status: int, code: str) -> None:
    answered = caller.call("POST", "/v1/asr", json=body)
    assert (answered.status_code, answered.json["status"], answered.json["error"]["code"]) == (status, "error", code)
    assert set(answered.json) == {"status", "error"}
