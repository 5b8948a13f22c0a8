"""Pages of other sites that the operator named: what a browser lets them ask, and read (CORS).

See the Fetch standard, section 3.3. They authenticate with a bearer token, never with a cookie: no
answer allows credentials, and what goes by a cookie is for pages of this server alone.
"""

from collections.abc import Sequence
from typing import Final

from quart import Response, current_app, request

from relayd.routes.toolkit.plan_headers import PLAN_HEADERS

__all__ = ["allow", "answer_preflight"]

# What a script may send and read beyond what it always may.
_REQUEST_HEADERS: Final = (
    "Authorization, Content-Type, Idempotency-Key, Tus-Resumable, Upload-Length, Upload-Metadata, "
    "Upload-Offset, X-HTTP-Method-Override"
)
_ANSWER_HEADERS: Final = (
    "Location, Retry-After, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, "
    "Upload-Expires, Upload-Length, Upload-Offset, WWW-Authenticate, " + ", ".join(PLAN_HEADERS)
)
# How long a browser may remember the answer to a preflight: a page that was taken off the list is
# out after this.
_REMEMBERED_SECONDS: Final = 600
# By cookie: these are not for others whatever the operator names.
_OWN_PAGES_ONLY: Final = "/session/"


def answer_preflight(origins: Sequence[str]) -> Response | None:
    """The answer where a browser asks before it asks; None for every other request."""
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    if request.url_rule is None or _named_origin(origins) is None:
        return None
    response = Response(b"", status=204)
    response.headers["Access-Control-Allow-Methods"] = _methods()
    response.headers["Access-Control-Allow-Headers"] = _REQUEST_HEADERS
    response.headers["Access-Control-Max-Age"] = str(_REMEMBERED_SECONDS)
    return response


def allow(response: Response, origins: Sequence[str]) -> Response:
    """Let a page of a named origin read this answer, a refusal too."""
    if origins and not request.path.startswith(_OWN_PAGES_ONLY):
        # Said to those who aren't named as well: the answer differs by it.
        response.vary.add("Origin")
        origin = _named_origin(origins)
        if origin is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _ANSWER_HEADERS
    return response


def _named_origin(origins: Sequence[str]) -> str | None:
    """The page that asks, where the operator named it and a token may be its key."""
    asking = request.headers.getlist("Origin")
    if len(asking) != 1 or request.path.startswith(_OWN_PAGES_ONLY):
        return None
    return asking[0] if asking[0] in origins else None


def _methods() -> str:
    """What this address takes."""
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None
    return ", ".join(sorted(set(adapter.allowed_methods()) - {"HEAD", "OPTIONS"}))
