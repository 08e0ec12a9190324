"""Access tokens: our own, got with a key, and those of an outside issuer."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from core import keys, tokens, vault
from core.context import Context
from core.errors import Unauthorized, Unavailable
from core.scopes import Scope
from core.settings import Settings
from core.tables import SigningKey
from core.tables import Tenant as TenantRow
from core.tokens import jose
from tests.fakes import issuer as issuers
from tests.fakes.issuer import FakeIssuer
from tests.integration.test_races import at_once
from tests.integration.web_api import Caller, problem, with_settings
from web.jwks import AGAIN, Jwks


@pytest.fixture
def signing(context: Context) -> Context:
    return with_settings(context, installation_key=vault.new_key())


@pytest.fixture
def made(signing: Context) -> tuple[str, str]:
    """A key's id, and the key."""
    secret, told = keys.create(signing, "clinic", "dictation", ["jobs:read", "jobs:write"])
    return told["id"], secret


def _ask(context: Context, login: tuple[str, str] | None = None, **form: str) -> TestResponse:
    headers = {}
    if login:
        headers["Authorization"] = f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"
    client = Caller(context, "").app.test_client()
    return client.post("/oauth/token", data={"grant_type": "client_credentials", **form}, headers=headers)


def _token(context: Context, made: tuple[str, str], **form: str) -> str:
    answer = _ask(context, made, **form)
    assert answer.status_code == 200, answer.text
    token: str = answer.get_json()["access_token"]
    return token


def test_a_key_gets_a_token_and_the_token_opens_what_the_key_does(signing: Context, made: tuple[str, str]) -> None:
    answer = _ask(signing, made)
    told = answer.get_json()
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 900, "jobs:read jobs:write")
    assert answer.headers["Cache-Control"] == "no-store"
    caller = Caller(signing, told["access_token"])
    assert caller.upload().status_code == 202
    assert len(caller.call("GET", "/v1/jobs").get_json()["jobs"]) == 1


def test_the_form_may_hold_the_login_and_fewer_scopes(signing: Context, made: tuple[str, str]) -> None:
    told = _ask(signing, client_id=made[0], client_secret=made[1], scope="jobs:read").get_json()
    assert told["scope"] == "jobs:read"
    problem(Caller(signing, told["access_token"]).upload(), 403, "insufficient_scope")


@pytest.mark.parametrize("algorithm", ["RS256", "EdDSA"])
def test_others_can_verify_it_with_the_published_keys(signing: Context, made: tuple[str, str], algorithm: str) -> None:
    here = with_settings(signing, access_algorithm=algorithm)
    token = _token(here, made)
    published = Caller(here, "").app.test_client().get("/.well-known/jwks.json")
    assert published.headers["Cache-Control"] == "public, max-age=300"
    found = jwt.decode(token, KeySet.import_key_set(published.get_json()), algorithms=[algorithm])
    assert found.claims["tenant"] == "clinic"
    assert not {"d", "p", "q"} & set(published.get_json()["keys"][0])


@pytest.mark.parametrize(
    ("form", "login", "status", "error"),
    [
        ({"grant_type": "password"}, True, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, True, 400, "invalid_request"),
        ({"scope": "admin"}, True, 400, "invalid_scope"),
        ({"scope": "jobs:read all"}, True, 400, "invalid_scope"),
        ({"scope": " "}, True, 400, "invalid_scope"),
        ({}, False, 401, "invalid_client"),
        ({"client_id": "no id", "client_secret": "x"}, False, 401, "invalid_client"),
        ({"client_id": "01a21aeb-ee57-781e-9550-0a21bda5ab01", "client_secret": "x"}, False, 401, "invalid_client"),
    ],
)
def test_refusals_have_oauths_shape(
    signing: Context, made: tuple[str, str], form: dict[str, str], login: bool, status: int, error: str
) -> None:
    answer = _ask(signing, made if login else None, **form)
    assert (answer.status_code, answer.get_json()["error"]) == (status, error)
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


def test_a_wrong_secret_gets_nothing(signing: Context, made: tuple[str, str]) -> None:
    other, _ = keys.create(signing, "clinic", "another", ["jobs:read"])
    assert _ask(signing, (made[0], other)).status_code == 401


