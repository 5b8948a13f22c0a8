"""RFC 6455 frames as they are sent: whole, never compressed, masked where a client sends them."""

import os
import struct
from collections.abc import Iterator
from typing import Final

from relayd.websocket.masking import mask

__all__ = ["close_frame", "data_frame", "ping_frame", "pong_frame"]

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

CONTROL_BYTES_MAX: Final = 125

NORMAL: Final = 1000
PROTOCOL_ERROR: Final = 1002
# The next two are never on the wire (section 7.4.1): they stand for a close frame without a
# code, and for a peer that just went away.
NO_STATUS: Final = 1005
ABNORMAL: Final = 1006
INVALID_TEXT: Final = 1007
POLICY_VIOLATION: Final = 1008
TOO_BIG: Final = 1009

# Section 5.2: the last fragment; a mask follows the length; lengths of two and of eight bytes.
FINAL: Final = 0x80
MASKED: Final = 0x80
TWO_BYTES: Final = 126
EIGHT_BYTES: Final = 127
TWO_BYTES_MAX: Final = 0xFFFF
_two_byte_head: Final = struct.Struct("!BBH").pack
_eight_byte_head: Final = struct.Struct("!BBQ").pack


def data_frame(message: str | bytes, *, masked: bool = False) -> bytes:
    """A whole message as one frame."""
    if isinstance(message, str):
        return _frame(TEXT, message.encode(), masked)
    return _frame(BINARY, message, masked)


def pong_frame(payload: bytes, *, masked: bool = False) -> bytes:
    """The answer to a ping with this payload."""
    return _frame(PONG, payload, masked)


def ping_frame(payload: bytes = b"", *, masked: bool = False) -> bytes:
    """A ping; any answer will do."""
    return _frame(PING, payload, masked)


def close_frame(code: int, reason: str = "", *, masked: bool = False) -> bytes:
    """A close frame; the reason is cut to what a control frame holds, on a whole character."""
    if code == NO_STATUS:
        return _frame(CLOSE, b"", masked)
    text = reason.encode()[: CONTROL_BYTES_MAX - 2].decode(errors="ignore")
    return _frame(CLOSE, struct.pack("!H", code) + text.encode(), masked)


def _frame(opcode: int, payload: bytes, masked: bool) -> bytes:
    size = len(payload)
    first = FINAL | opcode
    bit = MASKED if masked else 0
    # Audio and words, nearly always.
    if CONTROL_BYTES_MAX < size <= TWO_BYTES_MAX:
        head = _two_byte_head(first, bit | TWO_BYTES, size)
    elif size <= CONTROL_BYTES_MAX:
        head = bytes((first, bit | size))
    else:
        head = _eight_byte_head(first, bit | EIGHT_BYTES, size)
    if not masked:
        return head + payload
    key = next(_keys)
    return b"".join((head, key, mask(payload, key)))


def _draw_keys() -> Iterator[bytes]:
    """Masks of strong entropy (section 5.3), so that nobody speaks to an intermediary through us.

    Drawn a thousand at a time: asking the kernel for each takes longer than masking.
    """
    while True:
        drawn = os.urandom(4096)
        for at in range(0, len(drawn), 4):
            yield drawn[at : at + 4]


_keys: Final = _draw_keys()
