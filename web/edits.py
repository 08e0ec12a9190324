"""Small JSON bodies: what a caller changes of a job."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from core.states import Kind


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
