"""The transcript over HTTP: its formats, what shapes them, and what a caller has already."""

import io
from typing import Any
from uuid import UUID

import docx
import pysubs2
import pytest

from core import jobs
from core.context import Context
from core.states import Kind
from core.tables import DiarizationRow
from core.transcript import Segment, Speaker, Transcript, Word
from tests.integration.conftest import MakeJob
from tests.integration.test_web_jobs import claimed, path_of
from tests.integration.web_api import Caller, problem

WORDS = "the report that we sent to the board in June was read by nobody at all".split()
SAID = Segment(
    0.0, 4.8, " " + " ".join(WORDS), "en", -0.1, 0.0,
    tuple(Word(n * 0.3, n * 0.3 + 0.3, f" {word}", 0.9, "S1") for n, word in enumerate(WORDS)), "S1", 0,
)  # fmt: skip
MEDIA = {
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "rttm": "text/plain; charset=utf-8",
    "ctm": "text/plain; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


@pytest.fixture
def job_id(context: Context, make_job: MakeJob) -> UUID:
    """Of a job with a transcript of one speaker."""
    made = make_job()
    with context.sessions() as session, session.begin():
        session.add(DiarizationRow(job_id=made, run=1, body={}))
    step = claimed(context, Kind.INGEST, made)
    result = {"duration": 5.0, "channels": 1, "codec": "pcm", "speech_seconds": 4.8}
    assert jobs.finish(context, step, result, jobs.record_probe(result))
    assembled(context, made)
    return made


def assembled(context: Context, job_id: UUID, *segments: Segment) -> None:
    step = claimed(context, Kind.ASSEMBLE, job_id)
    speakers = (Speaker("S1", 4.8, "Ada"),)
    document = Transcript(5.0, "en", segments or (SAID,), 4.8, speakers=speakers).to_json(str(job_id))
    assert jobs.finish(context, step, {}, jobs.record_transcript(document))


def ask(caller: Caller, job_id: UUID, **query: Any) -> Any:
    """`known`: an ETag that the caller has."""
    headers = {"If-None-Match": query.pop("known")} if "known" in query else {}
    return caller.call("GET", path_of(job_id, "/transcript"), query_string=query, headers=headers)


@pytest.mark.parametrize("name", MEDIA)
def test_every_format_has_its_type_and_its_tag(caller: Caller, job_id: UUID, name: str) -> None:
    found = ask(caller, job_id, format=name)
    assert (found.status_code, found.content_type) == (200, MEDIA[name])
    again = ask(caller, job_id, format=name)
    assert (again.headers["ETag"], again.data) == (found.headers["ETag"], found.data)
    assert not found.headers["ETag"].startswith("W/")
    kept = ask(caller, job_id, format=name, known=found.headers["ETag"])
    assert (kept.status_code, kept.data, kept.headers["ETag"]) == (304, b"", found.headers["ETag"])
    assert kept.headers["Cache-Control"] == "no-store"
    assert "Content-Type" not in kept.headers


def test_a_docx_opens(caller: Caller, job_id: UUID) -> None:
    opened = docx.Document(io.BytesIO(ask(caller, job_id, format="docx").data))
    assert [one.text for one in opened.paragraphs] == ["Transcript", f"[00:00] Ada: {' '.join(WORDS)}"]


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ({}, ["the report that we sent to the board", "in June was read by nobody at all"]),
        ({"max_chars": 80}, [" ".join(WORDS)]),
        (
            {"max_chars": 20, "max_lines": 4},
            ["the report that we", "sent to the board", "in June was read", "by nobody at all"],
        ),
    ],
)
@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_captions_are_as_wide_and_as_high_as_asked(
    caller: Caller, job_id: UUID, name: str, query: dict[str, Any], lines: list[str]
) -> None:
    text = ask(caller, job_id, format=name, speakers="false", **query).text
    assert [one.text for one in pysubs2.SSAFile.from_string(text)] == ["\\N".join(lines)]


