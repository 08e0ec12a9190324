"""Every error becomes an answer here, and only here: RFC 9457 problem details, or the status shape of /v1/asr."""

import json
import logging
from http import HTTPStatus
from typing import Any

from apiflask.exceptions import HTTPError
from flask import Flask, Response, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from core.errors import ScriptoriumError
from web.fields import refusal
from web.queries import QUERIES
from web.scope import request_id

log = logging.getLogger(__name__)

OPENAI = "/v1/audio/"
OAUTH = "/oauth/"
ASSEMBLYAI = "/v2/"
_PASSING = (408, 409, 429)
"""Statuses below 500 that may be others in a moment."""
_LASTING = ("quota_exceeded",)
"""Codes that stay for days, whatever their status says."""
RETRY_AFTER = 10
"""Seconds after which a caller may try again where the error does not say."""

_CODES = {400: "bad_request", 413: "upload_too_large", 500: "internal_error"}
_DETAILS = {
    404: "there is nothing at this address",
    413: "the request is larger than this server takes; send a smaller file",
    500: "something went wrong on the server; it is logged under this request_id",
}


def install(app: Flask) -> None:
    """Flask hands unexpected exceptions to the HTTPException handler, as a 500, once it has logged them."""
    app.register_error_handler(ScriptoriumError, from_core)
    app.register_error_handler(HTTPError, from_apiflask)
    app.register_error_handler(HTTPException, from_werkzeug)


def from_core(error: ScriptoriumError) -> Response:
    if error.status >= 500:
        log.warning("request %s: %s: %s", request_id(), error.code, error.message, exc_info=error.status == 500)
    response = problem(error.status, error.code, error.message, error.details.get("errors"))
    if error.status in (429, 503):
        response.headers["Retry-After"] = str(error.details.get("retry_after", RETRY_AFTER))
    if error.status == 401 and "WWW-Authenticate" not in response.headers:
        given = ', error="invalid_token"' if "Authorization" in request.headers else ""
        response.headers["WWW-Authenticate"] = f'Bearer realm="scriptorium"{given}'
    if error.status == 403 and "scope" in error.details:
        told = f'error="insufficient_scope", scope="{error.details["scope"]}"'
        response.headers["WWW-Authenticate"] = f'Bearer realm="scriptorium", {told}'
    return response


def from_apiflask(error: HTTPError) -> Response:
    """A query that its model refuses. The model's own words are in the cause."""
    if not isinstance(error.__cause__, ValidationError):
        return problem(error.status_code, _code(error.status_code), error.message or "")
    return from_core(refusal(error.__cause__, QUERIES[error.__cause__.title]))


def from_werkzeug(error: HTTPException) -> Response:
    status = error.code or 500
    response = problem(status, _code(status), _DETAILS.get(status) or error.description or HTTPStatus(status).phrase)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def problem(status: int, code: str, detail: str, errors: list[dict[str, Any]] | None = None) -> Response:
    if request.path == "/v1/asr":
        return _json(status, "application/json", {"status": "error", "error": {"code": code, "message": detail}})
    if request.path.startswith(OAUTH):
        return _oauth(status, code, detail)
    if request.path.startswith(ASSEMBLYAI):
        return _json(400 if status in (409, 422) else status, "application/json", {"error": detail})
    if request.path.startswith(OPENAI):
        return _openai(status, code, detail, errors)
    body: dict[str, Any] = {
        "type": f"urn:scriptorium:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id(),
    }
    return _json(status, "application/problem+json", {**body, "errors": errors} if errors else body)


def _openai(status: int, code: str, detail: str, errors: list[dict[str, Any]] | None) -> Response:
    """OpenAI's shape, and its word to clients that what is wrong stays wrong: they would send the recording again."""
    status = 400 if status == 422 else status
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    found = {"message": detail, "type": kind, "param": errors[0]["field"] if errors else None, "code": code}
    response = _json(status, "application/json", {"error": found})
    if (status < 500 and status not in _PASSING) or code in _LASTING:
        response.headers["x-should-retry"] = "false"
    return response


def _oauth(status: int, code: str, detail: str) -> Response:
    """RFC 6749, 5.2."""
    status = 400 if status == 422 else status
    known = {
        400: code,
        401: "invalid_client",
        429: "temporarily_unavailable",
        500: "server_error",
        503: "temporarily_unavailable",
    }
    named = known.get(status, "invalid_request")
    response = _json(status, "application/json", {"error": named, "error_description": detail})
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="scriptorium"'
    return response


def _code(status: int) -> str:
    return _CODES.get(status) or HTTPStatus(status).name.lower()


def _json(status: int, media_type: str, body: dict[str, Any]) -> Response:
    return Response(json.dumps(body), status, content_type=media_type)
