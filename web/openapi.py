"""What no decorator says of the API: which routes need a key, and what their errors are."""

import json
import re
from typing import Any

from pydantic import BaseModel

from core.formats import FORMATS
from web.schemas import AsrFailure, AsrPending, Problem

_REFUSALS = {
    "401": "The key is missing or unknown",
    "404": "There is nothing of this id here",
    "410": "It was deleted",
    "413": "The recording is too large",
    "422": "A field or parameter is refused; `errors` names it",
    "503": "The server cannot take this now; `Retry-After` says when to try again",
}


def completed(spec: Any) -> Any:
    """The OpenAPI document with keys and errors. APIFlask's own error responses are not problem details."""
    spec = _flat(spec)
    for model in (Problem, AsrFailure, AsrPending):
        _add(spec["components"]["schemas"], model)
    for path, operations in spec["paths"].items():
        for operation in operations.values():
            if path.startswith("/v1/"):
                operation["security"] = [{"key": []}]
                _refuse(path, operation)
    found = spec["paths"]["/v1/jobs/{job_id}/transcript"]["get"]["responses"]["200"]
    found["content"].update(
        {one.media_type: {"schema": {"type": "string"}} for name, one in FORMATS.items() if name != "json"}
    )
    accepted = spec["paths"]["/v1/asr"]["post"]["responses"]["202"]
    accepted["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/AsrPending"}}}
    return spec


def _refuse(path: str, operation: dict[str, Any]) -> None:
    simple = path == "/v1/asr"
    shape = {"schema": {"$ref": f"#/components/schemas/{'AsrFailure' if simple else 'Problem'}"}}
    content = {"application/json" if simple else "application/problem+json": shape}
    for status in _statuses(path, operation):
        operation["responses"].setdefault(status, {"description": _REFUSALS[status], "content": content})


def _statuses(path: str, operation: dict[str, Any]) -> list[str]:
    found = ["401", "503"]
    if "{" in path:
        found += ["404", "410"]
    if "requestBody" in operation:
        found += ["413"]
    if "requestBody" in operation or any(one["in"] == "query" for one in operation["parameters"]):
        found += ["422"]
    return sorted(found)


def _flat(spec: dict[str, Any]) -> dict[str, Any]:
    """APIFlask repeats an inner model under each outer one, as `JobPage.Job`: here each has one name."""
    flat: dict[str, Any] = json.loads(re.sub(r"(#/components/schemas/)\w+\.", r"\1", json.dumps(spec)))
    schemas = flat["components"]["schemas"]
    flat["components"]["schemas"] = {name.rpartition(".")[2]: schema for name, schema in schemas.items()}
    return flat


def _add(schemas: dict[str, Any], model: type[BaseModel]) -> None:
    described = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(described.pop("$defs", {}))
    schemas[model.__name__] = described
