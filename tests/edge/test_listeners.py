"""Listening sockets: every form of `server.listen`, and errors that say what to do."""

import socket

import pytest

from relayd.config import forms
from relayd.edge.listeners import listener_url, open_listeners
from relayd.errors import ConfigError
from tests import defaults

SETTINGS = defaults.edge()


@pytest.mark.parametrize(
    "listen",
    [
        [],
        ["8080"],
        ["127.0.0.1"],
        ["127.0.0.1:http"],
        ["127.0.0.1:70000"],
        ["::1:80"],
        ["[127.0.0.1]:80"],
        ["http://h:80"],
        ["fd://x"],
        ["fd://987654"],
    ],
)
async def test_what_is_not_a_place_to_listen(listen: list[str]) -> None:
    """Refused with the key's name; a form that is no place is one that the file may not say."""
    assert all(forms.address(one) is not None for one in listen if one != "fd://987654")
    with pytest.raises(ConfigError) as refused:
        await open_listeners(listen, SETTINGS)
    assert refused.value.key == "server.listen"


@pytest.mark.system
async def test_port_zero_takes_a_free_one() -> None:
    """And the URL says which."""
    (listener,) = await open_listeners(["127.0.0.1:0"], SETTINGS)
    port = listener.socket.getsockname()[1]
    assert port > 0
    assert listener_url(listener, tls=False) == f"http://127.0.0.1:{port}"
    assert listener_url(listener, tls=True) == f"https://127.0.0.1:{port}"
    await listener.aclose()


@pytest.mark.system
async def test_a_port_alone_is_every_address() -> None:
    """What the configuration takes is what is listened on: both families, where there are two."""
    assert forms.address(":0") is None
    listeners = await open_listeners([":0"], SETTINGS)
    hosts = {listener.socket.getsockname()[0] for listener in listeners}
    assert "0.0.0.0" in hosts  # noqa: S104 - compared, not bound
    for listener in listeners:
        await listener.aclose()


@pytest.mark.system
async def test_ipv6() -> None:
    """An IPv6 address stands in brackets, in the setting and in the URL."""
    if not socket.has_ipv6:
        pytest.fail("this Python has no IPv6")
    (listener,) = await open_listeners(["[::1]:0"], SETTINGS)
    assert listener_url(listener, tls=False).startswith("http://[::1]:")
    await listener.aclose()


@pytest.mark.system
async def test_a_port_in_use_is_explained_and_nothing_stays_open() -> None:
    """The first listener is closed when the second can't be opened."""
    (listener,) = await open_listeners(["127.0.0.1:0"], SETTINGS)
    place = f"127.0.0.1:{listener.socket.getsockname()[1]}"
    with pytest.raises(ConfigError, match="another program listens there"):
        await open_listeners(["127.0.0.1:0", place], SETTINGS)
    await listener.aclose()


@pytest.mark.system
async def test_an_inherited_socket() -> None:
    """Systemd opens it and hands it over, listening or not yet."""
    inherited = socket.socket()
    inherited.bind(("127.0.0.1", 0))
    name = inherited.getsockname()
    (listener,) = await open_listeners([f"fd://{inherited.detach()}"], SETTINGS)
    assert listener.socket.getsockname() == name
    assert listener.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    await listener.aclose()


@pytest.mark.system
async def test_an_inherited_datagram_socket_is_refused() -> None:
    """Its descriptor is a socket, but none to accept on."""
    inherited = socket.socket(type=socket.SOCK_DGRAM)
    with pytest.raises(ConfigError, match="not a listening stream socket"):
        await open_listeners([f"fd://{inherited.detach()}"], SETTINGS)
