"""What each client has at once: connections, or what a proxy passes on for it.

A trusted proxy's connections are everybody's, so it is not they that are counted for an address
but the requests and WebSockets on them, under the address that the proxy is believed about.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs

from relayd.edge.settings import EdgeSettings
from relayd.quotas.blocks import caps_of, rates_of
from relayd.quotas.limits import Cap, Quotas, Rate

__all__ = ["ARRIVALS", "CONNECTIONS", "CROWDED", "Clients", "Stay"]

# What is counted, alone and with an address.
CONNECTIONS: Final = "connections"
# The same of new ones within a second.
ARRIVALS: Final = "arrivals"
# What one is told who has too many, where there is a way to say it.
CROWDED: Final = "too many requests and streams at once from this address"


@attrs.frozen
class Clients:
    """Those of one daemon."""

    settings: EdgeSettings
    quotas: Quotas

    def arrivals_of(self, address: str) -> Sequence[Rate]:
        """How fast connections may come from there."""
        if not address or self.settings.proxies.trust(address):
            return ()
        return rates_of(ARRIVALS, address, self.settings.connections_per_second, 1)

    def places_of(self, address: str) -> Sequence[Cap]:
        """What a connection from there takes of what there is for all of them."""
        everybody = Cap(CONNECTIONS, self.settings.connections_max)
        if self.settings.proxies.trust(address):
            return [everybody]
        return [everybody, *self._own_places(address)]

    @asynccontextmanager
    async def request(self, scope: Mapping[str, Any]) -> AsyncIterator[bool]:
        """Whether a request, as ASGI has it, finds room; while entered it takes its place."""
        places = self.passed_on(scope)
        if not places:
            yield True
            return
        full = await self.quotas.enter(places)
        try:
            yield full is None
        finally:
            self.quotas.leave(places if full is None else ())

    def passed_on(self, scope: Mapping[str, Any]) -> Sequence[Cap]:
        """What a proxy's client takes. What it asks by itself is as free as its connections.

        Of a request as ASGI has it; nothing where it is counted by its connection.
        """
        proxies = self.settings.proxies
        if not proxies.trust((scope["client"] or ("",))[0]):
            return ()
        address = proxies.requester(scope)
        return () if proxies.trust(address) else self._own_places(address)

    def _own_places(self, address: str) -> Sequence[Cap]:
        return caps_of(CONNECTIONS, address, self.settings.connections_per_address)


@attrs.define(eq=False)
class Stay:
    """The places that one connection takes, from its accept to its end."""

    clients: Clients
    # Called when it is over.
    _ended: Callable[[], object] = lambda: None
    _places: tuple[Cap, ...] = ()

    async def begin(self, address: str) -> str | None:
        """Count a new connection; the key of what is too many, where it is too many."""
        rates = self.clients.arrivals_of(address)
        if rates and await self.clients.quotas.admit(rates):
            return ARRIVALS
        return await self._enter(self.clients.places_of(address))

    async def upgrade(self, scope: Mapping[str, Any]) -> bool:
        """Whether it finds room as a WebSocket, too, that a proxy passes on."""
        return await self._enter(self.clients.passed_on(scope)) is None

    async def _enter(self, places: Sequence[Cap]) -> str | None:
        full = await self.clients.quotas.enter(places) if places else None
        if full is None:
            self._places += tuple(places)
        return full

    def end(self) -> None:
        """Give them all back."""
        places, self._places = self._places, ()
        self.clients.quotas.leave(places)
        self._ended()
