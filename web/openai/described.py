"""The OpenAPI description of OpenAI's audio API: it takes fields that no model of ours has."""

from typing import Any

from pydantic import BaseModel

from web.openai.asked import GRANULARITIES, TRANSCRIBE, TRANSLATE
from web.streams import EVENT


class OpenAIFault(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(BaseModel):
    error: OpenAIFault


def body(*, translate: bool) -> dict[str, Any]:
    """The requestBody."""
    text = {"type": "string"}
    form: dict[str, Any] = {
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        "model": {**text, "description": "A model of this server; whisper-1 and OpenAI's other names mean its own."},
        "prompt": text,
        "response_format": {**text, "enum": list(TRANSLATE if translate else TRANSCRIBE), "default": "json"},
        "temperature": {"type": "number", "minimum": 0, "maximum": 1},
    }
    if not translate:
        form |= {
            "language": text,
            "stream": {"type": "boolean", "default": False},
            "timestamp_granularities[]": {"type": "array", "items": {**text, "enum": list(GRANULARITIES)}},
        }
    schema = {"type": "object", "properties": form, "required": ["file", "model"]}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def answered(operation: dict[str, Any], *, translate: bool) -> None:
    """In place: what an answer may be made of, and the one shape of all refusals. 422 is 400 here."""
    found: dict[str, Any] = {
        "application/json": {"schema": {"type": "object"}},
        "text/plain": {"schema": {"type": "string"}},
    }
    if not translate:
        found["text/event-stream"] = {"schema": EVENT}
    operation["responses"]["200"]["content"] = found
    refusal = {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAIError"}}}
    operation["responses"]["400"] |= operation["responses"].pop("422")
    for status, response in operation["responses"].items():
        if status != "200":
            response["content"] = refusal
