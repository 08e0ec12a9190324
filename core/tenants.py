"""What each tenant may use: its operator's affair. None is what the settings say, 0 no limit."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from core.context import Context
from core.database import transaction
from core.errors import NotFound, fault
from core.tables import Tenant
from core.times import time_json

LIMITS = ("monthly_minutes", "concurrent_jobs", "requests_per_minute")
LARGEST = 2**31 - 1
WEIGHTS = (0.001, 1000.0)
"""A share outside of these is a slip of the hand: it starves somebody."""


def listed(context: Context) -> list[dict[str, Any]]:
    """By name."""
    with transaction(context.sessions) as session:
        return [_tenant_json(one) for one in session.scalars(select(Tenant).order_by(Tenant.name))]


def change(context: Context, name: str, values: Mapping[str, float | None]) -> dict[str, Any]:
    """Sets `weight` and any of LIMITS. Jobs that a higher limit lets go are let go by the next sweep, which knows the
    server's settings.

    Raises NotFound, InvalidRequest.
    """
    for field, value in values.items():
        _check(field, value)
    with transaction(context.sessions) as session:
        tenant = session.scalar(select(Tenant).where(Tenant.name == name).with_for_update(key_share=True))
        if tenant is None:
            raise NotFound(f"there is no tenant {name!r}; see `scriptorium tenants list`")
        for field, value in values.items():
            setattr(tenant, field, value)
        return _tenant_json(tenant)


def _check(field: str, value: float | None) -> None:
    if field == "weight":
        low, high = WEIGHTS
        if value is None or not low <= value <= high:
            raise fault(field, f"must be between {low:g} and {high:g}")
    elif field not in LIMITS:
        raise fault(field, f"is none of weight, {', '.join(LIMITS)}")
    elif value is not None and not (0 <= value <= LARGEST and value == int(value)):
        raise fault(field, f"must be a whole number from 0 (no limit) to {LARGEST}")


def _tenant_json(tenant: Tenant) -> dict[str, Any]:
    limits = {name: getattr(tenant, name) for name in LIMITS}
    return {
        "id": str(tenant.id),
        "name": tenant.name,
        "weight": tenant.weight,
        **limits,
        "created_at": time_json(tenant.created_at),
    }
