"""The shapes that the routes of webhooks give."""

from typing import Any

from pydantic import BaseModel, Field

from web.schemas import DeliveryState


class WebhookOut(BaseModel):
    id: str
    url: str
    description: str
    events: list[str] = Field(description="Empty: all.")
    include: list[str]
    public_key: str | None = Field(description="What checks its `v1a` signatures, where it has them.")
    rotating_until: str | None = Field(description="Until then the secret before this one signs too.")
    disabled: bool
    disabled_at: str | None
    disabled_reason: str | None = Field(description="`by_owner`, `gone` (it answered 410) or `only_failures`.")
    failures: int = Field(description="In a row, up to now.")
    failing_since: str | None
    created_at: str


class WebhookWithSecret(WebhookOut):
    secret: str = Field(description="Shown this one time.")


class WebhookPage(BaseModel):
    webhooks: list[WebhookOut]
    next_cursor: str | None


class DeliveryOut(BaseModel):
    """One event on its way to one webhook. `event_id` is what it bears as `webhook-id`."""

    id: str
    webhook_id: str
    event_id: str
    type: str
    job_id: str | None
    sequence: int | None
    status: DeliveryState
    tries: int = Field(description="Of the schedule, used so far.")
    created_at: str
    next_try_at: str | None
    finished_at: str | None


class DeliveryPage(BaseModel):
    deliveries: list[DeliveryOut]
    next_cursor: str | None


class AttemptError(BaseModel):
    code: str = Field(description="`status`, `redirect`, `timeout`, `unreachable`, `forbidden` or `worker_lost`.")
    message: str


class AttemptOut(BaseModel):
    attempt: int
    started_at: str
    seconds: float | None
    status_code: int | None
    address: str | None = Field(description="What the name of its host led to.")
    error: AttemptError | None
    answer: str | None = Field(description="The first KiB of what the receiver said.")


class DeliveryWithAttempts(DeliveryOut):
    attempts: list[AttemptOut]


class Recovered(BaseModel):
    queued: int = Field(description="Deliveries that are due now.")


class EventOut(BaseModel):
    """As it is sent to webhooks, with its `webhook-id` and its place."""

    id: str
    position: int
    type: str
    timestamp: str
    data: dict[str, Any]


class EventPage(BaseModel):
    events: list[EventOut]
    next_after: int = Field(description="`after` of the next page, also where nothing is new.")
