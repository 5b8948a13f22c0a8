"""GET /ws/transcribe: from an accepted upgrade to a session."""

from typing import Any, Final, cast

from quart import Blueprint, Response, websocket

from relayd import logs
from relayd.dialects.native import NativeDialect
from relayd.routes.toolkit.description import undescribed
from relayd.routes.toolkit.plain_client import PlainClient
from relayd.routes.toolkit.problems import Refusal, answer
from relayd.routes.toolkit.protection import exempt
from relayd.routes.toolkit.wiring import requester_address, wiring
from relayd.session.ports import Client

__all__ = ["blueprint"]

log = logs.get(__name__)

blueprint = Blueprint("stream", __name__)

# A browser's Origin is a scheme, a host and a port; what is longer is cut in the log.
_ORIGIN_LENGTH: Final = 100

ORIGIN_NOT_ALLOWED: Final = Refusal(
    403,
    "origin_not_allowed",
    "This page may not open a stream here. The operator allows pages in server.origins.",
)
UPGRADE_REQUIRED: Final = Refusal(
    426,
    "upgrade_required",
    "This is a WebSocket: open it with a WebSocket client, at ws:// or wss://, as /docs shows. If "
    "you did, a proxy in between does not pass on the headers Upgrade and Connection.",
)


@blueprint.get("/ws/transcribe")
@exempt("says what to do, and nothing else")
@undescribed("a WebSocket's address, asked for as if it were a page: docs/protocol.md")
async def explain() -> Response:
    """What to do, for who came without an upgrade (RFC 9110, section 15.5.22)."""
    response = answer(UPGRADE_REQUIRED.problem())
    response.headers["Upgrade"] = "websocket"
    return response


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
    for origin in websocket.headers.getlist("Origin"):
        if origin not in wiring().services.origins:
            log.info("origin refused", origin=origin[:_ORIGIN_LENGTH], address=requester_address())
            raise ORIGIN_NOT_ALLOWED.problem()


def _take_connection() -> Client:
    extensions = cast("dict[str, Any]", websocket.scope.get("extensions", {}))
    extension = extensions.get("relayd.connection")
    if extension is None:
        # Another ASGI server: the same session over plain ASGI messages.
        return PlainClient()
    client: Client = extension.take()
    return client
