"""Who is on the other end of a connection."""

import attrs
import trio

__all__ = ["Peer", "peer_of"]

_ADDRESS_FIELDS = 2


@attrs.frozen
class Peer:
    """The two ends of a connection, as ASGI wants them, and whether TLS lies between."""

    client: tuple[str, int] | None = None
    server: tuple[str, int] | None = None
    tls: bool = False

    @property
    def address(self) -> str:
        """The peer's IP address; empty for a Unix socket or a stream in memory."""
        return self.client[0] if self.client else ""


def peer_of(stream: trio.SocketStream, *, tls: bool) -> Peer:
    """Who is connected to what; raises OSError when they left already."""
    return Peer(_address(stream.socket.getpeername()), _address(stream.socket.getsockname()), tls)


def _address(name: object) -> tuple[str, int] | None:
    """Host and port of an IPv4 or IPv6 socket name; None for a Unix socket's."""
    if isinstance(name, tuple) and len(name) >= _ADDRESS_FIELDS:
        return str(name[0]), int(name[1])
    return None
