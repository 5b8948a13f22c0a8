"""What of an address counts as one."""

from ipaddress import ip_address

import pytest
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from relayd.quotas.blocks import blocks_of, caps_of, rates_of
from relayd.quotas.counters import Counters


@pytest.mark.parametrize(
    ("address", "blocks"),
    [
        ("192.0.2.1", [("192.0.2.1/32", 1)]),
        ("::ffff:192.0.2.1", [("192.0.2.1/32", 1)]),
        (
            "2001:db8:1:2:3:4:5:6",
            [("2001:db8:1:2::/64", 1), ("2001:db8:1::/56", 2), ("2001:db8:1::/48", 4)],
        ),
        ("fe80::1%eth0", [("fe80::/64", 1), ("fe80::/56", 2), ("fe80::/48", 4)]),
        ("", []),
        ("/run/relayd.sock", []),
    ],
)
def test_what_counts_as_one_address(address: str, blocks: list[tuple[str, int]]) -> None:
    """One IPv4 address; of IPv6 what a host, a customer and a site are given."""
    assert [(str(one.network), one.times) for one in blocks_of(address)] == blocks


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_one_host(address: object, host: int) -> None:
    """Changing the lower half of an IPv6 address changes none of its blocks."""
    number = int(ip_address(str(address)))
    if number >> 32 == 0xFFFF:
        return
    other = str(ip_address(number >> 64 << 64 | host))
    if "." not in other and ip_address(other).version == 6 and number >> 64 != 0:
        assert blocks_of(str(address)) == blocks_of(other)


def walked(prefix: int) -> list[str]:
    """An address in each of many /64s of one such prefix."""
    return [f"2001:db8:0:{number << (64 - prefix - 8):x}::1" for number in range(256)]


@pytest.mark.parametrize(("prefix", "most"), [(56, 20), (48, 40)])
async def test_walking_through_a_prefix(prefix: int, most: int) -> None:
    """Whoever walks through the /64s of what they were given gets a small multiple, for both."""
    counters = Counters()
    entered = [await counters.enter(caps_of("connections", one, 10)) for one in walked(prefix)]
    waits = [await counters.admit(rates_of("auth", one, 10)) for one in walked(prefix)]
    assert (entered.count(None), waits.count(0)) == (most, most)


async def test_no_address(autojump_clock: trio.testing.MockClock) -> None:
    """Who comes by a Unix socket is counted as one in a while, and at once not at all."""
    counters = Counters()
    assert caps_of("connections", "", 1) == []
    assert [await counters.admit(rates_of("auth", "", 1, 5)) for _ in range(2)] == [0, 5]
