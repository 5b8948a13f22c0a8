"""Where a daemon is reached: its certificate and its listening sockets.

They are tried before anything else is touched, so that a start which is refused for a busy port or
a wrong certificate has neither migrated a database nor left a boot behind. Whoever connects before
the door is open waits in the system's queue.
"""

import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import attrs
import trio

from relayd import config
from relayd.edge.listeners import inherit_listener, listener_url, open_listeners
from relayd.edge.settings import EdgeSettings
from relayd.edge.tls import tls_context

__all__ = ["Entrance", "inherit_entrance", "open_entrance"]


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
    tls = _tls(server)
    listeners = await open_listeners(server.listen, settings)
    with _closing(listeners):
        yield Entrance(settings, listeners, tls)


@contextmanager
def inherit_entrance(
    server: config.Server, settings: EdgeSettings, descriptors: Sequence[int]
) -> Iterator[Entrance]:
    """What another process opened, on the descriptors that were inherited from it."""
    listeners = [inherit_listener(descriptor) for descriptor in descriptors]
    with _closing(listeners):
        yield Entrance(settings, listeners, _tls(server))


def _tls(server: config.Server) -> ssl.SSLContext | None:
    if server.tls_certificate is None:
        return None
    return tls_context(server.tls_certificate, server.tls_key)


@contextmanager
def _closing(listeners: Sequence[trio.SocketListener]) -> Iterator[None]:
    try:
        yield
    finally:
        for listener in listeners:
            listener.socket.close()
