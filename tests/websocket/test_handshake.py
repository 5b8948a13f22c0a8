"""The opening handshake: what each half says, and what it takes."""

import base64

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.websocket import handshake
from relayd.websocket.handshake import Refused, Request, Upgrade

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
GOOD = {
    b"host": b"example.org",
    b"upgrade": b"websocket",
    b"connection": b"keep-alive, Upgrade",
    b"sec-websocket-key": KEY,
    b"sec-websocket-version": b"13",
}


def ask(
    method: str = "GET", target: str = "/ws", version: bytes = b"1.1", **changes: bytes | None
) -> h11.Request:
    """A proper request with some headers replaced, added or (None) left out."""
    headers: dict[bytes, bytes | None] = dict(GOOD)
    for name, value in changes.items():
        headers[name.replace("_", "-").encode()] = value
    kept = [(name, value) for name, value in headers.items() if value is not None]
    return h11.Request(method=method, target=target, headers=kept, http_version=version)


def test_the_example_of_the_rfc() -> None:
    """Section 1.3's key gets section 1.3's answer."""
    accepted = handshake.judge(ask())
    assert accepted == Upgrade(KEY, ())
    assert handshake.switch_headers(accepted, None) == [
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ]


def test_the_request_of_a_client() -> None:
    """What section 4.1 asks for, a nonce of its own, what the caller adds, and nothing after it."""
    heads = [
        Request("example.org:8080", "/listen?a=b", [(b"Authorization", b"Token x")]).head
        for _ in range(2)
    ]
    keys = []
    for head in heads:
        *lines, last, end = head.split(b"\r\n")
        assert (last, end) == (b"", b"")
        key = lines[5].removeprefix(b"Sec-WebSocket-Key: ")
        assert len(base64.b64decode(key, validate=True)) == 16
        keys.append(key)
        assert lines == [
            b"GET /listen?a=b HTTP/1.1",
            b"Host: example.org:8080",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: " + key,
            b"Authorization: Token x",
        ]
    assert keys[0] != keys[1]


def test_a_host_beyond_ascii() -> None:
    """Its name goes out as DNS has it (RFC 3490)."""
    assert b"\r\nHost: xn--bcher-kva.example\r\n" in Request("bücher.example", "/", []).head


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (ask(method="POST"), 405),
        (ask(version=b"1.0"), 400),
        (ask(target="http://example.org/ws"), 400),
        (ask(connection=b"keep-alive"), 400),
        (ask(connection=None), 400),
        (ask(content_length=b"5"), 400),
        (ask(transfer_encoding=b"chunked"), 400),
        (ask(sec_websocket_version=b"8"), 426),
        (ask(sec_websocket_version=None), 426),
        (ask(sec_websocket_key=None), 400),
        (ask(sec_websocket_key=b"short"), 400),
        (ask(sec_websocket_key=b"\xff" * 24), 400),
        (ask(sec_websocket_protocol=b"\xff"), 400),
        (ask(sec_websocket_protocol=b"a,,b"), 400),
    ],
)
def test_what_is_refused(request_: h11.Request, status: int) -> None:
    """Each thing that section 4.2.1 asks for is checked."""
    refused = handshake.judge(request_)
    assert isinstance(refused, Refused)
    assert refused.status == status
    assert " " in refused.problem


def test_the_method_that_would_be_right_is_told() -> None:
    """A 405 names GET (RFC 9110, 15.5.6)."""
    refused = handshake.judge(ask(method="PUT"))
    assert isinstance(refused, Refused)
    assert refused.headers == ((b"allow", b"GET"),)


def test_the_version_that_would_be_right_is_told() -> None:
    """A 426 names version 13 (section 4.4) and the protocol (RFC 9110, 15.5.22)."""
    refused = handshake.judge(ask(sec_websocket_version=b"7"))
    assert isinstance(refused, Refused)
    assert refused.headers == ((b"sec-websocket-version", b"13"), (b"upgrade", b"websocket"))


def test_an_empty_body_is_none() -> None:
    """Content-Length: 0 announces nothing."""
    assert isinstance(handshake.judge(ask(content_length=b"0")), Upgrade)


def test_extensions_are_never_negotiated() -> None:
    """Whatever is offered, even in broken bytes, the answer names no extension."""
    accepted = handshake.judge(ask(sec_websocket_extensions=b"permessage-deflate; \xff"))
    assert isinstance(accepted, Upgrade)
    assert b"sec-websocket-extensions" not in dict(handshake.switch_headers(accepted, None))


def test_a_subprotocol_must_have_been_offered() -> None:
    """An application can only choose what the client offered."""
    accepted = handshake.judge(ask(sec_websocket_protocol=b"a, b"))
    assert accepted == Upgrade(KEY, ("a", "b"))
    assert dict(handshake.switch_headers(accepted, "b"))[b"sec-websocket-protocol"] == b"b"
    with pytest.raises(ValueError, match="not offered"):
        handshake.switch_headers(accepted, "c")


@pytest.mark.parametrize(
    "value",
    [b"websocket", b"WebSocket", b" websocket\xa0", b"h2c, websocket", b",websocket\x85"],
)
def test_every_spelling_that_names_websocket_is_ours(value: bytes) -> None:
    """No spelling reaches the stock WebSocket class, whose own test strips Unicode space."""
    assert handshake.wants_websocket([(b"upgrade", value)])


def test_other_upgrades_stay_http() -> None:
    """h2c and the like are not ours."""
    assert not handshake.wants_websocket([(b"upgrade", b"h2c"), (b"x-upgrade", b"websocket")])


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*GOOD, b"sec-websocket-protocol", b"content-length"]),
            st.binary(max_size=30),
        ),
        max_size=8,
    )
)
def test_no_header_raises(headers: list[tuple[bytes, bytes]]) -> None:
    """Any bytes get a verdict."""
    request = ask()
    request = h11.Request(method="GET", target="/", headers=[(b"host", b"x")])
    object.__setattr__(request, "headers", headers)
    assert isinstance(handshake.judge(request), Upgrade | Refused)
