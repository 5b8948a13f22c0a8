"""Where a daemon is reached: its certificate and its listening sockets.

They are tried before anything else is touched, so that a start which is refused for a busy port or
a wrong certificate has neither migrated a database nor left a boot behind. Whoever connects before
the door is open waits in the system's queue.
"""

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import attrs
import trio

from relayd import config
from relayd.edge.listeners import listener_url, open_listeners
from relayd.edge.settings import EdgeSettings
from relayd.edge.tls import tls_context

__all__ = ["Entrance", "open_entrance"]


@attrs.frozen
class Entrance:
    """Listening sockets, how TLS is spoken on them if it is, and what a connection may take."""

    settings: EdgeSettings
    listeners: Sequence[trio.SocketListener]
    tls: ssl.SSLContext | None

    @property
    def urls(self) -> list[str]:
        """Where it really is, one address a socket."""
        return [listener_url(one, tls=self.tls is not None) for one in self.listeners]


@asynccontextmanager
async def open_entrance(server: config.Server, settings: EdgeSettings) -> AsyncIterator[Entrance]:
    """Open while entered. Raises `ConfigError`; then nothing is left open."""
    tls = None
    if server.tls_certificate is not None:
        tls = tls_context(server.tls_certificate, server.tls_key)
    listeners = await open_listeners(server.listen, settings)
    try:
        yield Entrance(settings, listeners, tls)
    finally:
        for listener in listeners:
            listener.socket.close()
