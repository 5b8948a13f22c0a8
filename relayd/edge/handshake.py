"""The opening handshake, pure: a request's head in, what to make of it out.

Any bytes may come in; none of them raises. Only version 13 of RFC 6455 over HTTP/1.1 is spoken,
and extensions are ignored: audio doesn't compress, and a decompressor is a memory bomb.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs
import h11

from relayd.edge.host import has_proper_host

__all__ = ["Accepted", "Refused", "judge", "switch_headers", "wants_websocket"]

Headers = Iterable[tuple[bytes, bytes]]

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_NONCE_BYTES: Final = 16
_VERSION: Final = ((b"sec-websocket-version", b"13"), (b"upgrade", b"websocket"))


@attrs.frozen
class Accepted:
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


def judge(request: h11.Request) -> Accepted | Refused:  # noqa: PLR0911 - a list of checks
    """Check an upgrade request against section 4.2.1."""
    headers = request.headers
    if request.method != b"GET":
        return Refused(405, "a WebSocket is opened with GET", ((b"allow", b"GET"),))
    if request.http_version != b"1.1":
        return Refused(400, "a WebSocket needs HTTP/1.1")
    if not request.target.startswith(b"/"):
        return Refused(400, "the request target is not a path")
    if not has_proper_host(headers):
        return Refused(400, "the Host header is not a host")
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
    return Accepted(keys[0], subprotocols)


def switch_headers(accepted: Accepted, subprotocol: str | None) -> Sequence[tuple[bytes, bytes]]:
    """The headers of the 101 (section 4.2.2)."""
    if subprotocol is not None and subprotocol not in accepted.subprotocols:
        raise ValueError("the application chose a subprotocol that was not offered")
    digest = hashlib.sha1(accepted.key + _GUID, usedforsecurity=False).digest()
    headers = [
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-accept", base64.b64encode(digest)),
    ]
    if subprotocol is not None:
        headers.append((b"sec-websocket-protocol", subprotocol.encode("ascii")))
    return headers


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
