"""The audit trail: every call leaves an entry, no secret stands in it, and a change to it is found."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from core import audit, keys, tokens, vault
from core.audit import Broken, Entry
from core.audit.chainer import LOCK
from core.context import Context, build
from core.scopes import Scope
from core.tables import AuditEntry
from tests.integration.conftest import until
from tests.integration.test_races import at_once
from tests.integration.web_api import Caller, problem, with_settings


def write(context: Context, *entries: Entry) -> None:
    with context.sessions() as session, session.begin():
        audit.record(session, *entries)


def trail(context: Context, count: int, batches: int = 1) -> None:
    """So many entries, in so many batches."""
    for batch in range(batches):
        write(context, *(Entry("GET", f"/v1/{batch}/{number}", status=200) for number in range(count)))
        assert audit.chain(context) == count


def forge(context: Context, *statements: str) -> None:
    """What someone does who owns the database: no trigger stops them."""
    with context.sessions() as session, session.begin():
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            session.execute(text(statement))


def entries(context: Context) -> list[AuditEntry]:
    with context.sessions() as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def last(context: Context) -> AuditEntry:
    return entries(context)[-1]


def admin(context: Context, tenant: str = "clinic") -> Caller:
    return Caller(context, keys.create(context, tenant, "an admin", ["admin"])[0])


def test_a_call_leaves_who_what_and_how_it_went(context: Context, tenant: keys.Tenant, caller: Caller) -> None:
    before = datetime.now(UTC)
    sent = {"headers": {"User-Agent": "meetings/1.0", "X-Request-Id": "r-1"}}
    assert caller.call("GET", "/v1/jobs?status=failed&limit=5", **sent).status_code == 200
    found = last(context)
    assert (found.method, found.route, found.status) == ("GET", "/v1/jobs", 200)
    assert (found.tenant_id, found.subject) == (tenant.id, tenant.subject)
    assert (found.request_id, found.user_agent, found.address) == ("r-1", "meetings/1.0", "127.0.0.1")
    assert found.parameters == {"status": "failed", "limit": "5"}
    assert before <= found.at <= datetime.now(UTC)
    assert found.duration_ms is not None
    assert found.duration_ms >= 0


def test_ids_are_told_and_the_id_of_what_was_made(context: Context, caller: Caller) -> None:
    made = caller.upload(language="en", diarization="true")
    job_id = made.get_json()["id"]
    assert last(context).ids == {"job_id": job_id}
    assert last(context).parameters == {"language": "en", "diarization": "true"}
    caller.call("PATCH", f"/v1/jobs/{job_id}/speakers/S1", json={"name": "Ada"})
    assert last(context).route == "/v1/jobs/<uuid:job_id>/speakers/<label:label>"
    assert last(context).ids == {"job_id": job_id, "label": "S1"}
    assert last(context).parameters == {"name": None}


def test_an_entry_outlives_its_job(context: Context, caller: Caller) -> None:
    job_id = caller.upload().get_json()["id"]
    assert caller.call("DELETE", f"/v1/jobs/{job_id}").status_code == 204
    assert [(one.method, one.ids) for one in entries(context)[-2:]] == [
        ("POST", {"job_id": job_id}),
        ("DELETE", {"job_id": job_id}),
    ]


@pytest.mark.parametrize(
    ("method", "path", "key", "status", "route"),
    [
        ("GET", "/v1/jobs", "sk_wrong", 401, "/v1/jobs"),
        ("POST", "/v1/jobs", "sk_wrong", 401, "/v1/jobs"),
        ("GET", "/v1/Anna", None, 404, "(none)"),
        ("DELETE", "/v1/models", None, 405, "(none)"),
        ("GET", "/v2/anything", None, 404, "(none)"),
        ("POST", "/oauth/nothing", None, 404, "(none)"),
        ("GET", "/v1/jobs?limit=0", None, 422, "/v1/jobs"),
        ("ANNA", "/v1/jobs", None, 405, "(none)"),
    ],
)
def test_what_was_refused_is_noted_too(
    context: Context, caller: Caller, method: str, path: str, key: str | None, status: int, route: str
) -> None:
    asked = Caller(context, key) if key else caller
    assert asked.call(method, path).status_code == status
    assert (last(context).route, last(context).status) == (route, status)
    assert last(context).method == ("OTHER" if method == "ANNA" else method)
    if key:
        assert (last(context).tenant_id, last(context).subject) == (None, None)


def test_a_key_that_may_not_is_named(context: Context) -> None:
    token, told = keys.create(context, "clinic", "reader", ["jobs:read"])
    problem(Caller(context, token).call("GET", "/v1/audit"), 403, "insufficient_scope")
    assert (last(context).status, last(context).subject) == (403, told["id"])


def test_what_tells_nothing_of_anybody_is_not_noted(context: Context, caller: Caller) -> None:
    before = len(entries(context))
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/favicon.ico"):
        caller.call("GET", path)
    assert len(entries(context)) == before


SECRET = "Anna-Smith"


def test_a_request_full_of_secrets_leaves_none(context: Context, caller: Caller) -> None:
    told = {
        "prompt": SECRET, "hotwords": SECRET, "metadata": f'{{"{SECRET}": "{SECRET}"}}', "tag": SECRET,
        "participants": f'[{{"participant": "{SECRET}", "start": 0, "end": 1}}]', "vad": "webrtc",
    }  # fmt: skip
    made = caller.upload(data=SECRET.encode(), **told)
    assert made.status_code == 202
    job_id = made.get_json()["id"]
    for name in ("language", "model", "task", "priority", SECRET):
        caller.upload(**{name: SECRET})
    queries = ("status", "tag", "cursor", "limit", "subject", "from", "wait", "format", SECRET, f"metadata.{SECRET}")
    for name in queries:
        caller.call("GET", f"/v1/jobs?{name}={SECRET}")
    caller.call("GET", f"/v1/jobs/{SECRET}")
    caller.call("GET", f"/v1/{SECRET}")
    caller.call("PATCH", f"/v1/jobs/{job_id}/speakers/{SECRET}", json={"name": SECRET, SECRET: SECRET})
    caller.call("POST", f"/v1/jobs/{job_id}/retry", json={"stage": SECRET})
    caller.call("POST", "/v1/jobs", json={"audio": SECRET, SECRET: SECRET, "prompt": [SECRET]})
    caller.upload("/v1/audio/transcriptions", model="whisper-1", prompt=SECRET, response_format=SECRET)
    Caller(context, SECRET).call("GET", "/v1/jobs")
    assert len(entries(context)) >= 20
    with context.sessions() as session:
        rows = session.scalars(select(text("row_to_json(e)::text")).select_from(text("audit_entries e"))).all()
    assert not [row for row in rows if SECRET in row or caller.key in row or "weekly" in row]
    whole = next(one for one in entries(context) if one.ids == {"job_id": job_id})
    assert whole.parameters == {**dict.fromkeys(told), "vad": "webrtc"}


@pytest.mark.parametrize("sent", ["\0", "\x7f", "é\xff", "x" * 1000])
def test_nothing_that_is_sent_cannot_be_kept(context: Context, caller: Caller, sent: str) -> None:
    answer = caller.app.test_client().get(
        "/v1/jobs", query_string={"tag": sent, sent: sent}, environ_overrides={"HTTP_USER_AGENT": sent}
    )
    assert answer.status_code == 401
    assert len(last(context).user_agent or "") <= 200
    assert last(context).parameters == {"tag": None, "others": "1"}


def test_a_token_is_asked_for_by_a_key_and_used_for_it(context: Context) -> None:
    here = with_settings(context, installation_key=vault.new_key())
    secret, told = keys.create(here, "clinic", "a key", ["admin"])
    form = {"grant_type": "client_credentials", "client_id": told["id"], "client_secret": secret}
    client = Caller(here, "").app.test_client()
    token = client.post("/oauth/token", data=form).get_json()["access_token"]
    assert (last(context).status, last(context).subject) == (200, told["id"])
    assert last(context).ids == {"client_id": told["id"]}
    assert last(context).parameters == {**dict.fromkeys(form), "grant_type": "client_credentials"}
    assert Caller(here, token).call("GET", "/v1/jobs").status_code == 200
    assert last(context).subject == told["id"]
    assert client.post("/oauth/token", data={**form, "client_secret": "wrong"}).status_code == 401
    assert (last(context).status, last(context).subject) == (401, None)
    assert last(context).ids == {"client_id": told["id"]}, "whom somebody claimed to be"
    assert tokens.rotate(here, distrust=True) == last(context).ids["signing_key"]
    assert (last(context).route, last(context).parameters) == ("keys rotate", {"distrust": "true"})


def test_commands_leave_an_entry_with_their_change(context: Context) -> None:
    _, told = keys.create(context, "clinic", SECRET, ["jobs:read"], 60)
    made = last(context)
    assert (made.method, made.route, made.ids) == ("COMMAND", "keys create", {"key_id": told["id"]})
    assert made.parameters == {"scopes": "jobs:read", "expires_at": told["expires_at"]}
    keys.revoke(context, UUID(told["id"]))
    assert (last(context).route, last(context).ids) == ("keys revoke", {"key_id": told["id"]})
    count = len(entries(context))
    keys.revoke(context, UUID(told["id"]))
    keys.ensure(context, "sk_first")
    keys.ensure(context, "sk_first")
    assert [one.route for one in entries(context)[count:]] == ["keys create"], "what changed nothing is no entry"


def test_an_empty_trail_holds(context: Context) -> None:
    found = audit.verify(context)
    assert (found.entries, found.waiting, found.head) == (0, 0, audit.Head())


def test_a_chain_of_several_batches_holds(context: Context) -> None:
    trail(context, 3, batches=4)
    write(context, Entry("GET", "/v1/jobs"))
    found = audit.verify(context)
    assert (found.entries, found.removed, found.waiting) == (12, 0, 1)
    assert (found.head.batch, found.head.position) == (4, 12)
    assert audit.chain(context) == 1
    assert audit.verify(context, {12: found.head.sha256}).head.position == 13


def test_more_than_a_batch_holds_is_several(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.audit.chainer.AT_ONCE", 4)
    monkeypatch.setattr("core.audit.verification.AT_ONCE", 3)
    write(context, *(Entry("GET", f"/v1/{number}") for number in range(10)))
    assert audit.chain(context) == 10
    assert (audit.verify(context).head.batch, audit.verify(context).head.position) == (3, 10)


TAMPERED: list[tuple[str, tuple[str, ...], int]] = [
    ("another subject", ("UPDATE audit_entries SET subject = 'x' WHERE position = 5",), 5),
    ("another id", ('UPDATE audit_entries SET ids = \'{"job_id": "x"}\' WHERE position = 5',), 5),
    ("another time", ("UPDATE audit_entries SET at = at + interval '1 microsecond' WHERE position = 5",), 5),
    ("a status taken away", ("UPDATE audit_entries SET status = NULL WHERE position = 1",), 1),
    ("its hash as well", ("UPDATE audit_entries SET status = 1, sha256 = '\\x00' WHERE position = 5",), 5),
    ("an entry removed", ("DELETE FROM audit_entries WHERE position = 7",), 7),
    ("the first removed", ("DELETE FROM audit_entries WHERE position = 1",), 1),
    ("the last removed", ("DELETE FROM audit_entries WHERE position = 9",), 9),
    (
        "two exchanged",
        (
            "UPDATE audit_entries SET position = -1 WHERE position = 4",
            "UPDATE audit_entries SET position = 4 WHERE position = 5",
            "UPDATE audit_entries SET position = 5 WHERE position = -1",
        ),
        4,
    ),
    (
        "one removed and the others moved up",
        (
            "DELETE FROM audit_entries WHERE position = 5",
            "UPDATE audit_entries SET position = position - 1 WHERE position = 6",
        ),
        5,
    ),
    (
        "an entry unchained",
        ("UPDATE audit_entries SET position = NULL, batch = NULL, sha256 = NULL WHERE position = 2",),
        2,
    ),
    ("one put behind the end", ("UPDATE audit_entries SET position = 20 WHERE position = 9",), 9),
    ("one put before the beginning", ("UPDATE audit_entries SET position = 0 WHERE position = 9",), 0),
    ("a batch removed", ("DELETE FROM audit_batches WHERE number = 2",), 4),
    ("the last batch removed", ("DELETE FROM audit_batches WHERE number = 3",), 7),
    ("a batch's time", ("UPDATE audit_batches SET chained_at = chained_at - interval '1 day' WHERE number = 2",), 4),
    ("a batch's seal", ("UPDATE audit_batches SET sha256 = '\\x00' WHERE number = 2",), 4),
    ("a batch that ends elsewhere", ("UPDATE audit_batches SET last = 5 WHERE number = 2",), 4),
    (
        "the front removed",
        ("DELETE FROM audit_entries WHERE position <= 3", "DELETE FROM audit_batches WHERE number = 1"),
        1,
    ),
    ("everything removed but the batches", ("DELETE FROM audit_entries",), 1),
    ("everything removed but the entries", ("DELETE FROM audit_batches",), 1),
]


@pytest.mark.parametrize(("statements", "position"), [one[1:] for one in TAMPERED], ids=[one[0] for one in TAMPERED])
def test_a_change_is_found_where_it_is(context: Context, statements: tuple[str, ...], position: int) -> None:
    trail(context, 3, batches=3)
    audit.verify(context)
    forge(context, *statements)
    with pytest.raises(Broken) as broken:
        audit.verify(context)
    assert broken.value.position == position


def test_a_tail_that_was_cut_off_cleanly_is_found_by_a_head_kept_elsewhere(context: Context) -> None:
    trail(context, 3, batches=3)
    kept = audit.verify(context).head
    forge(context, "DELETE FROM audit_entries WHERE position > 6", "DELETE FROM audit_batches WHERE number = 3")
    assert audit.verify(context).entries == 6, "nothing here can know"
    with pytest.raises(Broken) as broken:
        audit.verify(context, {kept.position: kept.sha256})
    assert broken.value.position == 9
    trail(context, 3)
    with pytest.raises(Broken):
        audit.verify(context, {kept.position: kept.sha256})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET subject = 'x' WHERE position = 1",
        "UPDATE audit_entries SET position = 9 WHERE position = 1",
        "UPDATE audit_entries SET position = NULL, batch = NULL, sha256 = NULL WHERE position = 1",
        "UPDATE audit_entries SET subject = 'x' WHERE position IS NULL",
        "UPDATE audit_entries SET subject = 'x', position = 4, batch = 2, sha256 = '' WHERE position IS NULL",
        "DELETE FROM audit_entries WHERE position = 1",
        "DELETE FROM audit_entries WHERE position IS NULL",
        "TRUNCATE audit_entries",
        "TRUNCATE audit_batches",
        "UPDATE audit_batches SET last = 3",
        "DELETE FROM audit_batches",
        "INSERT INTO audit_entries (id, at, method, route, ids, parameters, position, batch, sha256) "
        "VALUES (gen_random_uuid(), now(), 'GET', '/', '{}', '{}', 9, 9, '')",
    ],
)
def test_the_database_refuses_changes(context: Context, statement: str) -> None:
    trail(context, 3)
    write(context, Entry("GET", "/v1/jobs"))
    with pytest.raises(DBAPIError), context.sessions() as session, session.begin():
        session.execute(text(statement))
    assert audit.verify(context).waiting == 1


def test_chainers_at_once_make_one_chain(context: Context) -> None:
    for round_ in range(10):
        writers = [lambda: write(context, *(Entry("GET", "/v1/jobs") for _ in range(20)))] * 3
        at_once(*writers, *[lambda: audit.chain(context)] * 4)
        while audit.chain(context):
            pass
        assert audit.verify(context).entries == 60 * (round_ + 1)


def test_a_chainer_waits_for_nobody_and_leaves_what_another_has(context: Context) -> None:
    write(context, Entry("GET", "/v1/jobs"))
    with context.sessions() as session, session.begin():
        session.execute(select(func.pg_advisory_xact_lock(LOCK)))
        assert audit.chain(context) == 0
    assert audit.chain(context) == 1


def test_a_chainer_that_dies_leaves_nothing_half(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    trail(context, 3)
    write(context, *(Entry("GET", "/v1/jobs") for _ in range(3)))

    def die(*_: Any) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("core.audit.chainer.sealed", die)
        with pytest.raises(KeyboardInterrupt):
            audit.chain(context)
    assert (audit.verify(context).entries, audit.verify(context).waiting) == (3, 3)
    assert audit.chain(context) == 3
    audit.verify(context)


def test_an_entry_that_is_committed_late_is_chained_late(context: Context) -> None:
    late, soon = Entry("POST", "/v1/late"), Entry("GET", "/v1/soon")
    assert late.id < soon.id
    with context.sessions() as session, session.begin():
        audit.record(session, late)
        write(context, soon)
        assert audit.chain(context) == 1
    assert audit.chain(context) == 1
    assert [(one.route, one.position) for one in entries(context)] == [("/v1/late", 2), ("/v1/soon", 1)]
    audit.verify(context)


def test_an_entry_that_is_written_again_is_one(context: Context) -> None:
    entry = Entry("GET", "/v1/jobs")
    at_once(*[lambda: write(context, entry)] * 4)
    audit.chain(context)
    write(context, entry)
    assert (audit.verify(context).entries, audit.verify(context).waiting) == (1, 0)


def test_verifying_while_entries_are_written_and_removed(context: Context) -> None:
    short = with_settings(context, audit_days=1e-9)
    over = threading.Event()

    def go_on() -> None:
        try:
            for number in range(30):
                write(context, Entry("GET", f"/v1/{number}"))
                audit.chain(context)
                audit.expire(short)
        finally:
            over.set()

    def look() -> None:
        while not over.is_set():
            audit.verify(context)

    at_once(go_on, look, look)
    assert audit.verify(context).removed > 0


def test_what_is_old_goes_from_the_front_and_the_rest_holds(context: Context) -> None:
    trail(context, 3, batches=4)
    before = audit.verify(context).head
    assert audit.expire(context) == 0, "nothing is a year old"
    short = with_settings(context, audit_days=1e-9)
    assert audit.expire(short) == 9
    found = audit.verify(context, {before.position: before.sha256})
    assert (found.entries, found.removed, found.waiting) == (3, 9, 1)
    assert last(context).route == "audit retention"
    assert audit.chain(context) == 1
    assert audit.expire(short) == 3
    audit.chain(context)
    assert (audit.verify(context).removed, audit.verify(context).entries) == (12, 2)
    with pytest.raises(Broken, match="removed with all that was old"):
        audit.verify(context, {3: bytes(32)})


def test_a_removal_that_dies_removes_nothing(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    trail(context, 3, batches=2)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("core.audit.retention.delete", die)
        with pytest.raises(KeyboardInterrupt):
            audit.expire(with_settings(context, audit_days=1e-9))
    assert (audit.verify(context).entries, audit.verify(context).waiting) == (6, 0)


@pytest.mark.parametrize(
    "statements",
    [
        ("DELETE FROM audit_entries WHERE position <= 9", "DELETE FROM audit_batches WHERE number <= 3"),
        ("UPDATE audit_entries SET parameters = jsonb_set(parameters, '{sha256}', to_jsonb(repeat('00', 32)))"
         " WHERE route = 'audit retention'",),
        ("DELETE FROM audit_entries WHERE route = 'audit retention'",),
    ],
)  # fmt: skip
def test_a_removal_that_was_not_noted_is_found(context: Context, statements: tuple[str, ...]) -> None:
    trail(context, 3, batches=2)
    assert audit.expire(with_settings(context, audit_days=1e-9)) == 3
    audit.chain(context)
    trail(context, 3, batches=2)
    audit.verify(context)
    forge(context, *statements)
    with pytest.raises(Broken):
        audit.verify(context)


def test_two_removals_at_once_remove_once(context: Context) -> None:
    short = with_settings(context, audit_days=1e-9)
    for _ in range(5):
        trail(context, 2, batches=3)
        at_once(*[lambda: audit.expire(short)] * 3, lambda: audit.chain(context))
        audit.chain(context)
        audit.verify(context)


def test_what_only_looks_is_written_soon_and_on_a_stop_at_once(context: Context, api_key: str, caller: Caller) -> None:
    slow = Caller(with_settings(context, audit_flush=60), api_key)
    before = len(entries(context))
    assert slow.call("GET", "/v1/jobs").status_code == 200
    assert slow.call("POST", f"/v1/jobs/{UUID(int=1)}/cancel").status_code == 404
    assert [one.method for one in entries(context)[before:]] == ["POST"], "a change is written before its answer"
    slow.app.extensions["scriptorium"].trail.close()
    assert sorted(one.method for one in entries(context)[before:]) == ["GET", "POST"]
    quick = Caller(with_settings(context, audit_flush=0.05), api_key)
    assert quick.call("GET", "/v1/jobs").status_code == 200
    until(lambda: len(entries(context)) == before + 3)


def test_in_an_outage_entries_wait_and_what_has_no_room_is_counted(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.audit.buffer.MOST", 3)
    away = build(with_settings(context, database_url="postgresql://nobody@127.0.0.1:1/none").settings)
    kept = audit.Trail(away, 60)
    for number in range(5):
        kept.note(Entry("POST", f"/v1/{number}"), at_once=True)
    assert not kept.flush()
    away.sessions.kw["bind"].dispose()
    away.bell.app.close()
    monkeypatch.setattr(kept, "_context", context)
    kept.close()
    found = entries(context)
    assert [one.route for one in found] == ["/v1/0", "/v1/1", "/v1/2", "audit buffer"]
    assert found[-1].parameters == {"count": "2"}


def test_many_at_once_lose_nothing(context: Context) -> None:
    kept = audit.Trail(context, 0.01)

    def run(number: int) -> Callable[[], None]:
        def noted() -> None:
            for one in range(50):
                kept.note(Entry("GET", f"/v1/{number}/{one}"), at_once=one % 10 == 0)

        return noted

    at_once(*map(run, range(6)))
    kept.close()
    assert len({one.route for one in entries(context)}) == len(entries(context)) == 300


def test_an_admin_sees_the_tenants_own(context: Context, caller: Caller) -> None:
    other = admin(context)
    assert caller.call("GET", "/v1/jobs?limit=3").status_code == 200
    assert other.call("GET", "/v1/models").status_code == 200
    audit.chain(context)
    answer = other.call("GET", "/v1/audit")
    assert answer.status_code == 200
    shown = answer.get_json()["entries"]
    assert [one["route"] for one in shown] == ["keys create", "/v1/models"]
    head = audit.verify(context).head
    assert shown[1]["batch"]["sha256"] == head.sha256.hex()
    assert shown[1]["batch"]["last"] == head.position >= shown[1]["position"]


def test_a_page_of_the_trail(context: Context) -> None:
    asked = admin(context)
    token, told = keys.create(context, "clinic", "reader", ["jobs:read"])
    for _ in range(5):
        Caller(context, token).call("GET", "/v1/jobs")
    audit.chain(context)
    first = asked.call("GET", f"/v1/audit?limit=3&subject={told['id']}").get_json()
    assert len(first["entries"]) == 3
    rest = asked.call("GET", f"/v1/audit?limit=3&subject={told['id']}&after={first['next_after']}").get_json()
    assert (len(rest["entries"]), rest["next_after"]) == (2, None)
    soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    assert asked.call("GET", f"/v1/audit?from={soon}").get_json()["entries"] == []
    assert len(asked.call("GET", f"/v1/audit?to={soon}&limit=1000").get_json()["entries"]) >= 7


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "from=yesterday", "to=2026-01-01T00:00:00", "after=-1", "begin=x"]
)
def test_a_bad_question_is_refused(context: Context, query: str) -> None:
    refused = problem(admin(context).call("GET", f"/v1/audit?{query}"), 422, "invalid_request")
    assert refused["errors"][0]["field"] == query.partition("=")[0]


def test_scopes_below_admin_do_not_open_it(context: Context) -> None:
    below = [scope for scope in Scope if scope is not Scope.ADMIN]
    token, _ = keys.create(context, "clinic", "all but", below)
    problem(Caller(context, token).call("GET", "/v1/audit"), 403, "insufficient_scope")
