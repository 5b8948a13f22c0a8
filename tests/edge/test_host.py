"""The Host header: what is one, and that nothing else reaches the application."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relayd.edge.host import has_proper_host


@pytest.mark.parametrize(
    "host",
    [
        b"relay.example",
        b"relay.example:8080",
        b"relay.example.",
        b"127.0.0.1:80",
        b"[::1]:8080",
        b"localhost",
        b"",
    ],
)
def test_proper(host: bytes) -> None:
    """A name or an address, with or without a port."""
    assert has_proper_host([(b"host", host)])


@pytest.mark.parametrize(
    "host",
    [b"a..b", b".a", b"a" * 64, b"a b", b"\xff", b"a/b", b"[::1", b"a:b:c", b"user@a", b"a:8x"],
)
def test_improper(host: bytes) -> None:
    """Empty or endless labels, and characters that no host has."""
    assert not has_proper_host([(b"host", host)])


def test_two_hosts_are_none() -> None:
    """Who is meant can't be told."""
    assert not has_proper_host([(b"host", b"a"), (b"host", b"a")])


@given(st.binary(max_size=100))
@example(b".")
def test_proper_ones_can_be_encoded(host: bytes) -> None:
    """What passes can be bound by a framework that encodes the name."""
    if has_proper_host([(b"host", host)]) and not host.startswith(b"["):
        host.decode("ascii").partition(":")[0].encode("idna")
