"""Dialling: a name is judged by all of its addresses, and dialled by number."""

import ipaddress

import httpcore
import pytest

from relayd.errors import OutboundRefused
from relayd.outbound.dialling import Dialler
from tests.outbound.internet import Internet


async def test_the_number_that_was_judged_is_dialled() -> None:
    """The name is asked for once: it can't lead elsewhere the second time."""
    internet = Internet({"example.com": ["8.8.8.8"]}, {"8.8.8.8": b""})
    await Dialler(resolver=internet, tcp=internet).connect_tcp("example.com", 443)
    assert internet.resolved == ["example.com"]
    assert internet.dialled == ["8.8.8.8"]


async def test_one_address_inside_refuses_the_name() -> None:
    """Nobody chooses by luck which of the two is dialled."""
    internet = Internet({"example.com": ["8.8.8.8", "127.0.0.1"]}, {"8.8.8.8": b""})
    with pytest.raises(OutboundRefused):
        await Dialler(resolver=internet, tcp=internet).connect_tcp("example.com", 443)
    assert not internet.dialled


async def test_a_zone_does_not_hide_an_address() -> None:
    """A link-local address is one with its interface too."""
    internet = Internet({"printer": ["fe80::1%eth0"]})
    with pytest.raises(OutboundRefused):
        await Dialler(resolver=internet, tcp=internet).connect_tcp("printer", 443)


async def test_the_next_address_is_tried() -> None:
    """A host of which one address is down is reached by another one."""
    internet = Internet({"example.com": ["8.8.8.8", "1.1.1.1"]}, {"1.1.1.1": b""})
    await Dialler(resolver=internet, tcp=internet).connect_tcp("example.com", 443)
    assert internet.dialled == ["8.8.8.8", "1.1.1.1"]


async def test_an_allowed_network_is_dialled() -> None:
    """Where the operator says so."""
    internet = Internet({"files": ["10.0.0.5"]}, {"10.0.0.5": b""})
    dialler = Dialler((ipaddress.ip_network("10.0.0.0/8"),), internet, internet)
    await dialler.connect_tcp("files", 8080)
    assert internet.dialled == ["10.0.0.5"]


async def test_other_ports_and_sockets_are_not() -> None:
    """Neither a mail server nor a socket of this machine, whatever the address."""
    internet = Internet({"example.com": ["8.8.8.8"]}, {"8.8.8.8": b""})
    dialler = Dialler(resolver=internet, tcp=internet)
    with pytest.raises(OutboundRefused):
        await dialler.connect_tcp("example.com", 25)
    with pytest.raises(OutboundRefused):
        await dialler.connect_unix_socket("/run/postgresql/.s.PGSQL.5432")


async def test_an_unknown_name_is_no_fault_of_ours() -> None:
    """Httpcore's own exception, as for a host that is down."""
    with pytest.raises(httpcore.ConnectError):
        await Dialler(resolver=Internet()).connect_tcp("nowhere.example", 443)
