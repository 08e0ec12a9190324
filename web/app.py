"""The composition of the web process. gunicorn serves `web.app:create_app()`."""

import logging
from typing import Any

from apiflask import APIFlask
from flask import Response, request
from werkzeug.routing import BaseConverter

from core.context import Context, build
from web import (
    arrival,
    asr,
    audit,
    errors,
    following,
    jobs,
    metrics,
    oauth,
    openapi,
    rates,
    resumable,
    service,
    trail,
    usage,
)
from web.assemblyai import routes as assemblyai
from web.openai import routes as openai
from web.recordings import routes as recordings
from web.scope import compose, request_id
from web.upload import FORM_BYTES
from web.webhooks import routes as webhooks

log = logging.getLogger(__name__)

VERSION = "0.1.0"

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""On every answer: nothing here is a page that others may frame, and a transcript must not stay in a cache."""


class Label(BaseConverter):
    """A speaker's label in an address: any but the words that stand there for something else."""

    regex = "(?!merge$)[^/]+"
    part_isolating = True  # werkzeug takes a regex with a slash in it for one that matches several parts


class Api(APIFlask):
    def log_exception(self, exc_info: Any) -> None:
        """With the id that the caller was given, and without the query, which may hold what is private."""
        log.error("request %s failed: %s %s", request_id(), request.method, request.path, exc_info=exc_info)


def create_app(context: Context | None = None) -> Api:
    """Opens no connection: the first request does."""
    app = Api(__name__, title="Scriptorium", version=VERSION, docs_path=None, json_errors=False)
    app.config.update(
        AUTO_SERVERS=False,
        MAX_CONTENT_LENGTH=FORM_BYTES,  # of every body but an upload, which sets its own
        SECURITY_SCHEMES={
            "key": {"type": "http", "scheme": "bearer", "description": "An API key or an access token."},
            "metrics": {"type": "http", "scheme": "bearer", "description": "The server's metrics token."},
        },
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    context = context or build()
    app.extensions["scriptorium"] = compose(context)
    errors.install(app)
    app.url_map.converters["label"] = Label
    app.before_request(trail.begin)
    app.before_request(arrival.attend)
    app.after_request(trail.leave)  # the first one here runs last: the status is what the caller gets
    app.teardown_request(arrival.dismiss)
    rates.install(app, context.settings)
    ours = (jobs, following, recordings, webhooks, resumable, asr, usage, audit, oauth, service, metrics)
    for module in (*ours, openai, assemblyai):
        app.register_blueprint(module.routes)
    app.after_request(_headers)
    app.wsgi_app = resumable.Overridden(app.wsgi_app)  # type: ignore[method-assign]
    app.spec_processor(openapi.completed)
    return app


def _headers(response: Response) -> Response:
    response.headers["X-Request-Id"] = request_id()
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
