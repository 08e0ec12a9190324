"""AssemblyAI's API, as far as no worker is needed for it: uploads, refusals, pages, and what is left after a delete."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from core import jobs, keys
from core.context import Context
from core.errors import InputError
from core.keys import Tenant
from core.states import Kind
from core.tables import Job
from tests.integration.conftest import LIGHT, MakeJob, ingest, transcribe_all
from tests.integration.test_audit import last
from tests.integration.test_speakers import put_together
from tests.integration.web_api import Caller, with_settings


def upload(caller: Caller, data: bytes = b"RIFF", **request: Any) -> str:
    answer = caller.call("POST", "/v2/upload", data=data, **request)
    assert (answer.status_code, set(answer.get_json())) == (200, {"upload_url"}), answer.text
    return str(answer.get_json()["upload_url"])


def transcribe(caller: Caller, audio_url: str, **asked: Any) -> dict[str, Any]:
    answer = caller.call("POST", "/v2/transcript", json={"audio_url": audio_url, **asked})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def get(caller: Caller, path: str, **query: Any) -> TestResponse:
    return caller.call("GET", f"/v2/transcript{path}", query_string=query)


def refused(answer: TestResponse, status: int, said: str) -> None:
    """In AssemblyAI's one shape."""
    assert (answer.status_code, answer.content_type, set(answer.get_json())) == (status, "application/json", {"error"})
    assert said in answer.get_json()["error"]


def finished(context: Context, job_id: str, chunks: int = 1) -> None:
    ingest(context, UUID(job_id), chunks)
    transcribe_all(context)
    put_together(context)


def failed(context: Context) -> None:
    (step,) = jobs.claim(context, LIGHT, [Kind.INGEST], [])
    assert jobs.fail(context, step, InputError("it is no recording"), retryable=False)


@pytest.mark.parametrize(
    "content_type", ["application/octet-stream", "application/x-www-form-urlencoded", "application/json", "text/x", ""]
)
def test_an_upload_may_be_of_any_type(caller: Caller, content_type: str) -> None:
    url = upload(caller, b"a=b&c", content_type=content_type)
    assert [path.read_bytes() for path in caller.stored()] == [b"a=b&c"]
    assert transcribe(caller, url)["audio_url"] == url


def test_an_upload_may_come_without_its_length(caller: Caller) -> None:
    stream = {"wsgi.input": io.BytesIO(b"x" * 200_000), "wsgi.input_terminated": True}
    upload(caller, environ_overrides=stream)
    assert [path.stat().st_size for path in caller.stored()] == [200_000]


def test_an_upload_that_is_refused_leaves_nothing(context: Context, caller: Caller, api_key: str) -> None:
    refused(caller.call("POST", "/v2/upload", data=b""), 400, "empty")
    refused(caller.call("POST", "/v2/upload?tag=a", data=b"RIFF"), 400, "tag: ")
    small = Caller(with_settings(context, max_upload_bytes=3), api_key)
    refused(small.call("POST", "/v2/upload", data=b"RIFF"), 413, "larger")
    full = Caller(with_settings(context, min_free_bytes=2**62), api_key)
    answer = full.call("POST", "/v2/upload", data=b"RIFF")
    refused(answer, 503, "")
    assert answer.headers["Retry-After"]
    assert not caller.stored()


@pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer "])
def test_a_key_may_stand_alone(caller: Caller, api_key: str, scheme: str) -> None:
    client, headers = caller.app.test_client(), {"Authorization": scheme + api_key}
    assert client.get("/v2/transcript", headers=headers).status_code == 200
    assert (client.get("/v1/jobs", headers=headers).status_code == 200) is bool(scheme)


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer ", "sk_wrong", "Basic sk_wrong"])
def test_a_wrong_key_is_refused(caller: Caller, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    refused(caller.app.test_client().get("/v2/transcript", headers=headers), 401, "API key")


def test_a_transcript_of_an_upload(context: Context, caller: Caller) -> None:
    made = transcribe(caller, upload(caller), language_code="en_us", redact_pii=None)
    assert (made["status"], made["language_code"], made["text"]) == ("queued", "en_us", None)
    finished(context, made["id"], chunks=2)
    found = get(caller, f"/{made['id']}").get_json()
    assert (found["status"], found["text"], found["audio_duration"]) == ("completed", "word0 word1", 60)
    assert (found["audio_url"], found["language_code"]) == (made["audio_url"], "en_us")
    assert [(one["text"], one["start"]) for one in found["words"]] == [("word0", 0), ("word1", 30_000)]
    assert isinstance(found["confidence"], float)


def test_a_job_of_the_native_api_is_a_transcript_too(context: Context, caller: Caller, make_job: MakeJob) -> None:
    job_id = make_job(chunks=1, hotwords=["Ada"])
    transcribe_all(context)
    put_together(context)
    found = get(caller, f"/{job_id}").get_json()
    assert (found["text"], found["keyterms_prompt"]) == ("word0", ["Ada"])


def test_a_job_that_failed_is_an_error(context: Context, caller: Caller) -> None:
    made = transcribe(caller, upload(caller))
    failed(context)
    found = get(caller, f"/{made['id']}").get_json()
    assert (found["status"], found["error"], found["text"]) == ("error", "it is no recording", None)
    refused(get(caller, f"/{made['id']}/srt"), 400, "it is no recording")


def test_an_external_url_is_fetched_by_a_worker(context: Context, caller: Caller, tenant: Tenant) -> None:
    made = transcribe(caller, "https://recordings.example/meeting.mp3?signature=secret")
    assert made["audio_url"] == "https://recordings.example/meeting.mp3"
    job = jobs.show(context, tenant, UUID(made["id"]))
    assert (job["source_url"], job["stages"]["fetch"]["status"]) == (made["audio_url"], "processing")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a.mp3", "http://localhost:8080/v2/upload/x", "ftp://example.org/a", "meeting.mp3"]
)
def test_a_forbidden_url_makes_no_job(caller: Caller, url: str) -> None:
    refused(caller.call("POST", "/v2/transcript", json={"audio_url": url}), 400, "audio_url: ")
    assert not get(caller, "").get_json()["transcripts"]


def test_an_upload_is_its_tenants(context: Context, caller: Caller) -> None:
    url = upload(caller)
    stranger = Caller(context, keys.create(context, "another tenant", "stranger", ["admin"])[0])
    for asked in (url, f"http://scriptorium/v2/upload/{uuid4()}"):
        answer = stranger.call("POST", "/v2/transcript", json={"audio_url": asked})
        refused(answer, 400, "audio_url: there is no recording")
    other_name = url.replace("localhost", "transcripts.internal:9000")
    assert transcribe(caller, other_name)["audio_url"] == url


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"json": {"audio_url": "x", "sentiment_analysis": True}}, "sentiment_analysis: is not done"),
        ({"json": {"audio_url": "x", "webhook_url": "https://example.org"}}, "webhook_url: "),
        ({"json": {"audio_url": "https://example.org/a", "speech_model": "no-such-model"}}, "no-such-model"),
        ({"json": {"audio_url": "https://example.org/a", "speech_model": "/etc"}}, "/etc"),
        ({"json": {}}, "audio_url: "),
        ({"json": []}, "JSON object"),
        ({"data": b"{"}, "JSON"),
        ({"data": b""}, "JSON"),
    ],
)
def test_what_is_refused_is_named(caller: Caller, body: dict[str, Any], said: str) -> None:
    refused(caller.call("POST", "/v2/transcript", **body), 400, said)


def test_a_body_has_an_end(caller: Caller) -> None:
    answer = caller.call("POST", "/v2/transcript", json={"audio_url": "x" * 2**21})
    refused(answer, 413, "larger")


