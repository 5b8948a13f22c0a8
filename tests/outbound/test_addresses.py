"""Which addresses a user may send the server to."""

import ipaddress

import pytest

from relayd.outbound.addresses import is_port, may_be_reached

INNER = [
    "0.0.0.0",  # noqa: S104 - to be refused
    "0.1.2.3",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.5",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("text", INNER)
def test_what_is_not_public_is_not_reached(text: str) -> None:
    """The own machine, the network behind it, a cloud's metadata, and whatever may lead there."""
    assert not may_be_reached(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_is(text: str) -> None:
    """Addresses of the internet, also those beside a special network."""
    assert may_be_reached(ipaddress.ip_address(text))


def test_an_operator_may_allow_a_network() -> None:
    """A server within the house, and no address beside it."""
    allowed = [ipaddress.ip_network("10.1.0.0/16")]
    assert may_be_reached(ipaddress.ip_address("10.1.2.3"), allowed)
    assert not may_be_reached(ipaddress.ip_address("10.2.2.3"), allowed)


@pytest.mark.parametrize(
    ("number", "good"), [(80, True), (443, True), (8080, True), (22, False), (25, False)]
)
def test_ports_are_those_of_the_web(number: int, good: bool) -> None:
    """A request can't be made to look like something to a mail server."""
    assert is_port(number) is good
