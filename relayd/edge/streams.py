"""What the edge needs of a stream beyond Trio's interface: its descriptor, and a synchronous cut.

A cut needs no checkpoint, so it works inside a cancelled scope and from a callback; whoever waits
on the stream wakes with `trio.ClosedResourceError`.
"""

import contextlib
import socket
import struct
from typing import Final

import trio

__all__ = ["LOST", "cut", "depart", "descriptor", "holds_unread", "socket_of"]

# How a stream says that the peer, or we ourselves, ended it. `OSError` covers ssl.SSLError.
LOST: Final = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)

READ_BYTES: Final = 16_384

_TLS_LINGER_SECONDS: Final = 0.5

# onoff = 1, seconds = 0: closing sends RST and drops what the peer would not read.
_NO_LINGER: Final = struct.pack("ii", 1, 0)


def socket_of(stream: trio.abc.Stream) -> trio.socket.SocketType | None:
    """The socket underneath, through TLS; None for a stream in memory."""
    while isinstance(stream, trio.SSLStream):
        stream = stream.transport_stream
    return stream.socket if isinstance(stream, trio.SocketStream) else None


def descriptor(stream: trio.abc.Stream) -> int | None:
    """The file descriptor underneath, where there is an open one."""
    sock = socket_of(stream)
    if sock is None or sock.fileno() < 0:
        return None
    return sock.fileno()


def holds_unread(stream: trio.abc.Stream) -> bool:
    """Whether something came, or its end did, that nobody has read. Streams in memory don't say."""
    sock = socket_of(stream)
    return sock is not None and sock.fileno() >= 0 and sock.is_readable()


def cut(stream: trio.abc.Stream, *, reset: bool = False) -> None:
    """Close at once, synchronously. With ``reset``, what the peer has not read is dropped."""
    while isinstance(stream, trio.SSLStream):
        stream = stream.transport_stream
    sock = socket_of(stream)
    if sock is not None:
        if reset:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        sock.close()
    elif isinstance(stream, trio.StapledStream):
        for half in (stream.send_stream, stream.receive_stream):
            close = getattr(half, "close", None)
            if close is not None:
                close()


async def depart(stream: trio.abc.Stream, seconds: float) -> None:
    """Close so that the peer can still read our last words.

    Closing a socket that holds unread data resets it, and a reset destroys what the peer has not
    read yet. So end our half, discard what still comes, bounded in time, then close.
    """
    tls = isinstance(stream, trio.SSLStream)
    try:
        # Under TLS there is no half-closing, so the peer may wait for our end: don't wait long.
        with trio.move_on_after(min(seconds, _TLS_LINGER_SECONDS) if tls else seconds):
            if isinstance(stream, trio.abc.HalfCloseableStream):
                await stream.send_eof()
            while await stream.receive_some(READ_BYTES):
                pass
        if tls:
            with trio.move_on_after(seconds):
                await stream.aclose()
    except (*LOST, trio.BusyResourceError):
        pass
    finally:
        cut(stream)
