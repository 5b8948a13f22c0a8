"""Refusals of the HTTP interface: ``{"error": {"code", "message"}}`` with the right status.

Quart's own way to leave a request early is werkzeug's `HTTPException`; ours adds the stable code
that programs match. The framework's own (404, 405, 413 …) get theirs here.
"""

import json
from typing import Any, Final

from quart import Response
from werkzeug.exceptions import HTTPException

__all__ = ["Problem", "answer"]

# Status → (code, wording) for what the framework raises.
_FRAMEWORK: Final = {
    400: ("bad_request", "The request is malformed."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    408: ("request_timeout", "The body did not arrive in time."),
    413: ("body_too_large", "The body is too large."),
    415: ("unsupported_media_type", "Send JSON, with Content-Type: application/json."),
    500: ("internal_error", "An internal error. It was logged; try again."),
}


class Problem(HTTPException):
    """A refusal with its status, its code, a text for a person, and when to try again."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after_seconds: int | None = None,
        challenge: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = status
        self.label = code
        self.message = message
        self.retry_after_seconds = retry_after_seconds
        self.challenge = challenge


def answer(error: HTTPException) -> Response:
    """The JSON answer to a refusal, ours or the framework's."""
    status = error.code or 500
    if isinstance(error, Problem):
        label, message, headers = error.label, error.message, _headers(error)
    else:
        label, message = _FRAMEWORK.get(status, ("refused", "The request was refused."))
        headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    body: dict[str, Any] = {"error": {"code": label, "message": message}}
    return Response(
        json.dumps(body), status=status, headers=headers, content_type="application/json"
    )


def _headers(problem: Problem) -> dict[str, str]:
    headers = {}
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    if problem.challenge:
        headers["WWW-Authenticate"] = 'Bearer realm="relayd"'
    return headers
