"""The opening handshake without I/O, both halves of it.

The server's takes a request's head and says what to make of it; any bytes may come in, none of
them raises. The client's makes the request and understands the answer. Only version 13 of
RFC 6455 over HTTP/1.1 is spoken, and extensions are neither offered nor accepted: audio doesn't
compress, and a decompressor is a memory bomb.
"""

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs
import h11

__all__ = [
    "Answered",
    "NoWebSocket",
    "Refused",
    "Request",
    "Turned",
    "Upgrade",
    "judge",
    "switch_headers",
    "wants_websocket",
]

Headers = Iterable[tuple[bytes, bytes]]

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_NONCE_BYTES: Final = 16
# Of a refusal: enough for its explanation.
BODY_BYTES: Final = 16_384


@attrs.frozen
class Upgrade:
    """A proper request; the application still decides. ``key`` goes into the answer."""

    key: bytes
    subprotocols: tuple[str, ...]


@attrs.frozen
class Refused:
    """An improper one: the status, what was wrong, and headers that say what would be right."""

    status: int
    problem: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


def wants_websocket(headers: Headers) -> bool:
    """Whether a request is ours to answer: any Upgrade header that names WebSocket.

    Wider than the HTTP protocol class's own test on purpose (any method, any Connection header,
    any whitespace that it would strip), so that it never sees such a request.
    """
    return "websocket" in _tokens(headers, b"upgrade")


def judge(request: h11.Request) -> Upgrade | Refused:  # noqa: PLR0911 - a list of checks
    """Check an upgrade request against section 4.2.1."""
    headers = request.headers
    if request.method != b"GET":
        return Refused(405, "a WebSocket is opened with GET", ((b"allow", b"GET"),))
    if request.http_version != b"1.1":
        return Refused(400, "a WebSocket needs HTTP/1.1")
    if not request.target.startswith(b"/"):
        return Refused(400, "the request target is not a path")
    if "upgrade" not in _tokens(headers, b"connection"):
        return Refused(400, "the Connection header does not name Upgrade")
    if _has_body(headers):
        return Refused(400, "an upgrade request has no body")
    if _values(headers, b"sec-websocket-version") != [b"13"]:
        problem = "only version 13 of the WebSocket protocol is spoken"
        return Refused(
            426, problem, ((b"sec-websocket-version", b"13"), (b"upgrade", b"websocket"))
        )
    keys = _values(headers, b"sec-websocket-key")
    if len(keys) != 1 or not _is_nonce(keys[0]):
        return Refused(400, "the Sec-WebSocket-Key header is not one 16-byte nonce")
    subprotocols = _subprotocols(headers)
    if subprotocols is None:
        return Refused(400, "the Sec-WebSocket-Protocol header is not a list of tokens")
    return Upgrade(keys[0], subprotocols)


def switch_headers(accepted: Upgrade, subprotocol: str | None) -> Sequence[tuple[bytes, bytes]]:
    """The headers of the 101 (section 4.2.2)."""
    if subprotocol is not None and subprotocol not in accepted.subprotocols:
        raise ValueError("the application chose a subprotocol that was not offered")
    headers = [
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-accept", _proof(accepted.key)),
    ]
    if subprotocol is not None:
        headers.append((b"sec-websocket-protocol", subprotocol.encode("ascii")))
    return headers


class NoWebSocket(Exception):  # noqa: N818 - named for what happened, as trio names its own
    """The answer is none that a WebSocket server gives. The text never holds what was sent."""


@attrs.frozen
class Answered:
    """The upgrade was granted; ``early`` are the bytes that came behind the answer's head."""

    headers: tuple[tuple[bytes, bytes], ...]
    early: bytes


