"""A dict of core -> the JSON answer: a Response, since APIFlask validates anything else against its model again."""

from typing import Any

from flask import Response, jsonify


def answer(body: dict[str, Any], status: int = 200, location: str | None = None) -> Response:
    response = jsonify(body)
    response.status_code = status
    if location is not None:
        response.headers["Location"] = location
    return response