def test_a_token_ends_with_its_key(signing: Context, made: tuple[str, str]) -> None:
    caller = Caller(signing, _token(signing, made))
    assert caller.call("GET", "/v1/jobs").status_code == 200
    keys.revoke(signing, UUID(made[0]))
    problem(caller.call("GET", "/v1/jobs"), 401, "unauthorized")


def test_without_an_installation_key_there_are_no_tokens(context: Context) -> None:
    secret, told = keys.create(context, "clinic", "dictation", ["jobs:read"])
    answer = _ask(context, (told["id"], secret))
    assert (answer.status_code, answer.get_json()["error"]) == (503, "temporarily_unavailable")
    assert "SCRIPTORIUM_INSTALLATION_KEY" in answer.get_json()["error_description"]


def test_the_first_tokens_at_once_make_one_signing_key(signing: Context, made: tuple[str, str]) -> None:
    found = at_once(*[lambda: tokens.issue(signing, *made)] * 6)
    assert len({jose.key_id(one.token) for one in found}) == 1
    with signing.sessions() as session:
        assert session.scalar(select(func.count()).select_from(SigningKey)) == 1


def test_another_key_signs_after_a_rotation_and_old_tokens_live_on(signing: Context, made: tuple[str, str]) -> None:
    before = tokens.issue(signing, *made).token
    new = tokens.rotate(signing)
    after = tokens.issue(signing, *made).token
    assert jose.key_id(after) == new != jose.key_id(before)
    assert tokens.authenticate(signing, before).tenant.name == "clinic"
    assert {key["kid"] for key in tokens.jwks(signing)["keys"]} == {jose.key_id(before), new}
    tokens.rotate(signing, distrust=True)
    for token in (before, after):
        with pytest.raises(Unauthorized):
            tokens.authenticate(signing, token)


def test_a_key_signs_for_a_season(signing: Context, made: tuple[str, str]) -> None:
    before = tokens.issue(signing, *made).token
    with signing.sessions() as session, session.begin():
        session.execute(update(SigningKey).values(created_at=datetime.now(UTC) - timedelta(days=91)))
    after = tokens.issue(signing, *made).token
    assert jose.key_id(after) != jose.key_id(before)
    tokens.authenticate(signing, before)
    with signing.sessions() as session, session.begin():
        retired = SigningKey.retired_at.is_not(None)
        session.execute(update(SigningKey).where(retired).values(retired_at=datetime.now(UTC) - timedelta(hours=2)))
    with pytest.raises(Unauthorized):
        tokens.authenticate(signing, before)


def test_a_new_installation_key_signs_anew_and_an_old_one_beside_it_opens(
    signing: Context, made: tuple[str, str]
) -> None:
    before = jose.key_id(tokens.issue(signing, *made).token)
    new = vault.new_key()
    both = with_settings(signing, installation_key=f"{new},{signing.settings.installation_key}")
    assert jose.key_id(tokens.issue(both, *made).token) == before
    lost = with_settings(signing, installation_key=new)
    assert jose.key_id(tokens.issue(lost, *made).token) != before


def test_what_is_no_installation_key_says_so() -> None:
    with pytest.raises(Unavailable, match="keys installation"):
        vault.seal(Settings(installation_key="a key"), "x")


def _tampered(token: str, **claims: Any) -> str:
    head, body, signature = token.split(".")
    told = {**json.loads(base64.urlsafe_b64decode(body + "==")), **claims}
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip('=')}.{signature}"


def test_a_token_that_was_changed_opens_nothing(signing: Context, made: tuple[str, str]) -> None:
    token = _token(signing, made, scope="jobs:read")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    stranger = jose.new_key("RS256")
    stranger["kid"] = jose.key_id(token)
    for forged in (
        _tampered(token, scope="admin"),
        f"{none}.{token.split('.')[1]}.",
        jose.signed(jose.unverified(token)[1], stranger),
    ):
        problem(Caller(signing, forged).call("GET", "/v1/jobs"), 401, "invalid_token")


def test_an_expired_token_says_so(signing: Context, made: tuple[str, str]) -> None:
    tokens.issue(signing, *made)
    with signing.sessions() as session:
        sealed = session.scalars(select(SigningKey.sealed)).one()
    key = json.loads(vault.unseal(signing.settings, sealed))
    told = {"iss": "scriptorium", "aud": "scriptorium", "sub": made[0], "exp": 1, "scope": "jobs:read"}
    problem(Caller(signing, jose.signed(told, key)).call("GET", "/v1/jobs"), 401, "token_expired")


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with issuers.serving() as made:
        yield made


