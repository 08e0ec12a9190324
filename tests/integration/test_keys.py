"""Who may do what: keys, their scopes, and their end."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from core import keys
from core.context import Context
from core.errors import InvalidRequest, NotFound, Unauthorized
from core.scopes import Scope
from core.tables import ApiKey, Job
from tests.integration.conftest import MakeJob
from tests.integration.test_races import at_once
from tests.integration.web_api import Caller, problem


def _with_scopes(context: Context, *scopes: str, tenant: str = "default") -> Caller:
    return Caller(context, keys.create(context, tenant, "a test", scopes)[0])


def test_a_key_says_whose_it_is_and_what_it_may(context: Context) -> None:
    token, told = keys.create(context, "clinic", "dictation", ["jobs:write", "jobs:read", "jobs:read"])
    found = keys.authenticate(context, token)
    assert (found.tenant.name, found.tenant.subject) == ("clinic", told["id"])
    assert found.scopes == {Scope.JOBS_READ, Scope.JOBS_WRITE}
    assert told["scopes"] == ["jobs:write", "jobs:read"]
    assert token not in str(told)
    assert token not in str(keys.listed(context))


def test_admin_holds_every_scope(context: Context) -> None:
    token, _ = keys.create(context, "clinic", "operator", ["admin"])
    assert keys.authenticate(context, token).scopes == set(Scope)


@pytest.mark.parametrize(
    ("tenant", "name", "scopes", "lasts", "field"),
    [
        ("clinic", "x", ["jobs:all"], None, "scopes"),
        ("clinic", "x", [], None, "scopes"),
        ("clinic", "x", ["admin"], 0.0, "expires"),
        (" ", "x", ["admin"], None, "tenant"),
        ("clinic", "x\n", ["admin"], None, "name"),
    ],
)
def test_a_key_that_cannot_be_says_why(
    context: Context, tenant: str, name: str, scopes: list[str], lasts: float | None, field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        keys.create(context, tenant, name, scopes, lasts)
    assert refused.value.details["errors"][0]["field"] == field


def test_a_key_ends(context: Context) -> None:
    token, told = keys.create(context, "clinic", "for a day", ["admin"], 86400)
    keys.authenticate(context, token)
    with context.sessions() as session, session.begin():
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(ApiKey).where(ApiKey.id == UUID(told["id"])).values(expires_at=past))
    with pytest.raises(Unauthorized, match="expired at") as refused:
        keys.authenticate(context, token)
    assert refused.value.code == "key_expired"


def test_a_revoked_key_opens_nothing(context: Context) -> None:
    token, told = keys.create(context, "clinic", "lost", ["admin"])
    first = keys.revoke(context, UUID(told["id"]))
    assert keys.revoke(context, UUID(told["id"])) == first
    with pytest.raises(Unauthorized):
        keys.authenticate(context, token)
    with pytest.raises(NotFound):
        keys.revoke(context, uuid4())


def test_the_last_use_is_noted_once_a_minute(context: Context) -> None:
    token, told = keys.create(context, "clinic", "busy", ["admin"])
    assert told["last_used_at"] is None

    def used() -> str | None:
        found: str | None = keys.listed(context)[0]["last_used_at"]
        return found

    at_once(*[lambda: keys.authenticate(context, token)] * 8)
    first = used()
    assert first is not None
    keys.authenticate(context, token)
    assert used() == first
    with context.sessions() as session, session.begin():
        session.execute(update(ApiKey).values(last_used_at=datetime.now(UTC) - timedelta(seconds=61)))
    keys.authenticate(context, token)
    assert used() != first


def test_two_first_keys_of_a_tenant_make_one_tenant(context: Context) -> None:
    made = at_once(*[lambda: keys.create(context, "clinic", "a key", ["admin"])] * 6)
    assert len({keys.authenticate(context, token).tenant.id for token, _ in made}) == 1


def test_who_only_reads_writes_nothing(context: Context, make_job: MakeJob) -> None:
    reader = _with_scopes(context, "jobs:read")
    job_id = make_job()
    assert reader.call("GET", f"/v1/jobs/{job_id}").status_code == 200
    for method, path in (("POST", "/v1/jobs"), ("POST", f"/v1/jobs/{job_id}/cancel"), ("DELETE", f"/v1/jobs/{job_id}")):
        answer = reader.call(method, path)
        assert "jobs:write" in problem(answer, 403, "insufficient_scope")["detail"]
        assert 'scope="jobs:write"' in answer.headers["WWW-Authenticate"]


def test_who_only_writes_reads_nothing(context: Context) -> None:
    writer = _with_scopes(context, "jobs:write")
    made = writer.upload()
    assert made.status_code == 202
    problem(writer.call("GET", made.headers["Location"]), 403, "insufficient_scope")


def test_openai_clients_are_told_in_their_shape(context: Context) -> None:
    answer = _with_scopes(context, "jobs:read").upload("/v1/audio/transcriptions", model="whisper-1")
    assert answer.status_code == 403
    assert answer.get_json()["error"]["type"] == "permission_error"
    assert answer.headers["x-should-retry"] == "false"


def test_a_job_says_whose_key_asked_for_it(context: Context) -> None:
    token, told = keys.create(context, "clinic", "dictation", ["jobs:write"])
    assert Caller(context, token).upload().status_code == 202
    with context.sessions() as session:
        assert session.scalars(select(Job.submitted_by)).all() == [told["id"]]
