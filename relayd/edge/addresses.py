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

__all__ = ["Network", "client_address", "networks", "requester"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The longest IPv6 spelling is 45 characters; with brackets, port and quotes there is no more.
_ENTRY_MAX: Final = 64


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Parse configured networks (``10.0.0.0/8``, ``::1``); ValueError where one is wrong."""
    return tuple(ip_network(text, strict=False) for text in texts)


def requester(scope: Mapping[str, Any], trusted: Sequence[Network]) -> str:
    """The address of whoever sent an ASGI request; empty where they came by a Unix socket."""
    peer = (scope.get("client") or ("",))[0] or ""
    values: dict[bytes, list[str]] = {b"x-forwarded-for": [], b"forwarded": []}
    for name, value in scope["headers"]:
        if name in values:
            values[name].append(value.decode("latin-1"))
    return client_address(peer, values[b"x-forwarded-for"], values[b"forwarded"], trusted)


def client_address(
    peer: str,
    x_forwarded_for: Sequence[str],
    forwarded: Sequence[str],
    trusted: Sequence[Network],
) -> str:
    """The address of the client, in its canonical spelling.

    The header values come in the order of the request. Where both headers are there and
    disagree, a proxy set one and passed the client's own on as the other: nobody can tell which
    is which, so the request is counted as the proxy's.
    """
    nearest = _parse(peer)
    if nearest is None:
        return peer
    if not _is_trusted(nearest, trusted):
        return str(nearest)
    claims = []
    if x_forwarded_for:
        claims.append(_walk(nearest, _entries(x_forwarded_for), trusted))
    if forwarded:
        claims.append(_walk(nearest, map(_for_value, _entries(forwarded)), trusted))
    return str(claims[0] if claims and len(set(claims)) == 1 else nearest)


def _walk(nearest: Address, entries: Iterable[str], trusted: Sequence[Network]) -> Address:
    """Follow the claims while trusted hops make them; stop before one that says nothing."""
    believed = nearest
    for entry in entries:
        address = _parse_hop(entry)
        if address is None:
            return believed
        believed = address
        if not _is_trusted(address, trusted):
            return believed
    return believed


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


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