def test_names_stand_there_unless_they_are_not_wanted(caller: Caller, job_id: UUID) -> None:
    assert "<v Ada>the" in ask(caller, job_id, format="vtt").text
    assert "<v Ada>the" in ask(caller, job_id, format="vtt", speakers="true").text
    assert "Ada" not in ask(caller, job_id, format="vtt", speakers="false").text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"format": "vtt", "max_chars": 9}, "max_chars"),
        ({"format": "vtt", "max_chars": 201}, "max_chars"),
        ({"format": "srt", "max_lines": 0}, "max_lines"),
        ({"format": "srt", "max_lines": 5}, "max_lines"),
        ({"format": "srt", "speakers": "Ada"}, "speakers"),
        ({"format": "vtt", "max_columns": 20}, "max_columns"),
        ({"max_chars": 42}, "max_chars"),
        ({"format": "txt", "max_chars": 42}, "max_chars"),
        ({"format": "docx", "max_lines": 2}, "max_lines"),
        *[({"format": name, "speakers": "true"}, "speakers") for name in ("json", "rttm", "ctm")],
    ],
)
def test_a_knob_that_does_not_fit_is_named(caller: Caller, job_id: UUID, query: dict[str, Any], field: str) -> None:
    (fault,) = problem(ask(caller, job_id, **query), 422, "invalid_request")["errors"]
    assert fault["field"] == field


def test_the_tag_is_of_what_was_asked(caller: Caller, job_id: UUID) -> None:
    queries: list[dict[str, Any]] = [
        *({"format": name} for name in MEDIA),
        {"format": "vtt", "max_chars": 40},
        {"format": "vtt", "max_lines": 1},
        {"format": "vtt", "speakers": "false"},
    ]
    tags = [ask(caller, job_id, **query).headers["ETag"] for query in queries]
    assert len(set(tags)) == len(queries)
    spelled_out = ask(caller, job_id, format="vtt", max_chars=42, max_lines=2, speakers="true")
    assert spelled_out.headers["ETag"] == tags[list(MEDIA).index("vtt")]


@pytest.mark.parametrize(("known", "status"), [("*", 304), ('"other", W/{tag}', 304), ('"other"', 200), ("{tag}", 304)])
def test_any_tag_that_the_caller_has_will_do(caller: Caller, job_id: UUID, known: str, status: int) -> None:
    tag = ask(caller, job_id, format="txt").headers["ETag"]
    assert ask(caller, job_id, format="txt", known=known.format(tag=tag)).status_code == status


def test_a_name_and_a_new_run_change_the_tag(caller: Caller, context: Context, job_id: UUID) -> None:
    first = {name: ask(caller, job_id, format=name).headers["ETag"] for name in MEDIA}
    assert caller.call("PATCH", path_of(job_id, "/speakers/S1"), json={"name": "Grace"}).status_code == 200
    for name, tag in first.items():
        assert ask(caller, job_id, format=name, known=tag).status_code == 200
    named = ask(caller, job_id, format="txt").headers["ETag"]
    assert caller.call("POST", path_of(job_id, "/retry"), json={"stage": "assemble"}).status_code == 202
    assert ask(caller, job_id, format="txt", known=named).status_code == 304, "the old one is served meanwhile"
    assembled(context, job_id, Segment(0.0, 1.0, " Otherwise.", "en", -0.1, 0.0))
    assert ask(caller, job_id, format="txt", known=named).text == "Otherwise.\n"


def test_what_is_not_there_has_no_tag(caller: Caller, make_job: MakeJob) -> None:
    early = ask(caller, make_job(), known="*")
    problem(early, 409, "job_not_finished")
    assert "ETag" not in early.headers


def test_openapi_says_so(caller: Caller) -> None:
    told = caller.call("GET", "/openapi.json").json["paths"]["/v1/jobs/{job_id}/transcript"]["get"]
    assert set(told["responses"]["200"]["content"]) == set(MEDIA.values())
    assert {"max_chars", "max_lines", "speakers", "If-None-Match"} < {one["name"] for one in told["parameters"]}
    assert "ETag" in told["responses"]["304"]["headers"]
