"""Whose request it is: the address a limit counts, through proxies that are configured.

Pure. A forwarding header is a claim of whoever sent it. It is read from right to left, each
entry believed only because the hop that added it is trusted; the first address that is not a
trusted proxy's is the client's. What a client writes itself always stands further left.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any, Final

import attrs

__all__ = ["Network", "Proxies"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The longest IPv6 spelling is 45 characters; with brackets, port and quotes there is no more.
_ENTRY_MAX: Final = 64


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)


@attrs.frozen
class Proxies:
    """Those that are believed about who asks, and the one header by which they say so.

    ``networks``: as text (``10.0.0.0/8``, ``::1``); ValueError where one is wrong. ``header``:
    ``X-Forwarded-For`` or ``Forwarded``. The other one is whatever a client says, since a proxy
    passes on what it doesn't set.
    """

    networks: tuple[Network, ...] = attrs.field(default=(), converter=_networks)
    header: str = "X-Forwarded-For"

    def trust(self, address: str) -> bool:
        """Whether this is one of them."""
        parsed = _parse(address)
        return parsed is not None and self._has(parsed)

    def client_of(self, peer: str, values: Sequence[str]) -> str:
        """The address of the client, in its canonical spelling.

        ``values`` are the header's, in the order of the request.
        """
        nearest = _parse(peer)
        if nearest is None:
            return peer
        if not self._has(nearest):
            return str(nearest)
        entries = _entries(values) if values else ()
        if self.header == "Forwarded":
            entries = map(_for_value, entries)
        return str(self._walk(nearest, entries))

    def requester(self, scope: Mapping[str, Any]) -> str:
        """The address of whoever sent an ASGI request; empty where they came by a Unix socket."""
        peer = (scope.get("client") or ("",))[0] or ""
        header = self.header.lower().encode()
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == header]
        return self.client_of(peer, values)

    def _walk(self, nearest: Address, entries: Iterable[str]) -> Address:
        """Follow the claims while trusted hops make them; stop before one that says nothing."""
        believed = nearest
        for entry in entries:
            address = _parse_hop(entry)
            if address is None:
                return believed
            believed = address
            if not self._has(address):
                return believed
        return believed

    def _has(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _entries(values: Sequence[str]) -> Iterable[str]:
    """The entries of a list header, last one first.

    Split at every comma, also at one inside quotes: a client's unbalanced quote must not
    swallow what the proxy adds behind it.
    """
    return reversed(",".join(values).split(","))


def _for_value(element: str) -> str:
    """The ``for`` parameter of one ``Forwarded`` element (RFC 7239, section 4)."""
    for pair in element.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            return value.strip().removeprefix('"').removesuffix('"')
    return ""


def _parse_hop(entry: str) -> Address | None:
    """An address with or without a port; None for ``unknown``, ``_hidden`` and nonsense."""
    text = entry.strip()
    if len(text) > _ENTRY_MAX:
        return None
    if text.startswith("["):
        return _parse(text[1:].partition("]")[0])
    if text.count(":") == 1:
        return _parse(text.partition(":")[0])
    return _parse(text)


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        # One host, one spelling: a zone is local to whoever wrote it.
        return address.ipv4_mapped or IPv6Address(int(address))
    return address
