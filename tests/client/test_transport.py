"""Server addresses, and what a failed connection says."""

import socket
import ssl
from typing import Any

import pytest
import trio
import trio.testing

from relayd.client import Address, ConnectError
from relayd.client.transport import connect_within


@pytest.mark.parametrize(
    ("url", "address", "authority", "text"),
    [
        ("http://a.test", Address("a.test", 80, tls=False), "a.test", "http://a.test"),
        ("https://a.test/", Address("a.test", 443, tls=True), "a.test", "https://a.test"),
        ("wss://a.test:8443/r/", Address("a.test", 8443, True, "/r"), "a.test:8443", None),
        ("127.0.0.1:8080", Address("127.0.0.1", 8080, tls=False), "127.0.0.1:8080", None),
        ("ws://[::1]:80", Address("::1", 80, tls=False), "[::1]", "http://[::1]"),
    ],
)
def test_addresses(url: str, address: Address, authority: str, text: str | None) -> None:
    """Four schemes, default ports, IPv6 and a path prefix are understood."""
    assert Address.parse(url) == address
    assert address.authority == authority
    assert text is None or str(address) == text


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://a",
        "http://",
        "http://u:p@a",
        "http://a?token=x",
        "http://a:99999",
        "http://a b",
        "http://a\r\nX: y",
        "http://[::1",
    ],
)
def test_bad_addresses(url: str) -> None:
    """Anything else is refused, secrets and header injection included."""
    with pytest.raises(ValueError, match=r"\w"):
        Address.parse(url)


@pytest.mark.parametrize(
    ("url", "exposed"),
    [
        ("http://127.0.0.1:1", False),
        ("http://localhost", False),
        ("http://[::1]", False),
        ("https://a.test", False),
        ("http://a.test", True),
        ("http://10.0.0.1", True),
    ],
)
def test_exposed(url: str, exposed: bool) -> None:
    """Plain HTTP beyond this machine shows passwords and tokens to the network."""
    assert Address.parse(url).exposed is exposed


def _of_windows(number: int, words: str) -> OSError:
    """An error with the number that only Windows gives it."""
    error = OSError(number, words)
    error.winerror = number  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "wording"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (OSError("all attempts failed"), "all attempts failed"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"), "TLS"),
        # As macOS and Windows number a name that nobody has; 8 is ENOEXEC elsewhere.
        (socket.gaierror(8, "nodename nor servname provided"), "nodename nor servname provided"),
        (socket.gaierror(11001, "getaddrinfo failed"), "getaddrinfo failed"),
        (_of_windows(10061, "the target machine actively refused it"), "actively refused it"),
    ],
)
async def test_failed_connections(error: OSError, wording: str) -> None:
    """Every failure is a `ConnectError` that names the server and the reason."""

    async def fail(address: Address) -> trio.abc.Stream:
        raise error

    with pytest.raises(ConnectError, match=f"http://a.test: .*{wording}"):
        await connect_within(1, fail, Address.parse("a.test"))


async def test_connect_deadline(autojump_clock: trio.testing.MockClock) -> None:
    """A connect that hangs is given up at its deadline."""

    async def hang(address: Any) -> trio.abc.Stream:
        await trio.sleep_forever()
        raise AssertionError

    with pytest.raises(ConnectError, match="no connection within 7 s"):
        await connect_within(7, hang, Address.parse("a.test"))
    assert trio.current_time() == 7
