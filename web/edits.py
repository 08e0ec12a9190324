"""Small JSON bodies: how any is read, and those by which a caller changes a job."""

from typing import Annotated, TypeVar

from flask import request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from core.states import Kind
from web import trail
from web.encoded import json_object
from web.fields import plain, refusal

T = TypeVar("T", bound=BaseModel)


def body(model: type[T]) -> T:
    """The request's JSON; no body is one without fields. Raises InvalidRequest."""
    content = request.stream.read()
    if content and request.mimetype != "application/json":
        raise UnsupportedMediaType("send the body as application/json, or none")
    given = json_object(content) if content else {}
    trail.note(parameters=given)
    try:
        return model.model_validate(plain("body", given))
    except ValidationError as error:
        raise refusal(error, model) from error


class RetryBody(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: str | None = Field(
        None,
        description="Run this one and what follows it again, also where it succeeded: " + ", ".join(Kind) + ".",
    )


class SpeakerName(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = Field(
        description="What the speaker is called; `null` takes a name away."
    )


class SpeakerMerge(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    into: str = Field(max_length=100, description="The label that stays.")
    labels: list[str] = Field(min_length=1, max_length=100, description="The labels that become that one.")
