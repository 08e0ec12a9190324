"""An entry of the trail, how it is written, and its bytes."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid6 import uuid7

from core.tables import AuditEntry

COMMAND = "COMMAND"
"""In place of an HTTP method: an operator's, on a machine of the server."""
REMOVED = "audit retention"
"""The route of a removal of old entries. Its parameters are the chain's head before the first entry that was kept."""


def _new_id() -> UUID:
    return UUID(str(uuid7()))


@dataclass(frozen=True)
class Entry:
    """`at`: when the call arrived, by the clock of whom it came to. `subject`: as `core.keys.Tenant` has it; None where
    nobody was let in, and of commands. `ids`, `parameters`: text, or None for what is named and not shown."""

    method: str
    route: str
    ids: Mapping[str, str | None] = field(default_factory=dict)
    parameters: Mapping[str, str | None] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    request_id: str | None = None
    tenant_id: UUID | None = None
    subject: str | None = None
    status: int | None = None
    duration_ms: int | None = None
    address: str | None = None
    user_agent: str | None = None
    id: UUID = field(default_factory=_new_id)


SEALED = tuple(one.name for one in fields(Entry))
"""The columns that the chain is over."""


def command(name: str, tenant_id: UUID | None, ids: Mapping[str, str], parameters: Mapping[str, str | None]) -> Entry:
    """Of what an operator did: `name` as it is typed, without what followed."""
    return Entry(COMMAND, name, dict(ids), dict(parameters), tenant_id=tenant_id)


def record(session: Session, *entries: Entry) -> None:
    """In the caller's transaction: the change and its entry stand or fall together. An entry that is there already is
    not written again. Never waits for another writer."""
    if entries:
        rows = [{name: getattr(entry, name) for name in SEALED} for entry in entries]
        for row in rows:
            row["ids"], row["parameters"] = dict(row["ids"]), dict(row["parameters"])
        session.execute(insert(AuditEntry).on_conflict_do_nothing(index_elements=["id"]), rows)


def canonical(row: Any, position: int) -> bytes:
    """One spelling of an entry and its place, whatever made the JSON: keys in order, no blanks, UTF-8, times in UTC to
    the microsecond (RFC 8785, of an object that has only texts, whole numbers and objects). What is null is left out,
    so that a column that is added later changes no old entry."""
    told = {name: _plain(getattr(row, name)) for name in SEALED}
    return json_bytes({"position": position, **{name: value for name, value in told.items() if value is not None}})


def json_bytes(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def removals(rows: Iterable[AuditEntry]) -> dict[int, tuple[int, bytes]]:
    """Of the entries that note removals: the number of the last batch that went -> its last position, its seal."""
    told = [row.parameters for row in rows]
    return {int(one["batch"]): (int(one["position"]), bytes.fromhex(one["sha256"])) for one in told}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    return str(value) if isinstance(value, UUID) else value
