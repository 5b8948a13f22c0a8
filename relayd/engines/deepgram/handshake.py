"""How an engine's WebSocket is opened: the upgrade, and the refusal of one."""

import re
from typing import Final

import trio
from wsproto.connection import Connection, ConnectionType
from wsproto.events import AcceptConnection, RejectConnection, RejectData, Request
from wsproto.handshake import H11Handshake

from relayd.engines.deepgram.websocket import RECEIVE_BYTES, Headers, WebSocket

__all__ = ["Refused", "upgrade"]

# Of a refusal: enough for its explanation.
BODY_BYTES: Final = 16_384

_END_OF_HEADERS: Final = re.compile(rb"\n\r?\n")


class Refused(Exception):  # noqa: N818 - named for what happened, as trio names its own
    """The upgrade was answered with an ordinary HTTP response."""

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers
        self.body = body


async def upgrade(stream: trio.abc.Stream, host: str, target: str, headers: Headers) -> WebSocket:
    """Ask for a WebSocket. Raises `Refused`, `wsproto.utilities.ProtocolError` or `OSError`."""
    handshake = H11Handshake(ConnectionType.CLIENT)
    request = Request(host=host, target=target, extra_headers=list(headers))
    try:
        await stream.send_all(handshake.send(request))
        accepted, early = await _await_answer(stream, handshake)
    except (trio.BrokenResourceError, trio.ClosedResourceError) as problem:
        raise ConnectionResetError("it hung up during the upgrade") from problem
    # No extension was offered, so nothing of the handshake's own connection is needed; this one
    # has not seen what came together with the answer.
    websocket = WebSocket(stream, Connection(ConnectionType.CLIENT), list(accepted.extra_headers))
    websocket.take(early)
    return websocket


async def _await_answer(
    stream: trio.abc.Stream, handshake: H11Handshake
) -> tuple[AcceptConnection, bytes]:
    """The answer, and what came after it."""
    received = b""
    refusal: RejectConnection | None = None
    body = b""
    while True:
        data = bytes(await stream.receive_some(RECEIVE_BYTES))
        if data or refusal is None:
            if not data:
                raise ConnectionResetError("it hung up during the upgrade")
            handshake.receive_data(data)
            received += data
        over = not data
        for event in handshake.events():
            match event:
                case AcceptConnection():
                    return event, _END_OF_HEADERS.split(received, 1)[1]
                case RejectConnection():
                    refusal = event
                    over = over or not event.has_body
                case RejectData(data=part, body_finished=finished):
                    body += bytes(part)
                    over = over or finished
        if refusal is not None and (over or len(body) > BODY_BYTES):
            raise Refused(refusal.status_code, list(refusal.headers), body[:BODY_BYTES])
