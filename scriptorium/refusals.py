"""What a server's answer says when it is no result, and whether the same upload may pass later."""

import random
from typing import Any

import httpx2

_AGAIN = frozenset({408, 429, 502, 503, 504})
"""Statuses after which the same upload may pass: it stalled on its way, or the server cannot take it now. A quota that
is spent says so by its Retry-After."""
_LONGEST_PAUSE = 60.0


class ApiError(Exception):
    """The server refused. `code` is stable, `status` is HTTP's, `errors` names each wrong field, `retry_after` is in
    seconds, where the server says when to try again."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int,
        errors: list[dict[str, Any]] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.errors = errors or []
        self.retry_after = retry_after


class ServerUnreachable(Exception):
    """No answer came; the message names the address. `connected` is False where nothing was sent either."""

    def __init__(self, message: str, connected: bool = True) -> None:
        super().__init__(message)
        self.connected = connected


def refusal(response: httpx2.Response) -> ApiError:
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):  # not our server, or a proxy in front of it
        problem = {}
    message = problem.get("detail") or f"the server answered {response.status_code} {response.reason_phrase}"
    told = response.headers.get("Retry-After", "")
    retry_after = float(told) if told.isdecimal() else None
    return ApiError(problem.get("code", "unknown"), message, response.status_code, problem.get("errors"), retry_after)


def before_another(error: ApiError | ServerUnreachable, tried: int) -> float | None:
    """Seconds to wait after `tried` tries; None where another is of no use. The draw keeps callers, whom one outage
    turned away together, from coming back together."""
    own = min(2.0 ** (tried - 1), _LONGEST_PAUSE) * random.uniform(0.5, 1)
    if isinstance(error, ServerUnreachable):
        return own if error.connected or tried > 1 else None
    if error.status not in _AGAIN or (error.retry_after or 0) > _LONGEST_PAUSE:
        return None
    return max(own, error.retry_after or 0)
