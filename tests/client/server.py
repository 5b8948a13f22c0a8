"""A scripted relayd server at the other end of a memory stream."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio
import trio.testing
import trio_websocket
from trio_websocket import ConnectionClosed, WebSocketConnection

from relayd.client import Message, Stream
from relayd.client.transport import Address

__all__ = ["READY", "URL", "ScriptedServer", "drain", "end", "say", "silent"]

URL = "http://relayd.test"
READY = {
    "type": "ready",
    "session_id": "s1",
    "engine": "fake",
    "model": "m1",
    "seconds_remaining": 600.0,
}

Script = Callable[[WebSocketConnection], Awaitable[None]]


async def say(connection: WebSocketConnection, kind: str, **fields: Any) -> None:
    """Send one server message."""
    await connection.send_message(json.dumps({"type": kind, **fields}))


async def end(connection: WebSocketConnection, reason: str = "completed", code: int = 1000) -> None:
    """Say `session_end` and close."""
    await say(connection, "session_end", reason=reason, seconds_used=1.5, seconds_remaining=598.5)
    await connection.aclose(code)


async def silent(connection: WebSocketConnection) -> None:
    """Say nothing after `ready`."""
    await trio.sleep_forever()


async def drain(stream: Stream) -> list[Message]:
    """Everything up to the end."""
    return [message async for message in stream]


@attrs.define(eq=False)
class ScriptedServer:
    """Accepts the WebSocket, hears the auth message, then does what the script says."""

    nursery: trio.Nursery
    script: Script
    heard: list[str | bytes] = attrs.field(factory=list)
    path: str = ""
    address: Address | None = None
    greets: bool = True
    gone: trio.Event = attrs.field(factory=trio.Event)
    stream: trio.abc.Stream | None = None

    async def connect(self, address: Address) -> trio.abc.Stream:
        """The client's end of a new connection."""
        self.address = address
        ours, theirs = trio.testing.memory_stream_pair()
        self.stream = ours
        self.nursery.start_soon(self._serve, ours)
        return theirs

    async def _serve(self, stream: Any) -> None:
        async with trio.open_nursery() as nursery:
            request = await trio_websocket.wrap_server_stream(nursery, stream)
            self.path = request.path
            try:
                connection = await request.accept()
                self.heard.append(await connection.get_message())
                if self.greets:
                    await connection.send_message(json.dumps(READY))
                await self.script(connection)
                while True:
                    self.heard.append(await connection.get_message())
            except ConnectionClosed:
                self.gone.set()
            nursery.cancel_scope.cancel()
