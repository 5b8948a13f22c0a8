"""Frames as a peer may send them, proper or not, made apart from the code that is tested."""

import struct

__all__ = ["CLIENT_KEY", "frame"]

CLIENT_KEY = b"\x37\xfa\x21\x3d"


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, key: bytes = CLIENT_KEY) -> bytes:
    """A frame: a client's, masked with this key, or a server's where the key is empty."""
    size = len(payload)
    masked = 0x80 if key else 0
    head = bytes([opcode | (0x80 if fin else 0)])
    if size < 126:
        head += bytes([masked | size])
    elif size < 65_536:
        head += bytes([masked | 126]) + struct.pack("!H", size)
    else:
        head += bytes([masked | 127]) + struct.pack("!Q", size)
    if not key:
        return head + payload
    stretched = (key * (size // 4 + 1))[:size]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(stretched, "big")
    return head + key + mixed.to_bytes(size, "big")
