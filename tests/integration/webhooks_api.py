"""What tests of webhooks share: a server that may send to loopback, its webhooks, and who delivers."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from core import vault
from core.context import Context
from core.database import from_now
from core.tables import AttemptRow, Delivery, EventRow, Receiver
from core.webhooks import sending
from tests.integration.conftest import until
from tests.integration.web_api import Caller, with_settings
from worker.deliveries import Dispatcher
from worker.outgoing import Outgoing

AT_ONCE = (0.0,) * 10
"""Ten tries without a pause."""


def telling(context: Context, **settings: Any) -> Context:
    given = {"outgoing_allow": ("127.0.0.1",), "installation_key": vault.new_key(), "delivery_delays": AT_ONCE}
    return with_settings(context, **{**given, **settings})


def webhook(caller: Caller, url: str, **more: Any) -> dict[str, Any]:
    made = caller.call("POST", "/v1/webhooks", json={"url": url, **more})
    assert made.status_code == 201, made.text
    body: dict[str, Any] = made.get_json()
    assert made.headers["Location"] == f"/v1/webhooks/{body['id']}"
    return body


def dispatcher(here: Context, **more: Any) -> Dispatcher:
    """It works when it is told to."""
    return Dispatcher(here, "d-1", Outgoing(here.settings.outgoing), **more)


def deliver(here: Context, **more: Any) -> None:
    """Until nothing is due."""
    one = dispatcher(here, **more)
    while one.work() or one.busy:
        until(lambda: not one.busy)
    one.stop()


def due_now(here: Context) -> None:
    """As if the time of every rest and pause had passed."""
    with here.sessions() as session, session.begin():
        session.execute(update(Receiver).values(rest_until=None))
        session.execute(update(Delivery).where(Delivery.status == "pending").values(due_at=from_now(-1)))


def claimed(here: Context, worker: str = "d-1", free: int = 16) -> list[sending.Parcel]:
    return sending.claim(here, worker, free)


def lease_ends(here: Context) -> None:
    with here.sessions() as session, session.begin():
        session.execute(update(Delivery).where(Delivery.status == "delivering").values(lease_until=from_now(-1)))


def deliveries(here: Context) -> list[Delivery]:
    with here.sessions() as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def attempts(here: Context, delivery_id: UUID) -> list[AttemptRow]:
    with here.sessions() as session:
        of = select(AttemptRow).where(AttemptRow.delivery_id == delivery_id)
        return list(session.scalars(of.order_by(AttemptRow.attempt)))


def types(here: Context, job_id: UUID) -> list[tuple[int | None, str]]:
    """Of a job's events, with the run, in the order of their sequence."""
    with here.sessions() as session:
        found = session.scalars(select(EventRow).where(EventRow.job_id == job_id).order_by(EventRow.sequence)).all()
    assert [one.sequence for one in found] == list(range(1, len(found) + 1))
    return [(one.run, one.type) for one in found]
