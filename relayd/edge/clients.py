"""What each client has at once: connections, or what a proxy passes on for it.

A trusted proxy's connections are everybody's, so it is not they that are counted for an address
but the requests and WebSockets on them, under the address that the proxy is believed about.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs

from relayd.edge.settings import EdgeSettings
from relayd.quotas.blocks import caps_of
from relayd.quotas.limits import Cap, Quotas

__all__ = ["CONNECTIONS", "CROWDED", "Clients"]

# What is counted, alone and with an address.
CONNECTIONS: Final = "connections"
# What one is told who has too many, where there is a way to say it.
CROWDED: Final = "too many requests and streams at once from this address"


@attrs.frozen
class Clients:
    """Those of one daemon."""

    settings: EdgeSettings
    quotas: Quotas

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
