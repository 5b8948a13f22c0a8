"""Whose request it is: no header moves it but one that a trusted proxy wrote."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.edge.addresses import Proxies

NETWORKS = ("10.0.0.0/8", "fd00::/8", "192.0.2.1")
USUAL = Proxies(NETWORKS)
STANDARD = Proxies(NETWORKS, "Forwarded")
PROXY = "10.0.0.1"

ADDRESSES = st.ip_addresses().map(str)
OUTSIDE = st.ip_addresses(network="198.51.100.0/24").map(str)
INSIDE = st.ip_addresses(network="10.0.0.0/8").map(str)
JUNK = st.text(st.characters(codec="latin-1")) | ADDRESSES | st.sampled_from(["for=", '"', "[::1"])


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("198.51.100.7", [], "198.51.100.7"),
        ("198.51.100.7", ["203.0.113.1"], "198.51.100.7"),
        (PROXY, [], PROXY),
        (PROXY, ["198.51.100.7"], "198.51.100.7"),
        (PROXY, ["203.0.113.1, 198.51.100.7"], "198.51.100.7"),
        (PROXY, ["203.0.113.1", "198.51.100.7"], "198.51.100.7"),
        (PROXY, ["203.0.113.1, 198.51.100.7,10.0.0.2 , 192.0.2.1"], "198.51.100.7"),
        (PROXY, ["10.0.0.9, 10.0.0.8"], "10.0.0.9"),
        (PROXY, ["198.51.100.7:4711"], "198.51.100.7"),
        (PROXY, ["2001:db8::7"], "2001:db8::7"),
        (PROXY, ["2001:DB8:0:0::7"], "2001:db8::7"),
        (PROXY, ["[2001:db8::7]"], "2001:db8::7"),
        (PROXY, ["[2001:db8::7]:4711"], "2001:db8::7"),
        (PROXY, ["fe80::1%eth0"], "fe80::1"),
        (PROXY, ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("fd00::1%2", ["198.51.100.7"], "198.51.100.7"),
        (PROXY, [""], PROXY),
        (PROXY, ["unknown"], PROXY),
        (PROXY, ["198.51.100.7, _hidden"], PROXY),
        (PROXY, ["198.51.100.7, nonsense, 10.0.0.2"], "10.0.0.2"),
        (PROXY, ["198.51.100.7,"], PROXY),
        (PROXY, ["1" * 100_000], PROXY),
        (PROXY, ["010.1.1.1"], PROXY),
        ("", ["198.51.100.7"], ""),
        ("/run/relayd.sock", ["198.51.100.7"], "/run/relayd.sock"),
    ],
)
def test_x_forwarded_for(peer: str, header: list[str], client: str) -> None:
    """Read from right to left, over trusted hops only, and no further than it makes sense."""
    assert USUAL.client_of(peer, header) == client


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (["for=198.51.100.7"], "198.51.100.7"),
        (["For=198.51.100.7;proto=https; by=10.0.0.1"], "198.51.100.7"),
        (['for="[2001:db8::7]:4711"'], "2001:db8::7"),
        (["for=203.0.113.1, for=198.51.100.7, for=10.0.0.2"], "198.51.100.7"),
        (["for=203.0.113.1", "proto=https;for=198.51.100.7"], "198.51.100.7"),
        (['for="203.0.113.1, for=198.51.100.7'], "198.51.100.7"),
        (["for=unknown"], PROXY),
        (["for=_hidden"], PROXY),
        (["proto=https"], PROXY),
        (["198.51.100.7"], PROXY),
    ],
)
def test_forwarded(header: list[str], client: str) -> None:
    """RFC 7239's header says the same in its own way; an open quote swallows nothing."""
    assert STANDARD.client_of(PROXY, header) == client


@pytest.mark.parametrize(
    ("proxies", "client"), [(USUAL, "198.51.100.7"), (STANDARD, "203.0.113.1")]
)
def test_one_header_counts(proxies: Proxies, client: str) -> None:
    """The other one is the client's own word, which a proxy passes on."""
    headers = [(b"x-forwarded-for", b"198.51.100.7"), (b"forwarded", b"for=203.0.113.1")]
    scope = {"client": (PROXY, 4711), "headers": headers}
    assert proxies.requester(scope) == client


@pytest.mark.parametrize("proxies", [USUAL, STANDARD])
def test_the_other_header_alone(proxies: Proxies) -> None:
    """Where only the header came that isn't configured, the request is the proxy's."""
    headers = {USUAL: (b"forwarded", b"for=198.51.100.7"), STANDARD: (b"x-forwarded-for", b"::7")}
    other = headers[proxies]
    assert proxies.requester({"client": (PROXY, 4711), "headers": [other]}) == PROXY


both = pytest.mark.parametrize("proxies", [USUAL, STANDARD])


@both
@given(peer=OUTSIDE, header=st.lists(JUNK))
def test_untrusted_peers(proxies: Proxies, peer: str, header: list[str]) -> None:
    """No header whatever moves the address of a peer that is not a proxy."""
    assert proxies.client_of(peer, header) == peer


@given(st.lists(JUNK), OUTSIDE, st.lists(INSIDE, max_size=4))
def test_what_proxies_append_wins(forged: list[str], client: str, hops: list[str]) -> None:
    """Whatever a client writes, the address that the outermost proxy saw is the one."""
    seen = [", ".join([*forged, client, *hops])]
    assert USUAL.client_of(PROXY, seen) == client
    quoted = [", ".join([*forged, *(f'for="{hop}"' for hop in [client, *hops])])]
    assert STANDARD.client_of(PROXY, quoted) == client


@both
@given(peer=st.one_of(INSIDE, OUTSIDE, st.text()), header=st.lists(JUNK))
def test_never_raises(proxies: Proxies, peer: str, header: list[str]) -> None:
    """The answer is an address in its canonical spelling, or the peer as it was given."""
    client = proxies.client_of(peer, header)
    assert client == peer or client == str(ip_address(client))


def test_networks() -> None:
    """A network that is none is refused when the app is made."""
    with pytest.raises(ValueError, match="does not appear"):
        Proxies(("10.0.0.0/8", "nonsense"))
