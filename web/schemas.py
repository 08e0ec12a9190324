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


class Health(BaseModel):
    status: str
    checks: dict[str, str] | None = None
