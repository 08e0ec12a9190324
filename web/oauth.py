"""`/oauth/token`: an API key for a short-lived access token (OAuth 2.0 client credentials, RFC 6749, 4.4)."""

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel

from core import tokens
from core.errors import InvalidRequest, Unauthorized
from web import rates, trail
from web.answers import answer
from web.scope import context


class Token(BaseModel):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class OAuthError(BaseModel):
    """RFC 6749, 5.2."""

    error: str
    error_description: str


class JwkSet(BaseModel):
    """RFC 7517."""

    keys: list[dict[str, Any]]


_KEYS_FRESH = 300
"""Seconds that verifiers may keep our public keys."""
_REFUSED: Any = {
    status: {
        "description": what,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OAuthError"}}},
    }
    for status, what in {
        400: "The request is not one for a token",
        401: "The client is not known",
        408: "No byte of the body came for a while",
        413: "The body is too large",
        429: "Too many requests of this address without a known key; `Retry-After` says when to try again",
        503: "The server cannot issue tokens now",
    }.items()
}
_FORM: Any = {
    "required": True,
    "content": {
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "required": ["grant_type"],
                "properties": {
                    "grant_type": {"type": "string", "enum": ["client_credentials"]},
                    "scope": {"type": "string", "description": "Some of the key's, apart by spaces; else all."},
                    "client_id": {"type": "string", "description": "The key's id, where no Basic login has it."},
                    "client_secret": {"type": "string", "description": "The key itself."},
                },
            }
        }
    },
}

routes = APIBlueprint("oauth", __name__, tag="Access tokens")


@routes.post("/oauth/token")
@routes.output(Token)
@routes.doc(responses=_REFUSED, extensions={"requestBody": _FORM})
def token() -> Response:
    """An access token for an API key

    The client's id is the key's id, its secret the key; by HTTP Basic, or in the form.
    """
    form = request.form
    if form.get("grant_type") != "client_credentials":
        code = "unsupported_grant_type" if form.get("grant_type") else "invalid_request"
        raise InvalidRequest("grant_type: must be client_credentials", code=code)
    trail.note(parameters=form)
    try:
        client_id, secret = _client()
        trail.note(ids={"client_id": client_id})
        issued = tokens.issue(context(), client_id, secret, form.get("scope"))
    except Unauthorized:
        rates.count_refused(context().settings)
        raise
    trail.acts(issued.caller)
    return answer(
        {
            "access_token": issued.token,
            "token_type": "Bearer",
            "expires_in": issued.seconds,
            "scope": " ".join(issued.scopes),
        }
    )


def _client() -> tuple[str, str]:
    """Raises Unauthorized."""
    login = request.authorization
    if login is not None and login.type == "basic":
        return login.username or "", login.password or ""
    found = request.form.get("client_id", ""), request.form.get("client_secret", "")
    if not all(found):
        raise Unauthorized("send the key's id and the key by HTTP Basic, or as client_id and client_secret")
    return found


@routes.get("/.well-known/jwks.json")
@routes.output(JwkSet)
def jwks() -> Response:
    """The public keys of our access tokens, for who verifies them elsewhere"""
    response = answer(tokens.jwks(context()))
    response.headers["Cache-Control"] = f"public, max-age={_KEYS_FRESH}"
    return response
