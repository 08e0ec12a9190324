"""Form fields -> options: text becomes what the option's type wants; and how a field is refused. Pure."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

from core.errors import InvalidRequest, fault
from core.options import Options, described

T = TypeVar("T")

_PROPERTIES: dict[str, Any] = Options.model_json_schema()["properties"]


def options_of(fields: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Of form fields, and of the field `options` that holds a JSON object. An empty field, as browsers send for an
    input left empty, is absent. Raises InvalidRequest; whether an option exists, and its value fits, Options says."""
    given: dict[str, Any] = {}
    for name, text in fields:
        if not text.strip():
            continue
        found = _object(name, text) if name == "options" else {name: _value(name, text)}
        for option, value in found.items():
            given[option] = _merged(option, given.get(option), value)
    return plain("options", {option: value for option, value in given.items() if value is not None})


def plain(field: str, value: T) -> T:
    """The value itself. Raises InvalidRequest where a text in it holds what Postgres cannot keep: NUL, half of a
    surrogate pair. Without recursion, since a caller chooses how deep the value is."""
    left: list[tuple[str, Any]] = [(field, value)]
    while left:
        name, one = left.pop()
        if isinstance(one, str) and ("\0" in one or any("\ud800" <= char <= "\udfff" for char in one)):
            raise fault(name, "holds a character that cannot be stored")
        if isinstance(one, dict):
            left += [(name, key) for key in one] + list(one.items())
        elif isinstance(one, list):
            left += [(name, inner) for inner in one]
    return value


def once(given: MultiDict[str, str]) -> None:
    """Raises InvalidRequest where a parameter comes twice: one of the two would say nothing."""
    for name, values in given.lists():
        if len(values) > 1:
            raise fault(name, "is given twice")


def refusal(error: ValidationError, model: type[BaseModel]) -> InvalidRequest:
    """The refusal that names each field which `model` does not take."""
    found = [described(one, model) for one in error.errors()]
    return InvalidRequest("; ".join(f"{one['field']}: {one['message']}" for one in found), errors=found)


def _value(name: str, text: str) -> Any:
    """Numbers and booleans are read by Options itself."""
    told = _PROPERTIES.get(name, {})
    kind = told.get("type")
    if kind == "object" or any("$ref" in one for one in told.get("anyOf", ())):
        return _object(name, text)
    if kind == "array":
        objects = "$ref" in told.get("items", {})
        found = _json(name, text) if objects or text.lstrip().startswith("[") else text
        return found if isinstance(found, list) else [found]
    return text


def _merged(option: str, before: Any, value: Any) -> Any:
    """A list may come as several fields of one name; anything else once."""
    if before is None:
        return value
    if isinstance(before, list) and isinstance(value, list):
        return before + value
    raise fault(option, "is given twice")


def _object(name: str, text: str) -> dict[str, Any]:
    found = _json(name, text)
    if not isinstance(found, dict):
        raise fault(name, "must be a JSON object")
    return found


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise fault(name, "is not valid JSON") from error
