"""`/v1/audit`: who did what."""

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from core import audit
from core.scopes import Scope
from web import queries
from web.answers import answer
from web.fields import plain
from web.scope import authenticate, context, needs, tenant


class AuditBatchOut(BaseModel):
    """What seals the entry, with all that came before it."""

    number: int
    last: int = Field(description="The position of its last entry.")
    sha256: str = Field(description="As `scriptorium audit verify` prints it, and takes it with `--expect-head`.")
    chained_at: str


class AuditEntryOut(BaseModel):
    position: int = Field(description="In the chain of all tenants: numbers between are of others.")
    at: str = Field(description="When the call arrived.")
    request_id: str | None
    subject: str | None = Field(description="The id of the key; null for what an operator did on the server.")
    method: str = Field(description="Of HTTP, or `COMMAND`.")
    route: str = Field(description="With the names of its ids, not their values; or the command.")
    ids: dict[str, str | None]
    parameters: dict[str, str | None] = Field(description="Null: it was given, and is not shown.")
    status: int | None
    duration_ms: int | None = Field(description="Until the answer began.")
    address: str | None = Field(description="The peer's; behind a proxy, the proxy's.")
    user_agent: str | None
    batch: AuditBatchOut


class AuditPage(BaseModel):
    entries: list[AuditEntryOut]
    next_after: int | None = Field(description="`after` of the next page; null on the last.")


routes = APIBlueprint("audit", __name__, url_prefix="/v1", tag="Audit")
routes.before_request(authenticate)


@routes.get("/audit")
@routes.input(queries.AuditQuery, location="query", arg_name="query")
@routes.output(AuditPage)
@needs(Scope.ADMIN)
def page(query: queries.AuditQuery) -> Response:
    """Who did what, oldest first

    The calls of your tenant's keys, and what its operator did to them. An entry appears here a few seconds after the
    call, once it has its place in the chain. Needs the scope `admin`.
    """
    return answer(audit.page(context(), tenant().id, **plain("subject", query.model_dump())))
