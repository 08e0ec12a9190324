"""What a tenant may use of audio in a calendar month, in UTC."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from core.errors import QuotaExceeded
from core.settings import Settings
from core.states import UNDER_WAY
from core.tables import Job, Recording, Tenant, UsageRow
from core.times import time_json

MINUTE = 60.0
_MONTH: Any = literal_column("date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')")
_NEXT: Any = literal_column(
    "(date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'"
)


@dataclass(frozen=True)
class Month:
    """Seconds of audio. `allowed`: None where there is no limit; `under_way`: of jobs that are not completed, as far as
    it is known how long they are; `left`: seconds until the next month."""

    allowed: float | None
    used: float
    under_way: float
    resets_at: datetime
    left: float

    def to_json(self) -> dict[str, Any]:
        return {
            "allowed_seconds": self.allowed,
            "used_seconds": round(self.used, 3),
            "under_way_seconds": round(self.under_way, 3),
            "resets_at": time_json(self.resets_at),
        }


def month(session: Session, settings: Settings, tenant_id: UUID) -> Month:
    minutes = _minutes(session, settings, tenant_id)
    used = select(func.coalesce(func.sum(UsageRow.audio_seconds), 0.0)).where(
        UsageRow.tenant_id == tenant_id, UsageRow.day >= _MONTH
    )
    billed = select(UsageRow.job_id).where(UsageRow.job_id == Job.id).exists()
    coming = (
        select(func.coalesce(func.sum(Recording.duration), 0.0))
        .join(Job, Job.recording_id == Recording.id)
        .where(Job.tenant_id == tenant_id, Job.status.in_(UNDER_WAY), ~billed)
    )
    left = func.extract("epoch", _NEXT - func.clock_timestamp())
    found = session.execute(select(used.scalar_subquery(), coming.scalar_subquery(), _NEXT, left)).one()
    return Month(minutes * MINUTE if minutes else None, found[0], found[1], found[2], float(found[3]))


def check(session: Session, settings: Settings, tenant_id: UUID) -> None:
    """Raises QuotaExceeded. How long a recording is nobody knows before it is decoded: the one that crosses the line is
    still taken, and so are others that come before it was looked at."""
    if not _minutes(session, settings, tenant_id):
        return
    now = month(session, settings, tenant_id)
    if now.allowed is not None and now.used + now.under_way >= now.allowed:
        said = f"{now.used / MINUTE:.1f} are used and {now.under_way / MINUTE:.1f} under way"
        raise QuotaExceeded(
            f"the {now.allowed / MINUTE:g} minutes of audio of this month are spent: {said}; "
            f"the count begins anew at {time_json(now.resets_at)}, or ask the operator for more",
            retry_after=math.ceil(now.left),
        )


def _minutes(session: Session, settings: Settings, tenant_id: UUID) -> int:
    own = session.scalar(select(Tenant.monthly_minutes).where(Tenant.id == tenant_id))
    return settings.monthly_minutes if own is None else own
