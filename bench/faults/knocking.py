"""Somebody who goes on connecting: whatever happens, nobody may be refused."""

from typing import Final

import attrs
import trio

__all__ = ["Knocker"]

_BETWEEN_SECONDS: Final = 0.02
_ANSWER_SECONDS: Final = 10
_ASK: Final = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


@attrs.define(eq=False)
class Knocker:
    """A new connection fifty times a second, each with one request.

    ``refused``: nobody took it. ``cut``: who took it ended without an answer.
    """

    port: int
    answered: int = 0
    refused: int = 0
    cut: int = 0
    slowest_seconds: float = 0.0

    async def knock_on(self) -> None:
        """Until cancelled."""
        while True:
            begun = trio.current_time()
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", self.port)
            except OSError:
                self.refused += 1
            else:
                if await _answered(stream):
                    self.answered += 1
                else:
                    self.cut += 1
            self.slowest_seconds = max(self.slowest_seconds, trio.current_time() - begun)
            await trio.sleep(_BETWEEN_SECONDS)


async def _answered(stream: trio.SocketStream) -> bool:
    answer = b""
    async with stream:
        try:
            with trio.move_on_after(_ANSWER_SECONDS):
                await stream.send_all(_ASK)
                while data := await stream.receive_some():
                    answer += data
        except trio.BrokenResourceError:
            return False
    return answer.startswith(b"HTTP/1.1 200")