@pytest.fixture
def done(context: Context, caller: Caller) -> str:
    made = transcribe(caller, upload(caller))
    finished(context, made["id"], chunks=3)
    return str(made["id"])


def test_captions_are_plain_text_of_the_width_asked_for(caller: Caller, done: str) -> None:
    srt, vtt = get(caller, f"/{done}/srt"), get(caller, f"/{done}/vtt", chars_per_caption=12)
    assert (srt.status_code, srt.content_type) == (200, "text/plain; charset=utf-8")
    assert srt.text.startswith("1\n00:00:00,000 --> 00:00:01,000\nword0\n")
    assert vtt.text.startswith("WEBVTT\n\n00:00:00.000 --> ")
    refused(get(caller, f"/{done}/srt", chars_per_caption=2), 400, "chars_per_caption: ")
    refused(get(caller, f"/{done}/vtt", width=2), 400, "width: ")


def test_sentences_paragraphs_and_words(caller: Caller, done: str) -> None:
    for name in ("sentences", "paragraphs"):
        found = get(caller, f"/{done}/{name}").get_json()
        assert [(one["text"], one["start"]) for one in found[name]] == [
            ("word0", 0), ("word1", 30_000), ("word2", 60_000)
        ]  # fmt: skip
        assert (found["id"], found["audio_duration"], found["speech_model_used"]) == (done, 90, "demo")
    found = get(caller, f"/{done}/word-search", words="WORD1, nobody,word1 word2,WORD1").get_json()
    assert (found["total_count"], [one["text"] for one in found["matches"]]) == (2, ["WORD1", "word1 word2"])
    assert (found["matches"][0]["indexes"], found["matches"][1]["timestamps"]) == ([1], [[30_000, 61_000]])


@pytest.mark.parametrize("words", ["", ",", "a b c d e f", ",".join(map(str, range(101)))])
def test_a_search_has_bounds(caller: Caller, done: str, words: str) -> None:
    refused(get(caller, f"/{done}/word-search", words=words), 400, "words: ")


@pytest.mark.parametrize("part", ["srt", "vtt", "sentences", "paragraphs", "word-search"])
def test_what_is_not_ready_is_refused(caller: Caller, part: str) -> None:
    made = transcribe(caller, upload(caller))
    query = {"words": "budget"} if part == "word-search" else {}
    refused(get(caller, f"/{made['id']}/{part}", **query), 400, "not finished")


def pages(caller: Caller, **query: Any) -> Iterator[list[str]]:
    """As their client reads them: from page to page by `before_id` of `prev_url`."""
    while True:
        page = get(caller, "", **query).get_json()
        assert page["page_details"]["result_count"] == len(page["transcripts"])
        yield [one["id"] for one in page["transcripts"]]
        if page["page_details"]["prev_url"] is None:
            return
        query = {name: one[0] for name, one in parse_qs(urlsplit(page["page_details"]["prev_url"]).query).items()}


def test_the_list_is_read_in_both_directions(caller: Caller, make_job: MakeJob) -> None:
    ids = [str(make_job()) for _ in range(5)][::-1]
    assert list(pages(caller, limit=2)) == [ids[:2], ids[2:4], ids[4:]]
    assert list(pages(caller, limit=5)) == [ids]
    newer = get(caller, "", limit=2, after_id=ids[4]).get_json()
    assert [one["id"] for one in newer["transcripts"]] == ids[2:4]
    newest = get(caller, "", **_query(newer["page_details"]["next_url"])).get_json()
    assert [one["id"] for one in newest["transcripts"]] == ids[:2]
    none = get(caller, "", **_query(newest["page_details"]["next_url"])).get_json()
    assert (none["transcripts"], none["page_details"]["next_url"], none["page_details"]["prev_url"]) == ([], None, None)
    between = get(caller, "", before_id=ids[0], after_id=ids[3]).get_json()
    assert [one["id"] for one in between["transcripts"]] == ids[1:3]


