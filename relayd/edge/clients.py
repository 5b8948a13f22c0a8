"""What each client has at once: connections, or what a proxy passes on for it.

A trusted proxy's connections are everybody's, so it is not they that are counted for an address
but the requests and WebSockets on them, under the address that the proxy is believed about.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs

from relayd.edge.settings import EdgeSettings
from relayd.quotas.blocks import caps_of, rates_of
from relayd.quotas.limits import Cap, Quotas, Rate

__all__ = ["ARRIVALS", "CONNECTIONS", "CROWDED", "Clients"]

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

    async def admit(self, address: str) -> str | None:
        """Count a new connection; the key of what is too many, where it is too many.

        One that is admitted gives back `places_of` when it ends.
        """
        rates = self._arrivals(address)
        if rates and await self.quotas.admit(rates):
            return ARRIVALS
        return await self.quotas.enter(self.places_of(address))

    def _arrivals(self, address: str) -> Sequence[Rate]:
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
        places = self._passed_on(scope)
        if not places:
            # It is counted by its connection.
            yield True
            return
        full = await self.quotas.enter(places)
        try:
            yield full is None
        finally:
            self.quotas.leave(places if full is None else ())

    def _passed_on(self, scope: Mapping[str, Any]) -> Sequence[Cap]:
        """What a proxy's client takes. What it asks by itself is as free as its connections."""
        proxies = self.settings.proxies
        if not proxies.trust((scope["client"] or ("",))[0]):
            return ()
        address = proxies.requester(scope)
        return () if proxies.trust(address) else self._own_places(address)

    def _own_places(self, address: str) -> Sequence[Cap]:
        return caps_of(CONNECTIONS, address, self.settings.connections_per_address)
