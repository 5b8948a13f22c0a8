"""A session's client over plain ASGI messages, for servers other than our own edge."""

from collections.abc import Callable

import attrs
from quart import websocket

from relayd.errors import ClientGone

__all__ = ["PlainClient"]


@attrs.define(eq=False)
class PlainClient:
    """Implements `relayd.session.ports.Client` for the WebSocket of the running handler.

    ASGI can't say that a peer hung up while nobody receives, nor cut a socket; there the
    server's own limits hold. When the peer leaves, Quart cancels the handler and keeps the code.
    """

    peer_code: None = None
    _closed: bool = False

    async def receive(self, take: Callable[[str | bytes], bool] = lambda _: False) -> str | bytes:
        """The next message that isn't taken; Quart hands an empty binary one over as None."""
        while True:
            received: str | bytes | None = await websocket.receive()
            message = b"" if received is None else received
            if not take(message):
                return message

    async def receive_first(self) -> str | bytes:
        """The first message, of the size that the server takes."""
        return await self.receive()

    def send_at_once(self, message: str) -> bool:
        """Never: the server's own sending is asynchronous."""
        return False

    async def send(self, message: str) -> None:
        """Send one text message."""
        if self._closed:
            raise ClientGone("closed")
        await websocket.send(message)

    async def close(self, code: int, reason: str) -> None:
        """Close; the server does the handshake."""
        if not self._closed:
            self._closed = True
            await websocket.close(code, reason)

    def cut(self) -> None:
        """Say nothing more; ASGI has no way to end it but `close`."""
        self._closed = True

    def on_gone(self, callback: Callable[[], object]) -> None:
        """Nothing to register: see the class."""
