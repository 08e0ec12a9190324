"""Whether the server lives, whether it can work, and what it offers."""

from typing import Any, cast

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, render_template

from core import health
from web import schemas
from web.answers import answer
from web.scope import context

_UNREADY: Any = {
    503: {
        "description": "Something that this server needs is missing",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}},
    }
}

routes = APIBlueprint("service", __name__, tag="Service")


@routes.get("/healthz")
@routes.output(schemas.Health)
def healthz() -> Response:
    """Alive: asks nothing of other servers"""
    return answer({"status": "ok"})


@routes.get("/readyz")
@routes.output(schemas.Health)
@routes.doc(responses=_UNREADY)
def readyz() -> Response:
    """Ready: Postgres, Redis, storage and migrations"""
    checks = health.ready(context())
    ready = all(found == "ok" for found in checks.values())
    return answer({"status": "ok" if ready else "unready", "checks": checks}, 200 if ready else 503)


@routes.get("/docs")
@routes.doc(hide=True)
def docs() -> str:
    """Rendered here from the OpenAPI document, without a script: it loads nothing from elsewhere."""
    return render_template("docs.html", spec=cast(APIFlask, current_app).spec)
