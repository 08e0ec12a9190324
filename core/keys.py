"""API keys: shown once, stored as SHA-256."""

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from core.context import Context
from core.database import transaction
from core.errors import Unauthorized
from core.tables import ApiKey
from core.tables import Tenant as TenantRow


@dataclass(frozen=True)
class Tenant:
    id: UUID
    name: str


def mint() -> str:
    return f"sk_{secrets.token_urlsafe(32)}"


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def authenticate(context: Context, token: str) -> Tenant:
    """Raises Unauthorized."""
    with transaction(context.sessions) as session:
        found = session.execute(
            select(TenantRow.id, TenantRow.name)
            .join(ApiKey, ApiKey.tenant_id == TenantRow.id)
            .where(ApiKey.sha256 == _hashed(token), ApiKey.revoked_at.is_(None))
        ).one_or_none()
    if found is None:
        raise Unauthorized("this API key is not known here; send Authorization: Bearer <key>")
    return Tenant(found.id, found.name)


def ensure(context: Context, token: str, tenant_name: str = "default") -> Tenant:
    """Makes the key, and its tenant, where they are not there yet."""
    with transaction(context.sessions) as session:
        session.execute(
            insert(TenantRow).values(id=uuid7(), name=tenant_name).on_conflict_do_nothing(index_elements=["name"])
        )
        tenant = session.execute(select(TenantRow).where(TenantRow.name == tenant_name)).scalar_one()
        session.execute(
            insert(ApiKey)
            .values(sha256=_hashed(token), tenant_id=tenant.id)
            .on_conflict_do_nothing(index_elements=["sha256"])
        )
        return Tenant(tenant.id, tenant.name)
