"""The chain of the audit trail, without a database: what is in the hash, and in one spelling."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from core.audit import Entry
from core.audit.entries import SEALED, canonical
from core.tables import AuditEntry
from web.shown import ids, parameters

AT = datetime(2026, 11, 27, 3, 4, 5, 60, UTC)
ENTRY = Entry(
    "GET", "/v1/jobs", {"b": "2", "a": None}, {"wait": "30", "tag": None}, AT, "r", UUID(int=1), "é", 200, 12, "::1",
    "agent", UUID(int=2),
)  # fmt: skip


def test_the_bytes_of_an_entry_are_fixed_for_ever() -> None:
    """Chains that exist are over these: another spelling would break them all."""
    assert canonical(ENTRY, 7).decode() == (
        '{"address":"::1","at":"2026-11-27T03:04:05.000060Z","duration_ms":12,'
        '"id":"00000000-0000-0000-0000-000000000002","ids":{"a":null,"b":"2"},"method":"GET",'
        '"parameters":{"tag":null,"wait":"30"},"position":7,"request_id":"r","route":"/v1/jobs","status":200,'
        '"subject":"é","tenant_id":"00000000-0000-0000-0000-000000000001","user_agent":"agent"}'
    )


def test_what_is_null_is_not_in_the_bytes() -> None:
    bare = Entry("GET", "/", at=AT, id=UUID(int=2))
    assert b"null" not in canonical(bare, 1)
    assert b"status" not in canonical(bare, 1)


def test_a_moment_is_one_text_in_every_zone() -> None:
    elsewhere = Entry("GET", "/", at=AT.astimezone(timezone(timedelta(hours=8))), id=UUID(int=2))
    assert canonical(elsewhere, 1) == canonical(Entry("GET", "/", at=AT, id=UUID(int=2)), 1)


def test_every_column_is_sealed_or_is_the_seal() -> None:
    columns = set(AuditEntry.__table__.columns.keys())
    assert columns == set(SEALED) | {"position", "batch", "sha256"}


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("wait", "30", "30"),
        ("wait", "2.5", "2.5"),
        ("wait", "-1e9", None),
        ("diarization", True, "true"),
        ("speakers", 3, "3"),
        ("speakers", "false", "false"),
        ("language", "zh-CN", "zh-CN"),
        ("language", "auto", "auto"),
        ("language", "Anna", None),
        ("model", "large-v3-turbo", "large-v3-turbo"),
        ("model", "/home/anna/model", None),
        ("status", "failed", "failed"),
        ("status", "failed\n", None),
        ("status", ["failed"], None),
        ("subject", str(UUID(int=1)), str(UUID(int=1))),
        ("subject", "anna@example.org", None),
        ("from", "2026-11-27T00:00:00Z", "2026-11-27T00:00:00Z"),
        ("prompt", "words", None),
        ("metadata", {"a": "b"}, None),
        ("tag", "cardiology", None),
    ],
)
def test_a_value_is_shown_where_it_can_be_nothing_else(name: str, value: object, shown: str | None) -> None:
    assert parameters([(name, value)]) == {name: shown}


def test_names_that_nobody_knows_are_counted() -> None:
    found = parameters([("sk_abc", "x"), ("anna", "y"), ("metadata.patient", "z"), ("limit", "5")])
    assert found == {"metadata": None, "limit": "5", "others": "2"}


def test_of_addresses_only_ids_and_labels_are_shown() -> None:
    given = {"job_id": UUID(int=3), "label": "S12", "key": "Anna", "number": 4}
    assert ids(given) == {"job_id": str(UUID(int=3)), "label": "S12", "key": None, "number": "4"}
