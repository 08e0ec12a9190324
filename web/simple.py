"""The shapes of the simple call, `/v1/asr`."""

from typing import Literal

from pydantic import BaseModel


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
