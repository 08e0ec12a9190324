"""`/v1/audit`: who did what."""

from apiflask import APIBlueprint
from flask import Response

from core import audit
from core.scopes import Scope
from web import queries, schemas
from web.answers import answer
from web.fields import plain
from web.scope import authenticate, context, needs, tenant

routes = APIBlueprint("audit", __name__, url_prefix="/v1", tag="Audit")
routes.before_request(authenticate)


@routes.get("/audit")
@routes.input(queries.AuditQuery, location="query", arg_name="query")
@routes.output(schemas.AuditPage)
@needs(Scope.ADMIN)
def page(query: queries.AuditQuery) -> Response:
    """Who did what, oldest first

    The calls of your tenant's keys, and what its operator did to them. An entry appears here a few seconds after the
    call, once it has its place in the chain. Needs the scope `admin`.
    """
    return answer(audit.page(context(), tenant().id, **plain("subject", query.model_dump())))
