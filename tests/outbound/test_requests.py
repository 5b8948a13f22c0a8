"""Requests to where users want them."""

import pytest
import trio.testing

from relayd.errors import OutboundFailed, OutboundRefused
from relayd.outbound.requests import url_problem
from tests.outbound.internet import Internet

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsound"
NAMES = {"example.com": ["8.8.8.8"], "other.example": ["1.1.1.1"], "inner.example": ["10.0.0.1"]}


def redirect(to: str) -> bytes:
    """An answer that sends the client elsewhere."""
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_a_file_comes_in_parts() -> None:
    """Head first, with its length, then the body."""
    internet = Internet(NAMES, {"8.8.8.8": OK})
    async with internet.outbound().fetch("http://example.com/talk.mp3", 5) as answer:
        assert (answer.status, answer.announced_bytes) == (200, 5)
        assert b"".join([part async for part in answer.parts]) == b"sound"


async def test_nothing_of_anybody_goes_along() -> None:
    """No cookie and no credential, and nothing is asked for that would have to be unpacked."""
    internet = Internet(NAMES, {"8.8.8.8": OK})
    async with internet.outbound().fetch("http://example.com/talk.mp3?a=b", 5):
        pass
    head = bytes(internet.heard).lower()
    assert head.startswith(b"get /talk.mp3?a=b http/1.1\r\n")
    assert b"\r\nhost: example.com\r\n" in head
    assert b"accept-encoding: identity" in head
    assert b"cookie" not in head
    assert b"authorization" not in head


async def test_a_redirect_is_followed_to_where_it_may_lead() -> None:
    """Also a relative one; the address that gave the answer is told."""
    internet = Internet(NAMES, {"8.8.8.8": redirect("http://other.example/a"), "1.1.1.1": OK})
    async with internet.outbound().fetch("http://example.com/", 5) as answer:
        assert answer.url == "http://other.example/a"
        assert answer.status == 200


@pytest.mark.parametrize(
    "target",
    ["http://inner.example/", "http://me@other.example/", "file:///etc/passwd", "gopher://x/"],
)
async def test_a_redirect_is_judged_as_the_first_address_was(target: str) -> None:
    """Inward, or to what is no web address: refused, and never dialled."""
    internet = Internet(NAMES, {"8.8.8.8": redirect(target), "10.0.0.1": OK})
    with pytest.raises(OutboundRefused):
        async with internet.outbound().fetch("http://example.com/", 5):
            raise AssertionError("it was reached")
    assert internet.dialled == ["8.8.8.8"]


async def test_redirects_end() -> None:
    """One that leads to itself is given up."""
    internet = Internet(NAMES, {"8.8.8.8": redirect("http://example.com/")})
    with pytest.raises(OutboundFailed, match="redirects"):
        async with internet.outbound().fetch("http://example.com/", 5):
            raise AssertionError("it was reached")
    assert len(internet.dialled) == 6


@pytest.mark.parametrize("said", [b"220 mail ready\r\n", b"hang"])
async def test_who_is_no_web_server_is_left(
    said: bytes, autojump_clock: trio.testing.MockClock
) -> None:
    """What doesn't speak HTTP, or doesn't speak, is given up in time."""
    internet = Internet(NAMES, {"8.8.8.8": said})
    with pytest.raises(OutboundFailed):
        async with internet.outbound().fetch("http://example.com/", 5):
            raise AssertionError("it was reached")
    assert trio.current_time() <= 5


async def test_a_post_gets_a_status() -> None:
    """The body goes out with its headers; a redirect is an answer like others."""
    internet = Internet(NAMES, {"8.8.8.8": redirect("http://inner.example/")})
    post = internet.outbound().post
    status, _ = await post("http://example.com/hook", b"{}", {"Webhook-Id": "msg_1"}, 5)
    assert status == 302
    assert b"Webhook-Id: msg_1\r\n" in internet.heard
    assert internet.heard.endswith(b"\r\n\r\n{}")
    assert internet.dialled == ["8.8.8.8"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "talk.mp3",
        "//example.com/",
        "http:///x",
        "ftp://example.com/",
        "http://user@example.com/",
        "http://user:word@example.com/",
        "http://exa mple.com/",
        "http://exämple.com/",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http://example.com/\r\nHost: x",
        "http://[::1/",
        "http://example.com/" + "a" * 3000,
    ],
)
async def test_what_is_no_address_is_refused(url: str) -> None:
    """Before anything is asked of anybody, with a sentence for its user."""
    assert url_problem(url)
    internet = Internet(NAMES)
    with pytest.raises(OutboundRefused):
        async with internet.outbound().fetch(url, 5):
            raise AssertionError("it was reached")
    assert not internet.resolved
