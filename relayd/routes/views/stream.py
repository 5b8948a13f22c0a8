"""GET /ws/transcribe: from an accepted upgrade to a session."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import trio
from quart import Blueprint, Response, websocket

from relayd import logs
from relayd.dialects.native import NativeDialect
from relayd.routes.toolkit.description import undescribed
from relayd.routes.toolkit.plain_client import PlainClient
from relayd.routes.toolkit.problems import Refusal, answer
from relayd.routes.toolkit.protection import exempt, principal_of_upgrade
from relayd.routes.toolkit.wiring import requester_address, wiring
from relayd.session.dialect import Hello

if TYPE_CHECKING:
    from relayd.edge.asgi import Handover

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
@exempt("authenticates by a header, or its first message, under a deadline")
@undescribed("a WebSocket, which OpenAPI has no words for: docs/protocol.md")
async def transcribe() -> None:
    """Serve one session on this connection: after this call, where the connection can wait."""
    sessions = wiring().services.sessions
    _check_origin()
    principal = await principal_of_upgrade()
    hello = None if principal is None else Hello(principal, _config())
    handover = _handover()
    # Before accepting, so that no message is read by anybody else.
    client = PlainClient() if handover is None else handover.take()
    await websocket.accept()
    serve = partial(
        sessions.serve,
        client,
        requester_address(),
        NativeDialect(),
        hello,
        arrived_at=trio.current_time(),
    )
    if handover is None:
        await serve()
    else:
        # Whoever is known by the upgrade is served at once, and without this call around it.
        handover.leave(serve, sessions.limits.auth_seconds if hello is None else 0)


def _config() -> Mapping[str, Any]:
    """What would stand in the first message, as fields of the address; a repeated one is a list."""
    several = websocket.args.to_dict(flat=False)
    return {name: values[0] if len(values) == 1 else values for name, values in several.items()}


def _check_origin() -> None:
    """Desktop apps send no Origin; a browser's page must be one that the operator named."""
    for origin in websocket.headers.getlist("Origin"):
        if origin not in wiring().services.origins:
            log.info("origin refused", origin=origin[:_ORIGIN_LENGTH], address=requester_address())
            raise ORIGIN_NOT_ALLOWED.problem()


def _handover() -> "Handover | None":
    """None under another ASGI server: there it is the same session, over plain ASGI messages."""
    extensions = cast("dict[str, Any]", websocket.scope.get("extensions", {}))
    return cast("Handover | None", extensions.get("relayd.connection"))
