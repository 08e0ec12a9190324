"""`/metrics`: the numbers are what the rows say, and only who may sees them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text, update
from uuid6 import uuid7
from werkzeug.test import TestResponse

from core import jobs, keys, metrics
from core.context import Context, build
from core.states import Kind
from core.tables import Job, Recording, Step
from tests.integration.conftest import MakeJob
from tests.integration.web_api import Caller, problem, with_settings
from tests.integration.web_server import serving
from web.metrics import of_this_machine

TOKEN = "the metrics token"


def scrape(context: Context, address: str = "127.0.0.1", **headers: str) -> TestResponse:
    client = Caller(context, "").app.test_client()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get("/metrics", headers=sent, environ_overrides={"REMOTE_ADDR": address})


def numbers(context: Context) -> dict[str, float]:
    """As a Prometheus server reads them: name and labels -> value."""
    answered = scrape(context)
    assert (answered.status_code, answered.mimetype) == (200, "text/plain"), answered.text
    return {
        f"{sample.name}{list(sample.labels.values()) or ''}": sample.value
        for family in text_string_to_metric_families(answered.text)
        for sample in family.samples
    }


def tally(context: Context, job_id: UUID, kind: Kind = Kind.TRANSCRIBE, **counts: Any) -> None:
    with context.sessions() as session, session.begin():
        job = session.get_one(Job, job_id)
        job.tallies = {**job.tallies, kind.value: counts}


def test_an_idle_server_says_so(context: Context) -> None:
    found = numbers(context)
    assert found["scriptorium_open_jobs['queued']"] == found["scriptorium_open_jobs['processing']"] == 0
    assert [found[f"scriptorium_workers['{kind}']"] for kind in Kind] == [0] * len(Kind)
    assert found["scriptorium_day_chunks['transcribe', 'cache']"] == found["scriptorium_day_audio_seconds"] == 0
    assert "scriptorium_day_cache_hit_ratio" not in found, "a share of nothing is no number"


def test_what_waits_and_who_works(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=3)
    make_job()
    jobs.claim(context, "t-1", [Kind.TRANSCRIBE], ["demo"], limit=2)
    jobs.register(context, "t-1", [Kind.TRANSCRIBE], ["demo", "small"], {})
    jobs.register(context, "light-1", [Kind.INGEST, Kind.ASSEMBLE], [], {})
    jobs.register(context, "light-2", [Kind.INGEST, Kind.ASSEMBLE], [], {})
    with context.sessions() as session, session.begin():
        late = text("clock_timestamp() - interval '90 seconds'")
        session.execute(update(Step).where(Step.kind == Kind.TRANSCRIBE).values(due_at=late))
    found = numbers(context)
    assert found["scriptorium_open_jobs['queued']"] + found["scriptorium_open_jobs['processing']"] == 2
    assert found["scriptorium_steps['transcribe', 'demo', 'running']"] == 2
    assert found["scriptorium_steps['transcribe', 'demo', 'queued']"] == 1
    assert found["scriptorium_steps['transcribe', 'small', 'queued']"] == 0, "served, though nothing waits"
    assert found["scriptorium_steps['ingest', '', 'queued']"] == 1
    assert found["scriptorium_workers['ingest']"] == 2
    assert found["scriptorium_workers['transcribe']"] == 1
    assert 90 <= found["scriptorium_oldest_due_step_seconds['transcribe', 'demo']"] < 150
    assert found["scriptorium_oldest_due_step_seconds['assemble', '']"] == 0


def test_a_step_that_is_not_due_yet_does_not_wait(context: Context, make_job: MakeJob) -> None:
    make_job(chunks=1)
    (step,) = jobs.claim(context, "t", [Kind.TRANSCRIBE], ["demo"])
    jobs.hand_back(context, step, delay=600)
    assert numbers(context)["scriptorium_oldest_due_step_seconds['transcribe', 'demo']"] == 0


def test_the_last_day(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    heard, half, gone = make_job(), make_job(), make_job()
    tally(context, heard, total=10, open=0, failed=1, done_seconds=300.0, cached=4)
    tally(context, heard, Kind.REDECODE, total=4, open=1, failed=1, done_seconds=60.0, cached=0)
    tally(context, half, total=8, open=5, failed=0, done_seconds=90.0)  # written before there was a cache
    jobs.delete(context, tenant, gone)
    tally(context, gone, total=4, open=0, failed=0, done_seconds=120.0, cached=4)
    with context.sessions() as session, session.begin():
        session.execute(update(Job).where(Job.id == half).values(late_results=2))
    found = numbers(context)
    assert found["scriptorium_day_jobs['cancelled']"] == 1, "deleted while it was under way"
    assert found["scriptorium_day_jobs['queued']"] == 2
    assert found["scriptorium_day_audio_seconds"] == 510
    assert found["scriptorium_day_chunks['transcribe', 'cache']"] == 8
    assert found["scriptorium_day_chunks['transcribe', 'recognizer']"] == 8
    assert found["scriptorium_day_chunks['redecode', 'recognizer']"] == 2
    assert found["scriptorium_day_cache_hit_ratio"] == pytest.approx(8 / 18)
    assert found["scriptorium_day_late_results"] == 2


def test_older_jobs_are_not_of_the_day_but_still_open(context: Context, tenant: keys.Tenant) -> None:
    yesterday = metrics.first_id(datetime.now(UTC) - timedelta(hours=25))
    recording = Recording(id=uuid4(), tenant_id=tenant.id, filename="", bytes=1, sha256="")
    old = Job(id=yesterday, tenant_id=tenant.id, recording_id=recording.id, options={}, model="demo")
    with context.sessions() as session, session.begin():
        session.add(recording)
        session.flush()
        session.add(old)
    found = numbers(context)
    assert found["scriptorium_open_jobs['queued']"] == 1
    assert "scriptorium_day_jobs['queued']" not in found


def test_ids_of_a_moment_lie_after_its_first() -> None:
    before = datetime.now(UTC)
    made = UUID(str(uuid7()))
    assert metrics.first_id(before) <= made < metrics.first_id(datetime.now(UTC) + timedelta(seconds=1))


def test_it_tells_nothing_of_what_was_said(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    make_job(chunks=1, tag="cardiology", prompt="Anna", metadata={"patient": "Anna"})
    told = scrape(context).text
    assert not [word for word in ("Anna", "cardiology", "meeting.wav", tenant.name, str(tenant.id)) if word in told]


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),  # an IPv4 caller of a socket that takes both
        ("10.0.0.7", {}, 401),
        ("::ffff:10.0.0.7", {}, 401),
        ("", {}, 401),  # a socket in the file system: a proxy's
        ("127.0.0.1", {"X_Forwarded_For": "10.0.0.7"}, 401),  # through a proxy on this machine
        ("127.0.0.1", {"Forwarded": "for=10.0.0.7"}, 401),
        ("10.0.0.7", {"X_Forwarded_For": "127.0.0.1"}, 401),  # says so itself
        ("10.0.0.7", {"Authorization": "Bearer "}, 401),  # no token is no password
    ],
)
def test_without_a_token_only_this_machine_is_told(
    context: Context, address: str, headers: dict[str, str], status: int
) -> None:
    assert scrape(context, address, **headers).status_code == status


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN} ", 200),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}s", 401),
        ("Bearer", 401),
        ("Bearer \xff\xfe", 401),
        ("", 401),
    ],
)
@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7"])
def test_with_a_token_everybody_needs_it(context: Context, address: str, given: str, status: int) -> None:
    asked = with_settings(context, metrics_token=TOKEN)
    assert scrape(asked, address, Authorization=given).status_code == status


def test_the_real_server_knows_who_asks(context: Context, tmp_path: Path) -> None:
    with serving(context, tmp_path) as server:
        answered = httpx2.get(f"{server.url}/metrics", timeout=20)
    assert answered.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "\nscriptorium_open_jobs{" in answered.text


def test_a_tenants_key_does_not_open_it(context: Context, tenant: keys.Tenant, api_key: str) -> None:
    refused = scrape(with_settings(context, metrics_token=TOKEN), Authorization=f"Bearer {api_key}")
    problem(refused, 401, "unauthorized")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    problem(scrape(context, "10.0.0.7", Authorization=f"Bearer {api_key}"), 401, "unauthorized")


def test_the_token_is_not_shown_with_the_settings(context: Context) -> None:
    assert TOKEN not in repr(with_settings(context, metrics_token=TOKEN).settings)


def test_an_outage_of_postgres_is_a_503(context: Context) -> None:
    away = build(with_settings(context, database_url="postgresql://nobody@127.0.0.1:1/none").settings)
    problem(scrape(away), 503, "unavailable")
    away.sessions.kw["bind"].dispose()
    away.bell.app.close()


@pytest.mark.parametrize(("address", "loopback"), [("127.8.8.8", True), ("0.0.0.0", False), ("localhost", False)])
def test_who_is_of_this_machine(address: str, loopback: bool) -> None:
    assert of_this_machine(address) is loopback


def test_the_api_describes_it(context: Context) -> None:
    spec = Caller(context, "").app.test_client().get("/openapi.json").json
    assert spec is not None
    shown = spec["paths"]["/metrics"]["get"]
    assert shown["security"] == [{"metrics": []}, {}]
    assert "metrics" in spec["components"]["securitySchemes"]
    assert set(shown["responses"]["200"]["content"]) == {"text/plain"}
