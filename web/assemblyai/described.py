"""The OpenAPI description of AssemblyAI's API."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from web.assemblyai.asked import TranscriptParams
from web.recordings.described import raw_content

TranscriptStatus = Literal["queued", "processing", "completed", "error"]


class AssemblyAIError(BaseModel):
    error: str


class UploadedFile(BaseModel):
    upload_url: str = Field(
        description="To be sent as `audio_url`; nobody else can use it, and nothing is served there."
    )


class SpokenWord(BaseModel):
    """Times in milliseconds from the start of the recording."""

    text: str
    start: int
    end: int
    confidence: float = Field(ge=0, le=1)
    speaker: str | None = Field(
        description="`A`, `B` …, or the name that somebody gave; of separate channels `1`, `2` …."
    )
    channel: str | None = Field(description="From `1`, of channels that were heard apart.")


class SpokenPassage(SpokenWord):
    words: list[SpokenWord]


class TranscriptAnswer(BaseModel):
    """What is not known yet is null. AssemblyAI's fields for what is not done here are false or null."""

    model_config = ConfigDict(extra="allow")

    id: str
    status: TranscriptStatus
    audio_url: str
    error: str | None = Field(None, description="Of status `error` alone.")
    text: str | None
    words: list[SpokenWord] | None
    utterances: list[SpokenPassage] | None
    confidence: float | None
    audio_duration: int | None = Field(description="Seconds.")
    language_code: str | None
    language_confidence: float | None = Field(description="Where the language was found out.")
    speech_model_used: str
    acoustic_model: str
    language_model: str


class SentenceList(BaseModel):
    id: str
    confidence: float
    audio_duration: int
    speech_model_used: str
    sentences: list[SpokenPassage]


class ParagraphList(BaseModel):
    id: str
    confidence: float
    audio_duration: int
    speech_model_used: str
    paragraphs: list[SpokenPassage]


class WordMatch(BaseModel):
    text: str
    count: int
    timestamps: list[list[int]]
    indexes: list[int] = Field(description="In `words` of the transcript.")


class WordMatches(BaseModel):
    id: str
    total_count: int
    matches: list[WordMatch]


class TranscriptItem(BaseModel):
    id: str
    resource_url: str
    status: TranscriptStatus
    created: str
    completed: str | None
    audio_url: str
    error: str | None


class PageDetails(BaseModel):
    limit: int
    result_count: int
    current_url: str
    prev_url: str | None = Field(description="Older ones.")
    next_url: str | None = Field(description="Newer ones, now or later.")


class TranscriptPage(BaseModel):
    page_details: PageDetails
    transcripts: list[TranscriptItem]


def upload_body() -> dict[str, Any]:
    """The requestBody of an upload."""
    return {"required": True, "description": "Its type may be any other, too.", "content": raw_content()}


def transcript_body() -> dict[str, Any]:
    """The requestBody of a new transcript; `completed` names its schema."""
    schema = {"$ref": f"#/components/schemas/{TranscriptParams.__name__}"}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def text(description: str) -> dict[int | str, Any]:
    """The responses of a route that answers with text."""
    return {200: {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}}


def completed(paths: dict[str, Any]) -> None:
    """In place: the one shape of all refusals. 409 and 422 are 400 here."""
    refusal = {"application/json": {"schema": {"$ref": f"#/components/schemas/{AssemblyAIError.__name__}"}}}
    for path, operations in paths.items():
        for operation in operations.values() if path.startswith("/v2/") else ():
            answers = operation["responses"]
            answers.pop("409", None)
            refused = answers.pop("422", None)
            if refused or path.rpartition("/")[2] != "{transcript_id}":
                said = "A field or parameter is refused, or the transcript is not ready; `error` says which"
                answers["400"] = {**(refused or {}), "description": said}
            for status, response in answers.items():
                if status not in ("200", "414"):  # the second is the web server's own
                    response["content"] = refusal
