"""What no decorator says of the API: which routes need a key, how a recording is sent, and what the errors are."""

import json
import re
from typing import Any

from pydantic import BaseModel

from core.formats import FORMATS
from core.options import Options, Participant, Track, Webhook
from core.outgoing import LONGEST
from core.tracks import MOST_TRACKS
from web import tus_described
from web.assemblyai import described as assemblyai
from web.assemblyai.asked import TranscriptParams
from web.digests import CONTENT_DIGEST, RECORDING_SHA256
from web.oauth import OAuthError
from web.openai import described
from web.recordings import described as recordings
from web.schemas import Problem
from web.simple import AsrFailure, AsrPending
from web.streams import EVENT
from web.upload import ELSEWHERE, RECORDING_ID, SOURCE_URL

_REFUSALS = {
    "400": "The body is not what its Content-Type says",
    "401": "The key is missing or unknown",
    "403": "The key lacks the scope that this takes",
    "404": "There is nothing of this id here",
    "408": "No byte of the body came for a while; send it again",
    "409": "Its state does not allow this now",
    "410": "It was deleted",
    "413": "The recording is too large",
    "415": "The body is of a type that is not taken here",
    "416": "Nothing of the recording is in this range",
    "422": "A field or parameter is refused; `errors` names it",
    "429": "Too many requests of this key (`rate_limited`), or the month's audio is spent (`quota_exceeded`)",
    "503": "The server cannot take this now; `Retry-After` says when to try again",
}
_REFERENCE = "#/components/schemas/{model}"
_CONFLICTS = ("/retry", "/transcript", "/audio", "/speakers/merge", "/speakers/{label}")
_UPLOADS = ("/v1/jobs", "/v1/asr", "/v1/recordings")
_UPLOAD_HEADERS = {
    "Idempotency-Key": "1 to 255 visible ASCII characters, new for each new job. Within 24 hours the same key with the "
    "same recording and options gives the same job; with others it is refused as `idempotency_mismatch`.",
    CONTENT_DIGEST: "RFC 9530, `sha-256=:…:` or `sha-512=:…:`, over the whole body as it is sent. The recording's part "
    "of a form may carry one of its own, over the part. Bytes that differ are refused as `digest_mismatch`.",
    RECORDING_SHA256: "The SHA-256 of the recording's own bytes, as 64 hexadecimal digits.",
}
_BY_URL = (
    "An http or https URL of the recording on a public server, fetched once the job is made. Its query, which may be a "
    "secret, is not shown again."
)
_HEADER_SCHEMAS: dict[str, dict[str, Any]] = {
    "Idempotency-Key": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
    CONTENT_DIGEST: {"type": "string"},
    RECORDING_SHA256: {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
}
_ASSEMBLYAI = (assemblyai.AssemblyAIError, TranscriptParams)
_LOCATION = {"Location": {"description": "The job's address.", "schema": {"type": "string"}}}
_ETAG = {"ETag": {"description": "Of these bytes.", "schema": {"type": "string"}}}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "An `ETag` that was sent before: 304 where it still holds.",
    "schema": {"type": "string"},
}
_RATE = {
    f"RateLimit-{name}": {"description": said, "schema": {"type": "integer"}}
    for name, said in (
        ("Limit", "Requests a minute; absent where there is no limit."),
        ("Remaining", "Requests that are left."),
        ("Reset", "Seconds until all are free again."),
    )
}
_TOO_LONG = {
    "description": "The address with its parameters is too long",
    "content": {"text/html": {"schema": {"type": "string"}}},
}
"""The web server's own word: no route was looked for yet."""
_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def completed(spec: Any) -> Any:
    """The OpenAPI document with keys and errors. APIFlask's own error responses are not problem details."""
    spec = _flat(spec)
    ours = (Problem, AsrFailure, AsrPending, described.OpenAIError, OAuthError, Track, Participant, Webhook)
    for model in (*ours, *_ASSEMBLYAI):
        _add(spec["components"]["schemas"], model)
    for path, operations in spec["paths"].items():
        for operation in operations.values():
            if path.startswith(("/v1/", "/v2/")):
                operation["security"] = [{"key": []}]
                _refuse(path, operation)
    _describe_transcript(spec["paths"]["/v1/jobs/{job_id}/transcript"]["get"])
    _describe_events(spec["paths"]["/v1/jobs/{job_id}/events"]["get"])
    _describe_filters(spec["paths"]["/v1/jobs"]["get"]["parameters"])
    accepted = spec["paths"]["/v1/asr"]["post"]["responses"]["202"]
    accepted["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/AsrPending"}}}
    _describe_uploads(spec["paths"])
    recordings.completed(spec["paths"])
    assemblyai.completed(spec["paths"])
    for name in ("transcriptions", "translations"):
        described.answered(spec["paths"][f"/v1/audio/{name}"]["post"], translate=name == "translations")
    tus_described.describe(spec["paths"])
    for path, operations in spec["paths"].items():
        if path.startswith(("/v1/", "/v2/")):
            for operation in operations.values():
                if operation["security"]:  # what needs no key is not counted
                    _tell_rates(operation["responses"])
    spec["paths"]["/metrics"]["get"]["security"] = [{"metrics": []}, {}]  # the server's own machine needs no token
    return spec


