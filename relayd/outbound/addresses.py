"""Which addresses the server may be sent to by its users: those of the public internet. Pure.

Whoever may name an address could else reach through the server what only the server reaches: its
own machine, the network behind it, a cloud's metadata. The lists are the IANA's special-purpose
registries (RFC 6890); networks that carry IPv4 addresses inside of IPv6 ones are refused whole,
because what they lead to is another's to decide.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

__all__ = ["Address", "Network", "is_port", "may_be_reached"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_REFUSED: Final[Sequence[Network]] = tuple(
    ipaddress.ip_network(one)
    for one in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, where clouds keep their metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
    )
)
# Of IPv6 only what is given to the public, less what in it isn't.
_PUBLIC: Final = ipaddress.ip_network("2000::/3")
_REFUSED_6: Final[Sequence[Network]] = tuple(
    ipaddress.ip_network(one)
    for one in (
        "2001::/23",  # Teredo, ORCHID and such
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",  # documentation
    )
)
# Below these a server of another kind might take a request for something of its own (SMTP, say).
_WELL_KNOWN_PORTS: Final = {80, 443}
_FREE_PORTS: Final = range(1024, 65_536)


def may_be_reached(address: Address, allowed: Iterable[Network] = ()) -> bool:
    """Whether it is public, or in a network that the operator allows."""
    if any(address in network for network in allowed):
        return True
    if isinstance(address, ipaddress.IPv6Address):
        return address in _PUBLIC and not any(address in network for network in _REFUSED_6)
    return not any(address in network for network in _REFUSED)


def is_port(number: int) -> bool:
    """Whether a server of the web may listen there."""
    return number in _WELL_KNOWN_PORTS or number in _FREE_PORTS
