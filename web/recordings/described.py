"""The OpenAPI description of what no decorator says of recordings."""

from typing import Any

from web.upload import FILENAME

_BYTES = {"type": "string", "contentMediaType": "application/octet-stream"}
_TEXT = {"type": "string"}
_NAME = {
    "name": FILENAME,
    "in": "query",
    "required": False,
    "description": "Of a body that is the recording itself, where no `Content-Disposition` names it.",
    "schema": _TEXT,
}
_RANGE = {
    "Range": "One range of bytes, such as `bytes=0-1023` or `bytes=-500`: 206. Several are answered with the whole.",
    "If-Range": "An `ETag` that was sent before: where it is another by now, `Range` counts for nothing.",
    "If-None-Match": "An `ETag` that was sent before: 304 where it still holds.",
}


def raw_content() -> dict[str, Any]:
    """A body that is the recording itself."""
    return {media: {"schema": _BYTES} for media in ("application/octet-stream", "audio/*", "video/*")}


def body() -> dict[str, Any]:
    """The requestBody of POST /v1/recordings."""
    form = {"type": "object", "properties": {"file": _BYTES}, "required": ["file"]}
    encoded = {"audio": {"type": "string", "contentEncoding": "base64"}, FILENAME: _TEXT}
    json = {"type": "object", "properties": encoded, "required": ["audio"], "additionalProperties": False}
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": json}}
    return {"required": True, "content": content | raw_content()}


def completed(paths: dict[str, Any]) -> None:
    """In place."""
    kept = paths["/v1/recordings"]["post"]
    kept["parameters"].append(_NAME)
    kept["responses"]["201"]["headers"] = {"Location": {"description": "The recording's address.", "schema": _TEXT}}
    first = "The recording that this `Idempotency-Key` kept before"
    kept["responses"]["200"] = {**kept["responses"]["201"], "description": first}
    _heard(paths["/v1/recordings/{recording_id}/audio"]["get"])


def _heard(operation: dict[str, Any]) -> None:
    headers = {name: {"schema": _TEXT} for name in ("ETag", "Accept-Ranges", "Content-Disposition")}
    part = {**headers, "Content-Range": {"schema": _TEXT}}
    answers, sound = operation["responses"], {"*/*": {"schema": _BYTES}}
    answers["200"] |= {"content": sound, "headers": headers}
    answers["206"] = {"description": "The part that `Range` asked for", "content": sound, "headers": part}
    answers["304"] = {"description": "It is as `If-None-Match` says"}
    answers["416"]["headers"] = {"Content-Range": {"description": "`bytes */` and the length.", "schema": _TEXT}}
    operation["parameters"] += [
        {"name": name, "in": "header", "required": False, "description": said, "schema": _TEXT}
        for name, said in _RANGE.items()
    ]