def _query(url: str) -> dict[str, str]:
    return {name: one[0] for name, one in parse_qs(urlsplit(url).query).items()}


def test_the_list_has_filters(context: Context, caller: Caller, make_job: MakeJob, done: str) -> None:
    waiting = str(make_job())
    stopped = make_job()
    caller.call("POST", f"/v1/jobs/{stopped}/cancel")
    found = {status: next(pages(caller, status=status)) for status in ("queued", "completed", "error", "processing")}
    assert found == {"queued": [waiting], "completed": [done], "error": [str(stopped)], "processing": []}
    with context.sessions() as session, session.begin():
        then = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
        session.execute(update(Job).where(Job.id == UUID(waiting)).values(created_at=then))
    assert [next(pages(caller, created_on=day)) for day in ("2026-03-01", "2026-03-02")] == [[waiting], []]
    assert next(pages(caller, throttled_only="true")) == []
    kept = get(caller, "", limit=1, created_on="2026-03-01").get_json()["page_details"]["current_url"]
    assert kept.endswith("/v2/transcript?limit=1&created_on=2026-03-01")


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 201}, {"status": "failed"}, {"created_on": "yesterday"}, {"created_on": "0"},
     {"created_on": "2026-02-30"}, {"created_on": "9999-12-31"},
     {"before_id": "1"}, {"cursor": "1"}, {"throttled_only": "perhaps"}],
)  # fmt: skip
def test_a_bad_filter_is_named(caller: Caller, query: dict[str, Any]) -> None:
    refused(get(caller, "", **query), 400, f"{next(iter(query))}: ")


def test_delete_erases_the_upload_with_its_last_transcript(caller: Caller) -> None:
    url = upload(caller)
    first, second = transcribe(caller, url)["id"], transcribe(caller, url)["id"]
    answer = caller.call("DELETE", f"/v2/transcript/{first}")
    assert (answer.status_code, answer.get_json()["text"]) == (200, "Deleted by user.")
    assert caller.stored()
    refused(get(caller, f"/{first}"), 410, "was deleted")
    caller.call("DELETE", f"/v2/transcript/{second}")
    assert not caller.stored()
    refused(caller.call("POST", "/v2/transcript", json={"audio_url": url}), 400, "audio_url: recording")
    assert caller.call("DELETE", f"/v2/transcript/{second}").status_code == 200
    assert next(pages(caller)) == []


def test_an_upload_is_a_recording_like_any(caller: Caller) -> None:
    recording_id = upload(caller).rpartition("/")[2]
    shown = caller.call("GET", f"/v1/recordings/{recording_id}").get_json()
    assert (shown["bytes"], shown["duration"]) == (4, None)
    assert caller.call("DELETE", f"/v1/recordings/{recording_id}").status_code == 204
    assert not caller.stored()


def test_calls_are_counted_and_noted(context: Context, caller: Caller) -> None:
    recording_id = upload(caller).rpartition("/")[2]
    assert last(context).ids == {"recording_id": recording_id}
    answer = caller.call("POST", "/v2/transcript", json={"audio_url": f"/v2/upload/{recording_id}", "prompt": "secret"})
    assert last(context).ids == {"job_id": answer.get_json()["id"]}
    assert "secret" not in str(last(context).parameters)
    limited = Caller(with_settings(context, rate_limit=1), caller.key)
    answers = [get(limited, "") for _ in range(2)]
    assert answers[0].headers["RateLimit-Remaining"] == "0"
    refused(answers[1], 429, "requests a minute")
    assert answers[1].headers["Retry-After"]


def test_what_is_not_there_is_said_in_the_same_shape(caller: Caller) -> None:
    refused(get(caller, "/no-such-id"), 404, "nothing at this address")
    refused(get(caller, f"/{uuid4()}"), 404, "there is no job")
    refused(caller.call("PUT", "/v2/upload"), 405, "")
