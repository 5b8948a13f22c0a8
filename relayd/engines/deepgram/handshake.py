"""How an engine's WebSocket is opened: the upgrade, and the refusal of one."""

from typing import Final

import trio
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, RejectConnection, RejectData, Request
from wsproto.handshake import H11Handshake

from relayd.engines.deepgram.websocket import RECEIVE_BYTES, Headers, WebSocket

__all__ = ["Refused", "upgrade"]

# Of a refusal: enough for its explanation.
BODY_BYTES: Final = 16_384


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
        accepted = await _await_answer(stream, handshake)
    except (trio.BrokenResourceError, trio.ClosedResourceError) as problem:
        raise ConnectionResetError("it hung up during the upgrade") from problem
    protocol = handshake.connection
    assert protocol is not None
    websocket = WebSocket(stream, protocol, list(accepted.extra_headers))
    # A frame may have come together with the answer.
    websocket.take(b"")
    return websocket


async def _await_answer(stream: trio.abc.Stream, handshake: H11Handshake) -> AcceptConnection:
    refusal: RejectConnection | None = None
    body = b""
    while True:
        data = bytes(await stream.receive_some(RECEIVE_BYTES))
        if data or refusal is None:
            if not data:
                raise ConnectionResetError("it hung up during the upgrade")
            handshake.receive_data(data)
        over = not data
        for event in handshake.events():
            match event:
                case AcceptConnection():
                    return event
                case RejectConnection():
                    refusal = event
                    over = over or not event.has_body
                case RejectData(data=part, body_finished=finished):
                    body += bytes(part)
                    over = over or finished
        if refusal is not None and (over or len(body) > BODY_BYTES):
            raise Refused(refusal.status_code, list(refusal.headers), body[:BODY_BYTES])
