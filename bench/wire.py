"""RFC 6455 for load: frames made ahead, frames read without unmasking what nobody looks at.

Both ends of the benchmark use it, so that the relay between them is what is measured. It
believes its peer: fragments and over-long messages are not its business.
"""

import base64
import hashlib
from typing import Final, NamedTuple

import attrs

__all__ = [
    "BINARY",
    "CLOSE",
    "PING",
    "PONG",
    "TEXT",
    "Frame",
    "FrameReader",
    "accept_response",
    "close_code",
    "frame",
    "upgrade_request",
    "xor",
]

TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MASKED: Final = 0x80
_FINAL: Final = 0x80
# Payload lengths up to 125 stand in the header's second byte; 126 and 127 announce two and
# eight bytes of length.
_SHORT: Final = 125
_TWO_BYTES: Final = 126
_TWO_BYTES_MAX: Final = 0xFFFF


class Frame(NamedTuple):
    """One frame as it came: ``payload`` is still masked where ``mask`` isn't empty."""

    opcode: int
    mask: bytes
    payload: bytes

    @property
    def data(self) -> bytes:
        """The payload in the clear."""
        return xor(self.payload, self.mask) if self.mask else self.payload


def xor(payload: bytes, mask: bytes) -> bytes:
    """Mask or unmask."""
    size = len(payload)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")


def frame(opcode: int, payload: bytes, mask: bytes = b"", *, final: bool = True) -> bytes:
    """One frame; with a mask as a client sends it."""
    size = len(payload)
    masked = _MASKED if mask else 0
    first = opcode | (_FINAL if final else 0)
    if size <= _SHORT:
        head = bytes((first, masked | size))
    elif size <= _TWO_BYTES_MAX:
        head = bytes((first, masked | _TWO_BYTES)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, masked | 127)) + size.to_bytes(8, "big")
    return head + mask + (xor(payload, mask) if mask else payload)


def close_code(data: bytes) -> int:
    """The code of a close frame's payload; 1005 stands for none."""
    return int.from_bytes(data[:2], "big") if data else 1005


def upgrade_request(authority: str, target: str, headers: str = "") -> bytes:
    """A client's request to switch protocols; the key is nobody's secret and always the same."""
    return (
        f"GET {target} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    ).encode()


def accept_response(request: bytes) -> bytes:
    """The server's 101 to such a request."""
    key = b""
    for line in request.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"sec-websocket-key":
            key = value.strip()
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


@attrs.define(eq=False)
class FrameReader:
    """Cuts what was read into frames."""

    _left: bytes = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Add bytes; the frames that are complete now."""
        buffer = self._left + data if self._left else data
        frames: list[Frame] = []
        at, end = 0, len(buffer)
        while end - at >= 2:  # noqa: PLR2004 - the fixed part of a header
            size = buffer[at + 1] & 127
            body = at + 2
            if size > _SHORT:
                extra = 2 if size == _TWO_BYTES else 8
                size = int.from_bytes(buffer[body : body + extra], "big")
                body += extra
            mask = b""
            if buffer[at + 1] & _MASKED:
                mask = buffer[body : body + 4]
                body += 4
            if end - body < size:
                break
            frames.append(Frame(buffer[at] & 15, mask, buffer[body : body + size]))
            at = body + size
        self._left = buffer[at:]
        return frames
