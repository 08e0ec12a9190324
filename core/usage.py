"""What a tenant used, from the ledger: by day, key, tag or model."""

import base64
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, select

from core import quota
from core.context import Context
from core.database import transaction
from core.errors import fault
from core.keys import Tenant
from core.tables import UsageRow

LONGEST_DAYS = 366


class GroupBy(StrEnum):
    DAY = "day"
    KEY = "key"
    TAG = "tag"
    MODEL = "model"


_GROUPS: dict[GroupBy, Any] = {
    GroupBy.DAY: cast(UsageRow.day, Text),
    GroupBy.KEY: UsageRow.subject,
    GroupBy.TAG: UsageRow.tag,
    GroupBy.MODEL: UsageRow.model,
}
_SUMS = (
    func.count(UsageRow.job_id.distinct()).label("jobs"),
    *(
        func.coalesce(func.sum(getattr(UsageRow, name)), 0.0).label(name)
        for name in ("audio_seconds", "compute_seconds", "cached_seconds")
    ),
)


def report(
    context: Context,
    tenant: Tenant,
    group_by: GroupBy = GroupBy.DAY,
    first: date | None = None,
    last: date | None = None,
    *,
    limit: int = 100,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A page of groups in the order of their names, None last; totals of all of them; and the month's quota. `first`
    and `last` are days in UTC, both included: of the present month where they are not given.

    Raises InvalidRequest.
    """
    last = last or datetime.now(UTC).date()
    first = first or last.replace(day=1)
    if not 0 <= (last - first).days < LONGEST_DAYS:
        raise fault("from", f"must be a day before `to`, and at most {LONGEST_DAYS} days before the next one")
    of_tenant = (UsageRow.tenant_id == tenant.id, UsageRow.day >= first, UsageRow.day <= last)
    name = _GROUPS[group_by].collate("C")  # one order on every server
    groups = select(name.label("name"), *_SUMS).where(*of_tenant).group_by(name)
    if cursor is not None:
        groups = groups.where(_after(name, cursor))
    with transaction(context.sessions) as session:
        rows = session.execute(groups.order_by(name.asc().nulls_last()).limit(limit + 1)).all()
        totals = session.execute(select(*_SUMS).where(*of_tenant)).one()
        month = quota.month(session, context.settings, tenant.id)
    return {
        "group_by": group_by.value,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "usage": [{"group": row.name, **_sums(row)} for row in rows[:limit]],
        "totals": _sums(totals),
        "month": month.to_json(),
        "next_cursor": _cursor(rows[limit - 1].name) if len(rows) > limit else None,
    }


def _sums(row: Any) -> dict[str, Any]:
    seconds = ("audio_seconds", "compute_seconds", "cached_seconds")
    return {"jobs": row.jobs, **{name: round(getattr(row, name), 3) for name in seconds}}


def _cursor(name: str) -> str:
    """The last name of a page: no offset, since rows are added meanwhile. None is always the last of all."""
    return base64.urlsafe_b64encode(name.encode()).decode()


def _after(name: Any, cursor: str) -> ColumnElement[bool]:
    try:
        last = base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except ValueError:
        last = "\0"
    if "\0" in last:
        raise fault("cursor", "is not a cursor of this list")
    later: ColumnElement[bool] = (name > last) | name.is_(None)
    return later
