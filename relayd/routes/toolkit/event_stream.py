"""Server-sent events: how one is written, and the answer that carries them while it lasts."""

from typing import Final

from quart import Response, request
from quart.wrappers.response import ResponseBody

__all__ = ["HEARTBEAT", "HEARTBEAT_SECONDS", "LASTING_SECONDS", "answer", "event"]

# A comment, so that proxies and clients see that somebody is there.
HEARTBEAT: Final = b": still here\n\n"
HEARTBEAT_SECONDS: Final = 15.0
# Below the edge's minute for a request.
LASTING_SECONDS: Final = 50.0


def event(name: str, data: bytes = b"{}") -> bytes:
    """One event; JSON without line breaks is one line of data."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


def answer(stream: ResponseBody) -> Response:
    """The answer whose body is this stream of events; HEAD gets its head alone."""
    response = Response(b"" if request.method == "HEAD" else stream)
    response.content_type = "text/event-stream; charset=utf-8"
    # It ends by itself, sooner than any limit for an answer.
    response.timeout = None
    # For proxies that would collect it first.
    response.headers["X-Accel-Buffering"] = "no"
    return response
