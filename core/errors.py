"""Errors with a stable code. Raised where the cause is known, translated at the edge (HTTP status, step outcome).

`message` is for the caller: it names the cause and the remedy, and never a path, an SQL text or a secret.
"""

from typing import Any, ClassVar


class ScriptoriumError(Exception):
    """`code` is stable and public; `status` is what HTTP answers when the error reaches the edge."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code  # type: ignore[misc]
        self.details = details


class InputError(ScriptoriumError):
    """The recording is at fault: trying again gives the same. A step that meets it fails at once."""

    code = "invalid_media"
    status = 422


class SourceForbidden(InputError):
    """A URL that this server may not fetch. The message names nothing of what lies there."""

    code = "source_forbidden"


class SourceRefused(InputError):
    """What lies at a URL cannot be had, and asking again gives the same."""

    code = "source_refused"


class InvalidRequest(ScriptoriumError):
    """The request is at fault. `errors` in `details` lists `{"field", "message", "allowed"?}`."""

    code = "invalid_request"
    status = 422


def fault(field: str, message: str, *, code: str | None = None, **more: Any) -> InvalidRequest:
    """The refusal that names the field. `more` stands beside it: `allowed`, the values that it may have."""
    return InvalidRequest(f"{field}: {message}", code=code, errors=[{"field": field, "message": message, **more}])


class IdempotencyMismatch(InvalidRequest):
    """The key was used before, for something else."""

    code = "idempotency_mismatch"


class NotFound(ScriptoriumError):
    code = "not_found"
    status = 404


class Gone(ScriptoriumError):
    """It was here and its owner deleted it."""

    code = "deleted"
    status = 410


class Conflict(ScriptoriumError):
    """The state of the thing does not allow this now."""

    code = "conflict"
    status = 409


class OffsetMismatch(Conflict):
    """The bytes do not begin where those that are stored end."""

    code = "offset_mismatch"


class UploadBusy(ScriptoriumError):
    """Another request brings bytes of this upload, or took over from this one."""

    code = "upload_busy"
    status = 423


class ChecksumMismatch(ScriptoriumError):
    """Of the bytes of one request; the status is of the protocol tus."""

    code = "checksum_mismatch"
    status = 460


class TooManyUploads(ScriptoriumError):
    code = "too_many_uploads"
    status = 429


class Unauthorized(ScriptoriumError):
    code = "unauthorized"
    status = 401


class Forbidden(ScriptoriumError):
    """The caller is known, and may not do this. `scope` in `details` is what it takes."""

    code = "forbidden"
    status = 403


class RateLimited(ScriptoriumError):
    """`retry_after` in `details`: seconds until the caller may ask again."""

    code = "rate_limited"
    status = 429


class QuotaExceeded(ScriptoriumError):
    """The tenant has used what it may of this month. `retry_after` in `details`: seconds until the next."""

    code = "quota_exceeded"
    status = 429


class TooLarge(ScriptoriumError):
    code = "upload_too_large"
    status = 413


class Unavailable(ScriptoriumError):
    """A server we depend on does not answer, or there is no room: later it works. Counts against no budget."""

    code = "unavailable"
    status = 503


class StorageError(ScriptoriumError):
    """Storage does not give what a row names. It may be an outage, so it is tried for long, but not for ever."""

    code = "storage_error"


class BlobMissing(StorageError):
    code = "audio_missing"


class BlobUnreadable(StorageError):
    code = "audio_unreadable"


class SourceUnreachable(ScriptoriumError):
    """The server that a URL names does not answer as it should now."""

    code = "source_unreachable"


class DeadlinePassed(ScriptoriumError):
    """A step ran longer than its kind may."""

    code = "deadline_passed"


class EngineError(ScriptoriumError):
    """A recognizer, detector or diarizer failed in a way that another try may not."""

    code = "engine_error"


class OutOfMemory(EngineError):
    """The device had no room for the batch: the same work in smaller batches may pass."""

    code = "out_of_memory"


class ModelUnavailable(ScriptoriumError):
    """A model cannot be had here; the message says what to do."""

    code = "model_unavailable"
    status = 503


class UnknownModel(InvalidRequest):
    code = "unknown_model"
