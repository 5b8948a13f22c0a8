"""Refusals of the HTTP interface: ``{"error": {"code", "message"}}`` with the right status.

Quart's own way to leave a request early is werkzeug's `HTTPException`; ours adds the stable code
that programs match. The framework's own (404, 405, 413 …) get theirs here. A `Refusal` is declared
once, raised by its view and listed in its view's description.
"""

from typing import Annotated, Final

import attrs
from quart import Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from relayd.routes.toolkit.forms import Form, encode, told

__all__ = [
    "BODY_TIMEOUT",
    "BODY_TOO_LARGE",
    "INTERNAL_ERROR",
    "METHOD_NOT_ALLOWED",
    "NOT_FOUND",
    "UNAVAILABLE",
    "UNSUPPORTED_MEDIA_TYPE",
    "Problem",
    "Refusal",
    "RefusalReason",
    "RefusedAnswer",
    "answer",
    "body_too_large",
    "encoded_refusal",
]


class RefusalReason(Form):
    """Why, for programs and for people."""

    code: Annotated[str, told("Stable; programs match it.", "auth_failed", minLength=1)]
    message: Annotated[str, told("What to do, for a person.", "Sign in again.", minLength=1)]


class RefusedAnswer(Form):
    """Every refusal has this form."""

    error: RefusalReason


@attrs.frozen
class Refusal:
    """One way to be refused. ``retries``: the answer says when to try again (Retry-After)."""

    status: int
    code: str
    message: str
    retries: bool = False
    challenge: bool = False

    def problem(
        self, message: str | None = None, *, retry_after_seconds: int | None = None
    ) -> "Problem":
        """To be raised; ``message`` where more can be said than usual."""
        assert self.retries == (retry_after_seconds is not None)
        return Problem(
            self.status,
            self.code,
            message or self.message,
            retry_after_seconds=retry_after_seconds,
            challenge=self.challenge,
        )


BAD_REQUEST: Final = Refusal(400, "bad_request", "The request is malformed.")
NOT_FOUND: Final = Refusal(404, "not_found", "There is nothing at this address.")
METHOD_NOT_ALLOWED: Final = Refusal(
    405, "method_not_allowed", "This address does not take this method."
)
BODY_TIMEOUT: Final = Refusal(408, "request_timeout", "The body did not arrive in time.")
BODY_TOO_LARGE: Final = Refusal(413, "body_too_large", "The body is too large.")
UNSUPPORTED_MEDIA_TYPE: Final = Refusal(
    415, "unsupported_media_type", "Send JSON, with Content-Type: application/json."
)
INTERNAL_ERROR: Final = Refusal(
    500, "internal_error", "An internal error. It was logged; try again."
)
UNAVAILABLE: Final = Refusal(
    503,
    "service_unavailable",
    "Accounts can't be reached right now. Try again shortly.",
    retries=True,
)

# What the framework raises, by its status.
_FRAMEWORK: Final = {
    refusal.status: refusal
    for refusal in (
        BAD_REQUEST,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        BODY_TIMEOUT,
        BODY_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        INTERNAL_ERROR,
    )
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
        usual = _FRAMEWORK.get(status)
        label = "refused" if usual is None else usual.code
        message = "The request was refused." if usual is None else usual.message
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            message = f"This address takes {', '.join(sorted(error.valid_methods))}."
        headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    return Response(
        _encoded(label, message), status=status, headers=headers, content_type="application/json"
    )


def body_too_large(bytes_max: int) -> Problem:
    """The refusal of a body beyond this."""
    return BODY_TOO_LARGE.problem(f"A body may have {bytes_max:,} bytes here.")


def encoded_refusal(problem: Problem) -> bytes:
    """The body of such an answer, for who gives it before there is a request."""
    return _encoded(problem.label, problem.message)


def _encoded(label: str, message: str) -> bytes:
    return encode(RefusedAnswer(error=RefusalReason(code=label, message=message)))


def _headers(problem: Problem) -> dict[str, str]:
    headers = {}
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    if problem.challenge:
        headers["WWW-Authenticate"] = 'Bearer realm="relayd"'
    return headers
