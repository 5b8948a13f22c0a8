"""What is needed of a stream beyond Trio's interface: a synchronous cut, and a last word heard.

A cut needs no checkpoint, so it works inside a cancelled scope and from a callback; whoever waits
on the stream wakes with `trio.ClosedResourceError`.
"""

import contextlib
import socket
import struct
from typing import Final

import trio

from relayd.websocket.tls import TlsStream

__all__ = ["LINGER_SECONDS", "LOST", "READ_BYTES", "cut", "depart", "linger_seconds"]

# How a stream says that the peer, or we ourselves, ended it. `OSError` covers ssl.SSLError.
LOST: Final = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)

READ_BYTES: Final = 16_384

# Under TLS there is no half-closing: the peer may wait for our end, so it is not waited for long.
LINGER_SECONDS: Final = 0.5

# onoff = 1, seconds = 0: closing sends RST and drops what the peer would not read.
_NO_LINGER: Final = struct.pack("ii", 1, 0)


def cut(stream: trio.abc.Stream, *, reset: bool = False) -> None:
    """Close at once, synchronously. With ``reset``, what the peer has not read is dropped."""
    if isinstance(stream, TlsStream):
        if reset and stream.tls.fileno() >= 0:
            with contextlib.suppress(OSError):
                stream.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        stream.close(goodbye=not reset)
    elif isinstance(stream, trio.SocketStream):
        if reset:
            with contextlib.suppress(OSError):
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        stream.socket.close()
    elif isinstance(stream, trio.StapledStream):
        for half in (stream.send_stream, stream.receive_stream):
            close = getattr(half, "close", None)
            if close is not None:
                close()


def linger_seconds(stream: trio.abc.Stream, seconds: float) -> float:
    """How long a peer's end is waited for, of so many seconds."""
    return min(seconds, LINGER_SECONDS) if isinstance(stream, TlsStream) else seconds


async def depart(stream: trio.abc.Stream, seconds: float) -> None:
    """Close so that the peer can still read our last words.

    Closing a socket that holds unread data resets it, and a reset destroys what the peer has not
    read yet. So end our half, discard what still comes, bounded in time, then close.
    """
    try:
        with trio.move_on_after(linger_seconds(stream, seconds)):
            if isinstance(stream, trio.abc.HalfCloseableStream):
                await stream.send_eof()
            while await stream.receive_some(READ_BYTES):
                pass
    except (*LOST, trio.BusyResourceError):
        pass
    finally:
        cut(stream)
