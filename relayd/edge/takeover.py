"""A request that asked for a WebSocket, until it is answered: by a 101 or an HTTP response."""

import attrs
import h11
import trio

from relayd.edge.refusal import refusal
from relayd.websocket import handshake
from relayd.websocket.handshake import Refused, Upgrade

__all__ = ["Takeover"]


@attrs.define(eq=False)
class Takeover:
    """The stream and the parser that read the request; ``early`` is what came behind its head.

    The parser writes the answer too, so that an application's headers are checked by it.
    """

    stream: trio.abc.Stream
    request: h11.Request
    parser: h11.Connection
    early: bytes
    send_seconds: float

    async def switch(
        self, accepted: Upgrade, subprotocol: str | None, headers: list[tuple[bytes, bytes]]
    ) -> None:
        """Answer 101."""
        ours = handshake.switch_headers(accepted, subprotocol)
        await self._send(h11.InformationalResponse(status_code=101, headers=[*ours, *headers]))

    async def refuse(self, refused: Refused) -> None:
        """Answer an improper request, or one too many."""
        headers, body = refusal(refused.status, refused.problem)
        await self.respond(refused.status, [*headers, *refused.headers])
        await self.body(body, more=False)

    async def respond(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Start an HTTP response instead of a WebSocket; the connection ends with it."""
        kept = [(name, value) for name, value in headers if name.lower() != b"connection"]
        await self._send(
            h11.Response(status_code=status, headers=[*kept, (b"connection", b"close")])
        )

    async def body(self, data: bytes, *, more: bool) -> None:
        """Part of that response's body."""
        if data:
            await self._send(h11.Data(data=data))
        if not more:
            await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        data = self.parser.send(event)
        if data:
            with trio.fail_after(self.send_seconds):
                await self.stream.send_all(data)
