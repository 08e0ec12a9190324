"""Exit codes, which scripts rely on."""

from scriptorium.client import ApiError

DONE = 0
JOB_FAILED = 1
WRONG_USE = 2
SERVER_UNREACHABLE = 3

_OF_THE_RECORDING = frozenset({
    "empty_file", "invalid_media", "no_audio_stream", "truncated_media", "media_too_long", "upload_too_large",
    "job_failed", "job_not_finished", "request_timeout",
})  # fmt: skip


def for_refusal(error: ApiError) -> int:
    """A wrong key, id or option is wrong use; a recording that cannot be transcribed, or not now, is a failed job."""
    wrong_use = 400 <= error.status < 500 and error.status != 429 and error.code not in _OF_THE_RECORDING
    return WRONG_USE if wrong_use else JOB_FAILED
