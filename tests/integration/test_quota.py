"""The month's quota of audio, and what else a tenant may use."""

from datetime import UTC, datetime

import pytest

from core import jobs, keys, tenants
from core.context import Context
from core.errors import InvalidRequest, NotFound, QuotaExceeded
from tests.integration.conftest import MakeJob
from tests.integration.test_usage import complete, enter, told
from tests.integration.web_api import Caller, Endless, problem, with_settings


def test_a_spent_quota_refuses_before_the_body(
    context: Context, tenant: keys.Tenant, caller: Caller, make_job: MakeJob
) -> None:
    complete(context, make_job)
    tenants.change(context, "default", {"monthly_minutes": 1})
    body = Endless(1000)
    refused = caller.upload_from(body, CONTENT_LENGTH=str(body.length))
    detail = problem(refused, 429, "quota_exceeded")["detail"]
    assert "1 minutes" in detail
    assert "1.0 are used and 0.0 under way" in detail
    assert body.taken == 0
    month = told(caller, "")["month"]
    assert month["allowed_seconds"] == 60.0
    assert month["resets_at"] in detail
    resets = datetime.fromisoformat(month["resets_at"])
    assert (resets.day, resets.hour, resets.minute) == (1, 0, 0)
    assert abs(int(refused.headers["Retry-After"]) - (resets - datetime.now(UTC)).total_seconds()) < 60
    tenants.change(context, "default", {"monthly_minutes": 2})
    assert caller.upload().status_code == 202


def test_what_is_under_way_counts_as_far_as_it_is_known(
    context: Context, tenant: keys.Tenant, make_job: MakeJob
) -> None:
    tenants.change(context, "default", {"monthly_minutes": 1})
    make_job()  # nobody knows yet how long it is
    make_job(chunks=2)
    with pytest.raises(QuotaExceeded, match=r"0\.0 are used and 1\.0 under way"):
        make_job()


def test_a_retry_is_not_counted_twice(context: Context, tenant: keys.Tenant, make_job: MakeJob) -> None:
    tenants.change(context, "default", {"monthly_minutes": 2})
    job_id = complete(context, make_job)
    jobs.run_again(context, tenant, job_id, "transcribe")
    make_job()


def test_the_default_quota_is_a_setting(context: Context, tenant: keys.Tenant, caller: Caller) -> None:
    enter(context, tenant, datetime.now(UTC).date().isoformat(), audio=600.0)
    limited = Caller(with_settings(context, monthly_minutes=10), caller.key)
    problem(limited.upload(), 429, "quota_exceeded")
    tenants.change(context, "default", {"monthly_minutes": 0})
    assert limited.upload().status_code == 202


def test_an_upload_that_is_a_job_already_is_answered(context: Context, tenant: keys.Tenant, caller: Caller) -> None:
    first = caller.upload(headers={"Idempotency-Key": "a"})
    enter(context, tenant, datetime.now(UTC).date().isoformat(), audio=600.0)
    tenants.change(context, "default", {"monthly_minutes": 10})
    assert caller.upload(headers={"Idempotency-Key": "a"}).json["id"] == first.json["id"]
    problem(caller.upload(headers={"Idempotency-Key": "b"}), 429, "quota_exceeded")
    assert len(caller.stored()) == 1


def test_openai_clients_do_not_send_it_again(context: Context, tenant: keys.Tenant, caller: Caller) -> None:
    enter(context, tenant, datetime.now(UTC).date().isoformat(), audio=600.0)
    tenants.change(context, "default", {"monthly_minutes": 10})
    refused = caller.upload("/v1/audio/transcriptions", model="whisper-1")
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (429, "quota_exceeded")
    assert refused.headers["x-should-retry"] == "false"


def test_what_a_tenant_may_use_is_set_and_shown(context: Context, tenant: keys.Tenant) -> None:
    values = {"monthly_minutes": 5, "concurrent_jobs": 2, "requests_per_minute": None, "weight": 2.5}
    assert values.items() <= tenants.change(context, "default", values).items()
    assert tenants.change(context, "default", {"concurrent_jobs": None})["monthly_minutes"] == 5
    assert [one["name"] for one in tenants.listed(context)] == ["default"]
    for field, value in (
        ("weight", 0.0),
        ("weight", None),
        ("monthly_minutes", -1),
        ("concurrent_jobs", 1.5),
        ("x", 1),
    ):
        with pytest.raises(InvalidRequest, match=field):
            tenants.change(context, "default", {field: value})
    with pytest.raises(NotFound, match="tenants list"):
        tenants.change(context, "nobody", {"weight": 1.0})
