"""What OpenAPI says of resumable uploads: their headers, the methods that APIFlask passes over, and the errors."""

from typing import Any

from pydantic import BaseModel, Field

from web import tus

_PATHS = ("/v1/uploads", "/v1/uploads/{upload_id}")
_REFUSALS = {
    "400": "A header of the protocol is missing, malformed, or of a part of it that is not spoken here",
    "409": "`Upload-Offset` is not where the stored bytes end",
    "412": "`Tus-Resumable` is not one of `Tus-Version`",
    "422": "The bytes are stored, and are no recording; or a part of the address is refused",
    "423": "Another request is at this upload, or overtook this one",
    "429": "The caller has too many unfinished uploads",
    "460": "The bytes are not those of `Upload-Checksum`; none is kept",
}
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "Tus-Resumable": (f"The version of the protocol: {tus.VERSION}. Another, or none, is answered 412.", _TEXT),
    "Upload-Length": ("Bytes of the whole upload.", _COUNT),
    "Upload-Offset": ("Bytes that are stored already.", _COUNT),
    "Upload-Metadata": (
        "`key base64, key base64`. `filename` becomes the recording's; all is told again as it is.",
        {"type": "string", "maxLength": tus.LONGEST_METADATA},
    ),
    "Upload-Checksum": (f"`sha1 base64` of this body; of {', '.join(tus.ALGORITHMS)}.", _TEXT),
}
_TOLD: dict[str, tuple[str, dict[str, Any]]] = {
    "Tus-Resumable": ("The version of the protocol.", _TEXT),
    "Tus-Version": ("The versions that are spoken here.", _TEXT),
    "Tus-Extension": ("The extensions that are spoken here.", _TEXT),
    "Tus-Max-Size": ("Bytes of the largest upload.", _COUNT),
    "Tus-Checksum-Algorithm": ("What `Upload-Checksum` may begin with.", _TEXT),
    "Location": ("The upload's address.", _TEXT),
    "Upload-Offset": ("Bytes that are safe.", _COUNT),
    "Upload-Length": ("Bytes of the whole upload.", _COUNT),
    "Upload-Metadata": ("As it was given.", _TEXT),
    "Upload-Expires": ("When the upload is removed if nothing comes (RFC 9110).", _TEXT),
    "Scriptorium-Recording": ("The id of the recording that it became.", _TEXT),
    "Scriptorium-Error": ("The code of why it became none.", _TEXT),
    "Link": ("The recording's address.", _TEXT),
}
_STANDING = (
    "Tus-Resumable", "Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Expires", "Scriptorium-Recording",
    "Scriptorium-Error", "Link",
)  # fmt: skip
_CAPABILITIES = ("Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm")


class UploadError(BaseModel):
    code: str
    message: str


class UploadOut(BaseModel):
    """A resumable upload: `offset` of its `length` bytes are safe."""

    id: str
    offset: int = Field(ge=0)
    length: int = Field(ge=0)
    filename: str
    expires_at: str
    finished: bool = Field(description="It has all its bytes, and a `recording_id` or an `error`.")
    recording_id: str | None
    error: UploadError | None


def body(required: bool) -> dict[str, Any]:
    """The requestBody of bytes."""
    shape = {"type": "string", "contentMediaType": "application/octet-stream"}
    return {"required": required, "content": {tus.MEDIA_TYPE: {"schema": shape}}}


def describe(paths: dict[str, Any]) -> None:
    there, one = (paths[path] for path in _PATHS)
    one["head"] = _head(one["get"])
    _ask(
        there["post"],
        {"Tus-Resumable": False, "Upload-Length": True, "Upload-Metadata": False, "Upload-Checksum": False},
    )
    _ask(one["patch"], {"Tus-Resumable": False, "Upload-Offset": True, "Upload-Checksum": False})
    _ask(one["head"], {"Tus-Resumable": False})
    _ask(one["delete"], {"Tus-Resumable": False})
    _refuse(there["post"], "400", "412", "422", "429", "460")
    _refuse(one["patch"], "400", "409", "412", "422", "423", "460")
    _refuse(one["delete"], "412", "423")
    there["post"]["responses"]["201"]["headers"] = _told("Location", *_STANDING)
    one["patch"]["responses"]["204"]["headers"] = _told(*_STANDING)
    one["patch"]["responses"]["422"]["headers"] = _told(*_STANDING)
    one["get"]["responses"]["200"]["headers"] = _told(*_STANDING)
    for operations in (there, one):
        operations["options"] = _options(operations)


def _head(get: dict[str, Any]) -> dict[str, Any]:
    """As GET, without bodies."""
    statuses = {**{status: found["description"] for status, found in get["responses"].items()}, "412": _REFUSALS["412"]}
    responses: dict[str, Any] = {status: {"description": said} for status, said in statuses.items()}
    responses["200"]["headers"] = _told(*_STANDING)
    return {
        "tags": get["tags"],
        "summary": "How far an upload has come",
        "parameters": [*get["parameters"]],
        "responses": responses,
        "security": get["security"],
    }


_NOWHERE = {
    "404": {
        "description": "This is no upload's address",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


def _options(operations: dict[str, Any]) -> dict[str, Any]:
    parameters = [one for one in operations.get("get", {}).get("parameters", []) if one["in"] == "path"]
    answer = {"description": "What is spoken here", "headers": _told(*_CAPABILITIES)}
    return {
        "tags": ["Uploads"],
        "summary": "What of tus is spoken here",
        "description": "Needs no key.",
        "parameters": parameters,
        "responses": {"204": answer, **(_NOWHERE if parameters else {})},
        "security": [],
    }


def _ask(operation: dict[str, Any], headers: dict[str, bool]) -> None:
    for name, required in headers.items():
        said, shape = _ASKED[name]
        operation["parameters"].append(
            {"name": name, "in": "header", "required": required, "description": said, "schema": shape}
        )


def _refuse(operation: dict[str, Any], *statuses: str) -> None:
    for status in statuses:
        operation["responses"][status] = {"description": _REFUSALS[status], "content": _PROBLEM}


def _told(*names: str) -> dict[str, Any]:
    return {name: {"description": _TOLD[name][0], "schema": _TOLD[name][1]} for name in names}