@attrs.frozen
class Turned:
    """The upgrade was turned down with an ordinary HTTP response."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Request:
    """The client's half: one request for a WebSocket, and its answer.

    ``host`` stands in the Host header; ``headers`` are added to what the protocol needs.
    """

    def __init__(self, host: str, target: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._parser = h11.Connection(h11.CLIENT)
        self._key = base64.b64encode(os.urandom(_NONCE_BYTES))
        self._refusal: h11.Response | None = None
        self._body = b""
        head = [
            (b"Host", host.encode("ascii" if host.isascii() else "idna")),
            (b"Upgrade", b"websocket"),
            (b"Connection", b"Upgrade"),
            (b"Sec-WebSocket-Version", b"13"),
            (b"Sec-WebSocket-Key", self._key),
            *headers,
        ]
        asked = self._parser.send(h11.Request(method="GET", target=target, headers=head))
        assert asked is not None
        self.head: bytes = asked + (self._parser.send(h11.EndOfMessage()) or b"")

    def answer(self, data: bytes) -> Answered | Turned | None:
        """Take what was read (nothing: the end); None while more is needed.

        Raises `NoWebSocket`, and `ConnectionResetError` where the end came too early.
        """
        if not data and self._refusal is None:
            raise ConnectionResetError("it hung up during the upgrade")
        try:
            self._parser.receive_data(data)
            return self._understand()
        except h11.RemoteProtocolError as problem:
            if self._refusal is None:
                raise NoWebSocket("its answer is not that of a WebSocket server") from problem
            # A body that breaks off; the status is what matters.
            return self._turned(self._refusal)

    def _understand(self) -> Answered | Turned | None:
        while (event := self._parser.next_event()) is not h11.NEED_DATA:
            match event:
                case h11.InformationalResponse(status_code=101):
                    self._check(event)
                    return Answered(tuple(event.headers), bytes(self._parser.trailing_data[0]))
                case h11.Response():
                    self._refusal = event
                case h11.Data():
                    self._body += event.data
                case h11.EndOfMessage() | h11.ConnectionClosed():
                    break
        else:
            if self._refusal is None or len(self._body) <= BODY_BYTES:
                return None
        assert self._refusal is not None
        return self._turned(self._refusal)

    def _turned(self, refusal: h11.Response) -> Turned:
        return Turned(refusal.status_code, tuple(refusal.headers), self._body[:BODY_BYTES])

    def _check(self, answer: h11.InformationalResponse) -> None:
        """Section 4.1: what a client must find in a 101."""
        headers = answer.headers
        fits = (
            _tokens(headers, b"upgrade") == {"websocket"}
            and "upgrade" in _tokens(headers, b"connection")
            and _values(headers, b"sec-websocket-accept") == [_proof(self._key)]
            # Neither was offered.
            and not _values(headers, b"sec-websocket-extensions")
            and not _values(headers, b"sec-websocket-protocol")
        )
        if not fits:
            raise NoWebSocket("its 101 is not that of a WebSocket server")


def _proof(key: bytes) -> bytes:
    """What a server answers to this key."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def _values(headers: Headers, wanted: bytes) -> list[bytes]:
    return [value for name, value in headers if name == wanted]


def _items(headers: Headers, wanted: bytes) -> Iterator[str]:
    for value in _values(headers, wanted):
        for item in value.decode("latin-1").split(","):
            yield item.strip()


def _tokens(headers: Headers, wanted: bytes) -> set[str]:
    return {item.lower() for item in _items(headers, wanted)}


def _has_body(headers: Headers) -> bool:
    lengths = _values(headers, b"content-length")
    return bool(_values(headers, b"transfer-encoding")) or any(set(n) != {0x30} for n in lengths)


def _is_nonce(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == _NONCE_BYTES
    except (binascii.Error, ValueError):
        return False


def _subprotocols(headers: Headers) -> tuple[str, ...] | None:
    """What the client offers, in its order; None when it is not a list of tokens."""
    offered = tuple(_items(headers, b"sec-websocket-protocol"))
    return offered if all(_TOKEN.fullmatch(item) for item in offered) else None
