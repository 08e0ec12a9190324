"""The JSON bodies that the routes of webhooks take."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from core.outgoing import LONGEST
from core.webhooks.types import AnyEvent
from web.queries import Moment

Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)]
Text = Annotated[str, StringConstraints(max_length=500)]
OVERLAP = 86_400.0
"""Seconds that an old secret goes on signing, where nothing else is said."""


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NewWebhook(Body):
    url: Url = Field(description="http or https, of a public server, or where this server's operator lets it send.")
    events: tuple[AnyEvent, ...] = Field((), max_length=20, description="What to tell it; all where absent.")
    include: tuple[Literal["transcript"], ...] = Field(
        (), max_length=1, description="`transcript`: `job.completed` brings it along, up to 256 KiB."
    )
    description: Text = ""
    secret: SecretStr | None = Field(None, description="`whsec_` and 24 to 64 bytes in base64; made where absent.")
    ed25519: bool = Field(False, description="Sign as `v1a` too, with a key whose public half anybody may have.")


class WebhookChange(Body):
    """What is absent, or null, stays."""

    url: Url | None = None
    events: tuple[AnyEvent, ...] | None = Field(None, max_length=20)
    include: tuple[Literal["transcript"], ...] | None = Field(None, max_length=1)
    description: Text | None = None
    disabled: bool | None = None


class Rotation(Body):
    overlap_seconds: float = Field(OVERLAP, ge=0, le=30 * 86_400, description="The old secret signs too for so long.")
    secret: SecretStr | None = Field(None, description="Of your own; made where absent.")


class Recovery(Body):
    since: Moment
    until: Moment | None = Field(None, description="The present where absent.")


def revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
