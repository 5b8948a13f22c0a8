"""Opens the listening sockets that ``server.listen`` names, or takes over inherited ones."""

import contextlib
import errno
import socket
from collections.abc import Sequence
from typing import Final

import trio

from relayd.config import forms
from relayd.edge.settings import EdgeSettings
from relayd.errors import ConfigError

__all__ = ["inherit_listener", "listener_url", "open_listeners"]

_KEY: Final = "server.listen"

# Connections that the kernel completes while we are busy. A restart through an inherited socket
# queues here, so it is generous; the kernel caps it at net.core.somaxconn.
_BACKLOG: Final = 1024

_REMEDIES: Final = {
    errno.EADDRINUSE: "another program listens there; stop it or choose another port",
    errno.EADDRNOTAVAIL: "this machine has no such address; use one of its own, or 0.0.0.0",
    errno.EACCES: "ports below 1024 need a privilege; choose a higher one, or let systemd open it",
}


async def open_listeners(
    listen: Sequence[str], settings: EdgeSettings
) -> list[trio.SocketListener]:
    """Open each place, as `relayd.config.forms.address` has them; port 0 takes a free one.

    Raises `ConfigError`; then none is left open.
    """
    if not listen:
        raise ConfigError(_KEY, 'is empty; say where to listen, like "127.0.0.1:8080"')
    listeners: list[trio.SocketListener] = []
    try:
        for place in listen:
            descriptor = forms.inherited(place)
            if descriptor is None:
                listeners.extend(await _open_address(place))
            else:
                listeners.append(inherit_listener(descriptor))
        for listener in listeners:
            _size_buffers(listener, settings.socket_buffer_bytes)
    except BaseException:
        for listener in listeners:
            listener.socket.close()
        raise
    return listeners


def listener_url(listener: trio.SocketListener, *, tls: bool) -> str:
    """Where it really listens, as a URL."""
    name = listener.socket.getsockname()
    scheme = "https" if tls else "http"
    if not isinstance(name, tuple):
        return f"{scheme}+unix:{name}"
    host, port = name[0], name[1]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


async def _open_address(place: str) -> list[trio.SocketListener]:
    problem = forms.address(place)
    if problem:
        raise ConfigError(_KEY, f"{problem}, not {place!r}")
    host, port = forms.split(place)
    try:
        return await trio.open_tcp_listeners(port, host=host or None, backlog=_BACKLOG)
    except OSError as error:
        # Trio wraps what went wrong when every address of a name failed.
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        remedy = _REMEDIES.get(cause.errno or 0, "check the name and the network")
        raise ConfigError(_KEY, f"can't listen on {place}: {cause}; {remedy}") from error


def inherit_listener(descriptor: int) -> trio.SocketListener:
    """A listening socket that this process was given. Raises `ConfigError`."""
    try:
        inherited = socket.socket(fileno=descriptor)
    except OSError as problem:
        raise ConfigError(
            _KEY,
            f"fd://{descriptor} is not an inherited socket ({problem}); start relayd from its"
            " systemd socket unit, whose first descriptor is fd://3",
        ) from problem
    try:
        with contextlib.suppress(OSError):
            # Inherited sockets must not leak into worker processes.
            inherited.set_inheritable(False)
        inherited.setblocking(False)
        if not inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            inherited.listen(_BACKLOG)
        return trio.SocketListener(trio.socket.from_stdlib_socket(inherited))
    except (OSError, ValueError) as problem:
        inherited.close()
        raise ConfigError(
            _KEY, f"fd://{descriptor} is not a listening stream socket ({problem})"
        ) from problem


def _size_buffers(listener: trio.SocketListener, size: int) -> None:
    # Set on the listener, accepted sockets inherit them, and the window is announced to match.
    listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
