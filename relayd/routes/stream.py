"""GET /ws/transcribe: from an accepted upgrade to a session."""

from typing import Any, cast

from quart import Blueprint, websocket

from relayd.dialects.native import NativeDialect
from relayd.routes.description import undescribed
from relayd.routes.plain_client import PlainClient
from relayd.routes.problems import Problem
from relayd.routes.protection import exempt
from relayd.routes.wiring import requester_address, wiring
from relayd.session.ports import Client

__all__ = ["blueprint"]

blueprint = Blueprint("stream", __name__)


@blueprint.websocket("/ws/transcribe")
@exempt("authenticates with its first message, under a deadline")
@undescribed("a WebSocket, which OpenAPI has no words for: docs/protocol.md")
async def transcribe() -> None:
    """Serve one session on this connection."""
    services = wiring().services
    _check_origin()
    # Before accepting, so that no message is read by anybody else.
    client = _take_connection()
    await websocket.accept()
    await services.sessions.serve(client, requester_address(), NativeDialect())


def _check_origin() -> None:
    """Desktop apps send no Origin; a browser's page must be one that the operator named."""
    origins = websocket.headers.getlist("Origin")
    if any(origin not in wiring().services.origins for origin in origins):
        raise Problem(
            403,
            "origin_not_allowed",
            "This page may not open a stream here. The operator allows pages in server.origins.",
        )


def _take_connection() -> Client:
    extensions = cast("dict[str, Any]", websocket.scope.get("extensions", {}))
    extension = extensions.get("relayd.connection")
    if extension is None:
        # Another ASGI server: the same session over plain ASGI messages.
        return PlainClient()
    client: Client = extension.take()
    return client
