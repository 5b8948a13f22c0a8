"""Opens the client's half of a WebSocket over a Trio stream."""

from typing import Final

import trio

from relayd.websocket.handshake import Answered, Request, Turned

__all__ = ["upgrade"]

_READ_BYTES: Final = 4096


async def upgrade(stream: trio.abc.Stream, request: Request) -> Answered | Turned:
    """Ask for a WebSocket. Raises `NoWebSocket` or `OSError`; the deadline is the caller's."""
    try:
        await stream.send_all(request.head)
        while (answer := request.answer(bytes(await stream.receive_some(_READ_BYTES)))) is None:
            pass
    except (trio.BrokenResourceError, trio.ClosedResourceError) as problem:
        raise ConnectionResetError("it hung up during the upgrade") from problem
    return answer
