"""Connections that are dialled by number, after the numbers were judged.

A name is resolved once, every address that it has is judged, and one of these is dialled: a name
that answers otherwise the second time leads nowhere else.
"""

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

import attrs
import httpcore
import trio

from relayd.errors import OutboundRefused
from relayd.outbound.addresses import Address, Network, is_port, may_be_reached

__all__ = ["Dialler", "Resolver", "SystemResolver"]

# Of one name. More than a few are tried by nobody who waits.
_ADDRESSES_MAX: Final = 4


class Resolver(Protocol):
    """Names to numbers."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Every address of a name, in the order in which to try them. Raises OSError."""


class SystemResolver:
    """That of the machine, in a thread of Trio's."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """See `Resolver`."""
        found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


@attrs.frozen
class Dialler(httpcore.AsyncNetworkBackend):
    """A network backend of httpcore's that dials what `may_be_reached` alone."""

    allowed: Sequence[Network] = ()
    resolver: Resolver = attrs.field(factory=SystemResolver)
    _tcp: Any = attrs.field(factory=httpcore.TrioBackend)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, judge, dial. Raises `OutboundRefused` for what no user may reach."""
        fault: Exception = httpcore.ConnectError("the name has no address")
        for address in await self._judged(host, port):
            try:
                stream: httpcore.AsyncNetworkStream = await self._tcp.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
            else:
                return stream
        raise fault

    async def connect_unix_socket(self, *_arguments: Any, **_options: Any) -> Any:
        """Never."""
        raise OutboundRefused("a socket of this machine is nobody's to reach")

    async def sleep(self, seconds: float) -> None:
        """As httpcore asks."""
        await trio.sleep(seconds)

    async def _judged(self, host: str, port: int) -> Sequence[Address]:
        if not is_port(port):
            raise OutboundRefused(f"port {port} is no port of a web server")
        try:
            found = await self.resolver.resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError("the name can't be resolved") from error
        # A link-local address may carry its zone.
        addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in found]
        if not all(may_be_reached(address, self.allowed) for address in addresses):
            raise OutboundRefused("it leads to an address that isn't public")
        return addresses[:_ADDRESSES_MAX]
