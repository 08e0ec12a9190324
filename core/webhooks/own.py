"""A job's own webhook, as its options ask for it."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from sqlalchemy.orm import Session
from uuid6 import uuid7

from core import vault
from core.context import Context
from core.keys import Tenant
from core.options import Webhook
from core.outgoing import Target
from core.tables import Endpoint
from core.webhooks import signing
from core.webhooks.endpoints import receiver, target_of
from core.webhooks.types import ENDS

FIELD = "webhook"


@dataclass(frozen=True)
class Prepared:
    """Checked and sealed, before anything of the job is written. `minted`: its secret, where the caller has none."""

    asked: Webhook
    target: Target
    sealed: str
    minted: str | None

    @property
    def shown(self) -> dict[str, object]:
        """As the job's options keep it: the query of the URL may be a secret, and the secret is one."""
        return {"url": self.target.shown, "events": list(self.events), "include": list(self.asked.include)}

    @property
    def events(self) -> tuple[str, ...]:
        return self.asked.events or tuple(ENDS)


def prepared(context: Context, asked: Webhook | None) -> Prepared | None:
    """Raises InvalidRequest, Unavailable without an installation key."""
    if asked is None:
        return None
    target = target_of(context, asked.url, f"{FIELD}.url")
    given = asked.secret.get_secret_value() if asked.secret is not None else None
    held = signing.mint(given=given)
    sealed = vault.seal(context.settings, held.sealed_text())
    return Prepared(asked, target, sealed, held.v1 if given is None else None)


def attach(session: Session, tenant: Tenant, job_id: UUID, one: Prepared) -> None:
    """In the transaction that makes the job."""
    host = uuid5(tenant.id, f"{one.target.scheme}://{one.target.authority}")
    receiver(session, tenant.id, host)
    session.add(
        Endpoint(
            id=uuid7(),
            tenant_id=tenant.id,
            receiver_id=host,
            job_id=job_id,
            url=one.target.url,
            events=list(one.events),
            include=list(one.asked.include),
            sealed=one.sealed,
        )
    )
    session.flush()
