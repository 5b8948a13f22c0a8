"""Where the server is, and a byte stream to it.

`Connect` is the seam: `dial` opens TCP or TLS; a test hands out one end of a memory stream.
"""

import ipaddress
import os
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import attrs
import trio

from relayd.client.errors import ConnectError
from relayd.client.tcp import TcpStream

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup

__all__ = ["Address", "Connect", "Watched", "connect_within", "dial"]

_DEFAULT_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}


@attrs.frozen
class Address:
    """A server's address: ``http``, ``https``, ``ws`` or ``wss``, perhaps with a path prefix."""

    host: str
    port: int
    tls: bool
    prefix: str = ""

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read a server URL; ValueError says what is wrong with it."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in _DEFAULT_PORTS:
            raise ValueError(f"{parts.scheme}:// is not one of http, https, ws, wss")
        if not parts.hostname or any(c <= " " or c > "~" for c in url):
            raise ValueError("no host in the server's address")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("the server's address holds host, port and path only, no secrets")
        port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
        return cls(
            host=parts.hostname,
            port=port,
            tls=parts.scheme in ("https", "wss"),
            prefix=parts.path.rstrip("/"),
        )

    @property
    def authority(self) -> str:
        """The ``Host`` header: brackets around IPv6, no port where it is the default one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def exposed(self) -> bool:
        """Whether secrets sent there cross a network unencrypted."""
        if self.tls or self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.authority}{self.prefix}"


Connect = Callable[[Address], Awaitable[trio.abc.Stream]]


async def dial(address: Address) -> trio.abc.Stream:
    """Open TCP, and TLS with verified certificates where the address says so."""
    context: ssl.SSLContext | None = None
    if address.tls:
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
    stream = TcpStream.taking(await trio.open_tcp_stream(address.host, address.port))
    if context is None:
        return stream
    return trio.SSLStream(stream, context, server_hostname=address.host, https_compatible=True)


async def connect_within(seconds: float, connect: Connect, address: Address) -> trio.abc.Stream:
    """Connect (TLS handshake included) under a deadline, or say in one sentence why not."""
    stream: trio.abc.Stream | None = None
    try:
        with trio.move_on_after(seconds):
            stream = await connect(address)
            if isinstance(stream, trio.SSLStream):
                await _shake_hands(stream)
            return stream
    except ssl.SSLError as error:
        reason = (
            getattr(error, "verify_message", None) or getattr(error, "reason", None) or str(error)
        )
        raise ConnectError(f"{address}: TLS: {reason}") from error
    except (OSError, trio.BrokenResourceError) as error:
        raise ConnectError(f"{address}: {_root(error)}") from error
    raise ConnectError(f"{address}: no connection within {seconds:g} s")


async def _shake_hands(stream: trio.abc.Stream) -> None:
    """TLS now rather than at the first byte, so that its errors are connection errors."""
    assert isinstance(stream, trio.SSLStream)
    shaken = False
    try:
        await stream.do_handshake()
        shaken = True
    except trio.BrokenResourceError as error:
        if isinstance(error.__cause__, ssl.SSLError):
            raise error.__cause__ from None
        raise
    finally:
        if not shaken:
            # Forced, hence without waiting; the scope makes that plain to a cancelled caller.
            with trio.move_on_after(1, shield=True):
                await trio.aclose_forcefully(stream)


def _root(error: BaseException) -> str:
    """The plainest wording of a failed connect: several addresses may have been tried."""
    cause = error.__cause__
    if isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    plain = cause if isinstance(cause, OSError) else error
    # Numbers of the resolver's and of Windows' mean nothing, or something else, to strerror.
    foreign = isinstance(plain, socket.gaierror) or getattr(plain, "winerror", None)
    if isinstance(plain, OSError) and plain.errno is not None and not foreign:
        return os.strerror(plain.errno)
    return getattr(plain, "strerror", None) or str(plain) or type(plain).__name__


@attrs.define(eq=False)
class Watched(trio.abc.Stream):
    """A byte stream that tells when the peer's side of it ended."""

    inner: trio.abc.Stream
    ended: trio.Event = attrs.field(factory=trio.Event)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Pass on, and notice the end."""
        try:
            await self.inner.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.ended.set()
            raise

    async def wait_send_all_might_not_block(self) -> None:
        """Pass on."""
        await self.inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Pass on, and notice the end."""
        try:
            data = await self.inner.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.ended.set()
            raise
        if not data:
            self.ended.set()
        return bytes(data)

    async def aclose(self) -> None:
        """Close it; whoever waits for its end need not wait any more."""
        self.ended.set()
        await self.inner.aclose()