def upload_body(part: str, *, raw: bool = False) -> dict[str, Any]:
    """The requestBody of a route that takes a recording in `part`, as base64 in `audio`, or several as `tracks`; `raw`:
    or as the body itself."""
    options = Options.model_json_schema(ref_template=_REFERENCE)["properties"]
    sound = {"type": "string", "contentMediaType": "application/octet-stream"}
    form = {part: sound, **options, "tracks": {"type": "array", "items": sound, "maxItems": MOST_TRACKS}}
    form["tracks"]["description"] = "One recording a participant, instead of one for all; `options` may describe them."
    form["options"] = {"type": "string", "contentMediaType": "application/json", "description": "All options as JSON."}
    form[RECORDING_ID] = named = {"type": "string", "format": "uuid", "description": "One that is here already."}
    form[SOURCE_URL] = url = {"type": "string", "format": "uri", "maxLength": LONGEST, "description": _BY_URL}
    audio = {"type": "string", "contentEncoding": "base64"}
    encoded = {"audio": audio, RECORDING_ID: named, SOURCE_URL: url, **options}
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _either(form, part, "tracks", *ELSEWHERE)},
            "application/json": {"schema": _either(encoded, "audio", *ELSEWHERE)},
            **(recordings.raw_content() if raw else {}),
        },
    }


def _either(properties: dict[str, Any], *names: str) -> dict[str, Any]:
    """An object that has one of these."""
    return {"type": "object", "properties": properties, "oneOf": [{"required": [name]} for name in names]}


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """The requestBody of a route that takes JSON; or nothing, where nothing of it is required."""
    required = any(field.is_required() for field in model.model_fields.values())
    return {"required": required, "content": {"application/json": {"schema": model.model_json_schema()}}}


def _describe_transcript(operation: dict[str, Any]) -> None:
    found = operation["responses"]["200"]
    for name, one in FORMATS.items():
        if name != "json":
            text = "charset" in one.media_type
            shape = {"type": "string"} if text else {"type": "string", "contentMediaType": one.media_type}
            found["content"][one.media_type] = {"schema": shape}
    operation["responses"]["304"] = {"description": "It is as `If-None-Match` says", "headers": _ETAG}
    operation["parameters"].append(_IF_NONE_MATCH)
    found["headers"] = _ETAG


def _describe_events(operation: dict[str, Any]) -> None:
    operation["responses"]["200"]["content"] = {"text/event-stream": {"schema": EVENT}}
    said = "The id of the last event that came; the stream goes on behind it."
    schema = {"type": "string", "maxLength": 100}
    operation["parameters"].append(
        {"name": "Last-Event-ID", "in": "header", "required": False, "description": said, "schema": schema}
    )


def _describe_filters(parameters: list[dict[str, Any]]) -> None:
    """`status` is one parameter; each key of `metadata` is one of its own, with its name in full."""
    for one in parameters:
        if one["name"] == "status":
            one |= {"style": "form", "explode": False}
        if one["name"] == "metadata":
            one |= {"style": "form", "explode": True}
            one["schema"]["propertyNames"] = {"pattern": r"^metadata\..{1,100}$"}


def _describe_uploads(paths: dict[str, Any]) -> None:
    for path in _UPLOADS:
        operation = paths[path]["post"]
        operation["parameters"] += [
            {"name": name, "in": "header", "required": False, "description": said, "schema": _HEADER_SCHEMAS[name]}
            for name, said in _UPLOAD_HEADERS.items()
        ]
        if "202" in operation["responses"]:
            operation["responses"]["202"]["headers"] = _LOCATION
    answers = paths["/v1/jobs"]["post"]["responses"]
    answers["200"] = {**answers["202"], "description": "The job that this `Idempotency-Key` made before"}


def _refuse(path: str, operation: dict[str, Any]) -> None:
    simple = path == "/v1/asr"
    shape = {"schema": {"$ref": f"#/components/schemas/{'AsrFailure' if simple else 'Problem'}"}}
    content = {"application/json" if simple else "application/problem+json": shape}
    for status in _statuses(path, operation):
        said = {"description": _REFUSALS[status], "content": content}
        operation["responses"][status] = said | operation["responses"].get(status, {})
    if any(one["in"] == "query" for one in operation["parameters"]):
        operation["responses"]["414"] = {**_TOO_LONG}


def _tell_rates(responses: dict[str, Any]) -> None:
    """Every answer to a caller who is known says what is left."""
    for status, response in responses.items():
        told = {**_RATE, **_RETRY_AFTER} if status in ("429", "503") else _RATE
        responses[status] = {**response, "headers": {**response.get("headers", {}), **told}}


def _statuses(path: str, operation: dict[str, Any]) -> list[str]:
    found = ["401", "403", "429", "503", *(set(operation["responses"]) & set(_REFUSALS))]
    if "{" in path:
        found += ["404", "410"]
    if path.endswith(_CONFLICTS):
        found += ["409"]
    if path in _UPLOADS and "requestBody" in operation:
        found += ["404", "409", "410"]
    if "requestBody" in operation:
        found += ["400", "408", "413", "415"]
    if "requestBody" in operation or any(one["in"] == "query" for one in operation["parameters"]):
        found += ["422"]
    return sorted(set(found))


def _flat(spec: dict[str, Any]) -> dict[str, Any]:
    """APIFlask repeats an inner model under each outer one, as `JobPage.Job`: here each has one name."""
    flat: dict[str, Any] = json.loads(re.sub(r"(#/components/schemas/)\w+\.", r"\1", json.dumps(spec)))
    schemas = flat["components"]["schemas"]
    flat["components"]["schemas"] = {name.rpartition(".")[2]: schema for name, schema in schemas.items()}
    return flat


def _add(schemas: dict[str, Any], model: type[BaseModel]) -> None:
    described = model.model_json_schema(ref_template=_REFERENCE)
    schemas.update(described.pop("$defs", {}))
    schemas[model.__name__] = described
