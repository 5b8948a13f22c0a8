"""Whose budget an address counts against.

An IPv4 address is one budget. Of IPv6 whoever has an address has the /64 around it, a customer is
given a /56 as a rule, and a site up to a /48 (RFC 6177): each of the three has a budget, the larger
one a larger one, so that nobody multiplies theirs by walking through what they were given. Pure.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

import attrs

from relayd.quotas.limits import Cap, Rate

__all__ = ["Block", "blocks_of", "caps_of", "rates_of"]

# Prefixes, and how many times the budget of one address they have: a house of two busy machines,
# an office of four.
_BUDGETS: Final = {64: 1, 56: 2, 48: 4}


@attrs.frozen
class Block:
    """Addresses that share a budget: so many times that of a single one."""

    network: IPv4Network | IPv6Network
    times: int


def blocks_of(address: str) -> Sequence[Block]:
    """Those that an address lies in, smallest first; none for what is no address."""
    try:
        # A link-local address carries its interface behind a percent sign.
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return ()
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is None:
            return [
                Block(IPv6Network((int(ip), prefix), strict=False), times)
                for prefix, times in _BUDGETS.items()
            ]
        ip = ip.ipv4_mapped
    return [Block(IPv4Network((int(ip), 32)), 1)]


def caps_of(key: str, address: str, most: int) -> Sequence[Cap]:
    """At most so many at once; no bound for whoever comes from no address (a Unix socket)."""
    return [Cap(f"{key} {one.network}", most * one.times) for one in blocks_of(address)]


def rates_of(key: str, address: str, most: int, seconds: float = 60.0) -> Sequence[Rate]:
    """At most so many in any ``seconds``. Those who come from no address count as one."""
    rates = [Rate(f"{key} {one.network}", most * one.times, seconds) for one in blocks_of(address)]
    return rates or [Rate(f"{key} local", most, seconds)]
