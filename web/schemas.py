"""The shapes that the API gives, as OpenAPI shows them. Answers are core's own dicts: these describe them, and the
tests hold the two together."""

from typing import Any, Literal

from pydantic import BaseModel, Field

JobStatus = Literal["queued", "processing", "completed", "failed", "cancelled"]


DeliveryState = Literal["pending", "delivering", "delivered", "failed", "cancelled"]


class FieldError(BaseModel):
    field: str
    message: str
    allowed: list[str] | None = None


class Problem(BaseModel):
    """RFC 9457. `code` is stable."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldError] | None = None


class Stage(BaseModel):
    status: str
    progress: float = Field(ge=0, le=1)
    seconds: float = Field(description="Working time so far.")
    cached: int | None = Field(None, description="Chunks that were known already; of `transcribe`.")


class RecordingInfo(BaseModel):
    """What nobody has looked for yet is null."""

    id: str
    filename: str
    duration: float | None = Field(description="Seconds; until it was decoded, what its container claims.")
    channels: int | None
    codec: str | None
    container: str | None = Field(description="FFmpeg's names of the format, such as `matroska,webm`.")
    bytes: int | None = Field(description="Null until it was fetched, where it comes by URL.")
    sha256: str | None
    created_at: str
    deleted_at: str | None = Field(description="Its bytes are gone since then; a job of it keeps its transcript.")


class RecordingPage(BaseModel):
    recordings: list[RecordingInfo]
    next_cursor: str | None


class Model(BaseModel):
    name: str
    revision: str | None


class Warned(BaseModel):
    code: str
    message: str
    stage: str | None


class JobError(Warned):
    retryable: bool


class TrackOut(BaseModel):
    """One of several sounds of a job: a channel of its recording, or a recording of its own."""

    index: int
    channel: int | None
    offset_seconds: float
    name: str | None
    recording: RecordingInfo


class Job(BaseModel):
    """Times are RFC 3339 in UTC; seconds are floats."""

    id: str
    status: JobStatus
    run: int = Field(description="Grows with each retry.")
    progress: float = Field(ge=0, le=1)
    eta_seconds: float | None
    queue_position: int | None
    stages: dict[str, Stage]
    options: dict[str, Any]
    recording: RecordingInfo
    source_url: str | None = Field(description="Where the recording is fetched, without the query.")
    tracks: list[TrackOut] = Field(description="Of a job with several sounds; else empty.")
    language: str | None
    language_probability: float | None
    confidence: float | None
    model: Model
    warnings: list[Warned]
    error: JobError | None
    metadata: dict[str, str]
    tag: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class JobPage(BaseModel):
    jobs: list[Job]
    next_cursor: str | None


class WordOut(BaseModel):
    start: float
    end: float
    word: str
    confidence: float
    speaker: str | None
    speaker_confidence: float | None
    overlap: bool = Field(description="Somebody else spoke at the same time.")


class SegmentOut(BaseModel):
    """Seconds from the start of the recording."""

    index: int | None
    start: float
    end: float
    text: str
    language: str
    confidence: float
    avg_logprob: float
    no_speech_prob: float
    flags: list[str]
    speaker: str | None
    channel: int | None
    words: list[WordOut]


class SpeakerOut(BaseModel):
    label: str
    seconds: float
    name: str | None
    name_score: float | None = Field(
        None, ge=0, le=1, description="How sure a name is that follows from `participants`; of other names, null."
    )


class TurnOut(BaseModel):
    start: float
    end: float
    speaker: str


class UtteranceOut(BaseModel):
    start: float
    end: float
    speaker: str | None
    text: str
    confidence: float


class TranscriptOut(BaseModel):
    job_id: str
    language: str | None
    language_probability: float | None
    duration: float
    text: str
    confidence: float | None
    confidence_calibrated: bool = Field(description="Whether confidences are shares of right words, measured.")
    segments: list[SegmentOut]
    utterances: list[UtteranceOut] = Field(description="Consecutive words of one speaker.")
    speakers: list[SpeakerOut]
    turns: list[TurnOut] = Field(description="Where each speaker was heard; turns of two may overlap.")
    coverage: dict[str, Any]
    model: dict[str, Any]
    usage: dict[str, float]


class RevisedSegment(SegmentOut):
    """A segment that changed later is sent again under its id."""

    id: str
    revision: int


class SegmentPage(BaseModel):
    segments: list[RevisedSegment]
    revision: int
    final: bool = Field(description="Until then segments may still change.")


class ServedModel(BaseModel):
    name: str
    engine: str | None = None
    revision: str | None = None
    device: str | None = None
    compute_type: str | None = None
    workers: int


class ListedModel(BaseModel):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    models: list[ServedModel]
    object: Literal["list"]
    data: list[ListedModel]


class LiveWorker(BaseModel):
    name: str
    kinds: list[str] = Field(description="The kinds of steps that it takes.")
    models: list[str]
    holds: int = Field(description="Steps in its hands, as of its last heartbeat.")
    started_at: str
    seen_at: str


class WorkerList(BaseModel):
    workers: list[LiveWorker]


class AuditBatchOut(BaseModel):
    """What seals the entry, with all that came before it."""

    number: int
    last: int = Field(description="The position of its last entry.")
    sha256: str = Field(description="As `scriptorium audit verify` prints it, and takes it with `--expect-head`.")
    chained_at: str


class AuditEntryOut(BaseModel):
    position: int = Field(description="In the chain of all tenants: numbers between are of others.")
    at: str = Field(description="When the call arrived.")
    request_id: str | None
    subject: str | None = Field(description="The id of the key; null for what an operator did on the server.")
    method: str = Field(description="Of HTTP, or `COMMAND`.")
    route: str = Field(description="With the names of its ids, not their values; or the command.")
    ids: dict[str, str | None]
    parameters: dict[str, str | None] = Field(description="Null: it was given, and is not shown.")
    status: int | None
    duration_ms: int | None = Field(description="Until the answer began.")
    address: str | None = Field(description="The peer's; behind a proxy, the proxy's.")
    user_agent: str | None
    batch: AuditBatchOut


class AuditPage(BaseModel):
    entries: list[AuditEntryOut]
    next_after: int | None = Field(description="`after` of the next page; null on the last.")


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


class AsrSegment(BaseModel):
    start: float
    end: float
    text: str
    speaker: str | None = None


class AsrResult(BaseModel):
    status: Literal["success"]
    transcript: str
    segments: list[AsrSegment]
    confidence: float | None


class AsrPending(BaseModel):
    status: Literal["processing"]
    job_id: str
    location: str


class AsrError(BaseModel):
    code: str
    message: str


class AsrFailure(BaseModel):
    status: Literal["error"]
    error: AsrError


class Health(BaseModel):
    status: str
    checks: dict[str, str] | None = None