def _trusting(context: Context, issuer: FakeIssuer, **more: str) -> Context:
    told = Settings.model_validate({"issuers": json.loads(issuer.setting(**more))})
    return with_settings(context, issuers=told.issuers)


def test_an_outside_issuers_token_is_taken(context: Context, issuer: FakeIssuer) -> None:
    here = _trusting(context, issuer, tenant="clinic")
    caller = Caller(here, issuer.token(scope="jobs:read openid"))
    assert caller.call("GET", "/v1/jobs").status_code == 200
    problem(caller.upload(), 403, "insufficient_scope")


def test_its_claims_may_name_tenant_and_scopes(context: Context, issuer: FakeIssuer) -> None:
    here = _trusting(context, issuer, tenant_claim="org", scope_claim="roles", scope_prefix="scriptorium.")
    token = issuer.token(org="ward 9", roles=["scriptorium.admin", "jobs:write"])
    found = tokens.caller_of(here, token, here.settings.issuers[0], [jose.public(key) for key in issuer.keys])
    assert (found.tenant.name, found.tenant.subject) == ("ward 9", f"{issuer.url}#ada")
    assert Scope.ADMIN in found.scopes
    problem(Caller(here, issuer.token(roles=["scriptorium.admin"])).call("GET", "/v1/jobs"), 401, "invalid_token")


@pytest.mark.parametrize(
    "claims",
    [{"aud": "another"}, {"exp": 1}, {"exp": None}, {"sub": None}, {"nbf": 4102444800}, {"aud": None}],
)
def test_its_tokens_must_be_for_us_and_of_now(context: Context, issuer: FakeIssuer, claims: dict[str, Any]) -> None:
    here = _trusting(context, issuer, tenant="clinic")
    answer = Caller(here, issuer.token(scope="jobs:read", **claims)).call("GET", "/v1/jobs")
    assert answer.status_code == 401
    with context.sessions() as session:
        assert session.scalars(select(TenantRow.name).where(TenantRow.name == "clinic")).all() == []


def test_an_issuer_that_nobody_named_is_refused(context: Context, issuer: FakeIssuer) -> None:
    problem(Caller(context, issuer.token(scope="admin")).call("GET", "/v1/jobs"), 401, "invalid_token")
    assert issuer.asked == 0


def test_one_issuer_cannot_speak_for_another(context: Context, issuer: FakeIssuer) -> None:
    with issuers.serving() as other:
        both = json.loads(issuer.setting(tenant="clinic")) + json.loads(other.setting(tenant="ward"))
        here = with_settings(context, issuers=Settings.model_validate({"issuers": both}).issuers)
        forged = other.token(iss=issuer.url, scope="jobs:read")
        problem(Caller(here, forged).call("GET", "/v1/jobs"), 401, "invalid_token")


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_issuers_new_key_is_found_and_its_outage_passed_over(issuer: FakeIssuer) -> None:
    clock = _Clock()
    known = Jwks(clock)
    named = Settings.model_validate({"issuers": json.loads(issuer.setting(tenant="clinic"))}).issuers[0]
    at_once(*[lambda: known.of(named, issuer.keys[0]["kid"])] * 5)
    assert issuer.asked == 1

    issuer.keys.append(jose.new_key("RS256"))
    clock.now += AGAIN + 1
    assert len(known.of(named, issuer.keys[1]["kid"])) == 2
    for _ in range(5):
        known.of(named, "invented")
    assert issuer.asked == 2

    issuer.answers = False
    clock.now += 3600
    assert len(known.of(named, issuer.keys[1]["kid"])) == 2
    with pytest.raises(Unavailable):
        Jwks(clock).of(named, "x")


def test_an_issuer_of_no_tenant_or_two_is_no_setting() -> None:
    told = {"issuer": "x", "audience": "y", "jwks_url": "https://x/keys"}
    for wrong in (told, {**told, "tenant": "a", "tenant_claim": "b"}, {**told, "tenant": "a", "issuer": "scriptorium"}):
        with pytest.raises(ValueError, match="issuer"):
            Settings.model_validate({"issuers": [wrong]})


def test_settings_tell_no_installation_key(signing: Context) -> None:
    assert signing.settings.installation_key not in repr(replace(signing).settings)
