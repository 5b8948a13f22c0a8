"""TLS spoken by OpenSSL on the socket itself, as a Trio stream.

Trio's own TLS keeps OpenSSL away from the socket, behind two buffers in memory, so that it works
over any stream; every byte is copied twice more, and each connection keeps the buffers. Here the
socket doesn't block and OpenSSL reads and writes it. Once a WebSocket is open, the pump uses
``tls`` directly.
"""

import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable

import trio

__all__ = ["TlsStream", "Wait"]

# For a socket to be ready.
Wait = Callable[[socket.socket], Awaitable[None]]


class TlsStream(trio.abc.Stream):
    """TLS on a connected socket, which belongs to it from here on. Begin with `do_handshake`.

    Raises ``OSError`` (`ssl.SSLError` is one) where a socket does. An end without TLS's goodbye is
    an end: what matters says so itself (RFC 6455, section 7.1; `Content-Length`).
    """

    def __init__(
        self,
        tcp: trio.SocketStream,
        context: ssl.SSLContext,
        *,
        server_hostname: str | None = None,
        server_side: bool = False,
    ) -> None:
        plain = socket.socket(fileno=tcp.socket.detach())
        plain.setblocking(False)
        try:
            self.tls = context.wrap_socket(
                plain,
                server_hostname=server_hostname,
                server_side=server_side,
                do_handshake_on_connect=False,
            )
        except BaseException:
            plain.close()
            raise

    async def do_handshake(self) -> None:
        """Agree on the keys, and check the certificate where we are the client."""
        await trio.lowlevel.checkpoint()
        while (wait := self.shake()) is not None:
            await wait(self.tls)

    def shake(self) -> Wait | None:
        """One step of the handshake: what to wait for before the next; None once it is done."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return trio.lowlevel.wait_readable
        except ssl.SSLWantWriteError:
            return trio.lowlevel.wait_writable
        return None

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Up to so many bytes, as soon as there are some; none at the end."""
        while True:
            await trio.lowlevel.checkpoint()
            self._check()
            try:
                return self.tls.read(max_bytes or 65_536)
            except ssl.SSLWantReadError:
                await trio.lowlevel.wait_readable(self.tls)
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(self.tls)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything. One that is cancelled leaves the connection unusable."""
        await trio.lowlevel.checkpoint()
        rest = memoryview(data)
        while rest:
            self._check()
            try:
                rest = rest[self.tls.write(rest) :]
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(self.tls)
            except ssl.SSLWantReadError:
                await trio.lowlevel.wait_readable(self.tls)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the socket takes something."""
        self._check()
        await trio.lowlevel.wait_writable(self.tls)

    async def aclose(self) -> None:
        """Say TLS's goodbye without waiting for an answer, and close."""
        self.close(goodbye=True)
        await trio.lowlevel.checkpoint()

    def close(self, *, goodbye: bool = False) -> None:
        """Close at once; whoever waits wakes with `trio.ClosedResourceError`."""
        if self.tls.fileno() < 0:
            return
        if goodbye:
            # It is out when the call complains that the other end's has not come yet. Before the
            # handshake, or after a fault of TLS's, there is none to say.
            with contextlib.suppress(OSError, ValueError):
                self.tls.unwrap()
        trio.lowlevel.notify_closing(self.tls)
        self.tls.close()

    def _check(self) -> None:
        if self.tls.fileno() < 0:
            raise trio.ClosedResourceError
