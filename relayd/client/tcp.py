"""A TCP connection as a byte stream, for an app that says a little, often.

Trio's own lets other tasks run after each call, and asks the socket for what can't be there yet.
A block of sound comes every few hundredths of a second, to code that no cache holds any more: all
that is called on its way counts, and this is half as much.
"""

import socket
from typing import Final

import attrs
import trio

__all__ = ["TcpStream"]

_RECEIVE_BYTES: Final = 64 * 1024


@attrs.define(eq=False)
class TcpStream(trio.abc.Stream):
    """A connected socket. One task may send and another receive."""

    _socket: socket.socket

    @classmethod
    def taking(cls, stream: trio.SocketStream) -> "TcpStream":
        """Take the socket out of Trio's stream, which is closed then."""
        taken = socket.socket(fileno=stream.socket.detach())
        taken.setblocking(False)
        return cls(taken)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send it, at once where the socket has room: then no other task runs in between."""
        await trio.lowlevel.checkpoint_if_cancelled()
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:  # noqa: PERF203 - once a block, mostly
                await trio.lowlevel.wait_writable(self._socket)
            except OSError as error:
                raise self._failure() from error

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until there is room."""
        self._check_open()
        await trio.lowlevel.wait_writable(self._socket)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Wait for what comes next; empty at the end."""
        self._check_open()
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(_RECEIVE_BYTES if max_bytes is None else max_bytes)
            except BlockingIOError:
                continue  # The kernel was mistaken, as it may be.
            except OSError as error:
                raise self._failure() from error

    async def aclose(self) -> None:
        """Close it; a task that waits for it hears of that."""
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Close it, without waiting."""
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()

    def _check_open(self) -> None:
        if self._socket.fileno() < 0:
            raise self._failure()

    def _failure(self) -> Exception:
        if self._socket.fileno() < 0:
            return trio.ClosedResourceError("this connection was closed here")
        return trio.BrokenResourceError("the connection broke")
