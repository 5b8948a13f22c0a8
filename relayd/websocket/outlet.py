"""The sending half of a byte stream: at once where the socket takes it, else waiting, in order.

A frame of audio or a result is far smaller than a socket's buffer, so nearly every one can go
out in one system call, without the lock, the checkpoint and the switch of tasks that waiting
takes. What a socket took in part is finished before anything else goes out.
"""

import os
from collections.abc import Callable

import attrs
import trio

__all__ = ["Outlet"]


@attrs.define(eq=False)
class Outlet:
    """Whole frames to a stream. Only a bare socket takes anything at once; TLS has to wait."""

    stream: trio.abc.Stream
    _lock: trio.Lock = attrs.field(factory=trio.Lock)
    _rest: bytes = b""

    @property
    def unfinished(self) -> bool:
        """Whether part of a frame is still to be sent: the next `send` begins with it."""
        return bool(self._rest)

    @property
    def busy(self) -> bool:
        """Whether a `send` is under way, or waits for its turn."""
        return self._lock.locked()

    def send_at_once(self, data: bytes) -> bool:
        """Send if that needs no waiting; False where nothing was sent."""
        if self._rest or self._lock.locked() or not isinstance(self.stream, trio.SocketStream):
            return False
        try:
            sent = os.write(self.stream.socket.fileno(), data)
        except OSError:
            # Full, or gone: who waits for the socket will hear which.
            return False
        self._rest = data[sent:]
        return True

    async def send(self, data: bytes, first: Callable[[], bytes] = bytes) -> None:
        """Send after all that was begun before; what ``first`` gives by then goes out ahead.

        Raises what the stream raises. One that is cancelled may leave half a frame behind.
        """
        async with self._lock:
            rest, self._rest = self._rest, b""
            await self.stream.send_all(rest + first() + data)
