"""RFC 6455 frames as the server sends them: whole, unmasked, never compressed."""

import struct
from typing import Final

__all__ = ["close_frame", "data_frame", "ping_frame", "pong_frame"]

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

CONTROL_BYTES_MAX: Final = 125

# The last two are never on the wire (section 7.4.1): they stand for a close frame without a code,
# and for a peer that just went away.
NORMAL: Final = 1000
NO_STATUS: Final = 1005
ABNORMAL: Final = 1006


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size <= CONTROL_BYTES_MAX:
        return bytes((0x80 | opcode, size)) + payload
    if size <= 0xFFFF:  # noqa: PLR2004 - the two-byte length's own limit
        return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, size) + payload


def data_frame(message: str | bytes) -> bytes:
    """A whole message as one frame."""
    if isinstance(message, str):
        return _frame(TEXT, message.encode())
    return _frame(BINARY, message)


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping with this payload."""
    return _frame(PONG, payload)


def ping_frame(payload: bytes = b"") -> bytes:
    """A ping; any answer will do."""
    return _frame(PING, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; the reason is cut to what a control frame holds, on a whole character."""
    if code == NO_STATUS:
        return _frame(CLOSE, b"")
    text = reason.encode()[: CONTROL_BYTES_MAX - 2].decode(errors="ignore")
    return _frame(CLOSE, struct.pack("!H", code) + text.encode())
