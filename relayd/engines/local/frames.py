"""What a daemon says to its recogniser process: frames. Pure and sans-I/O.

A frame is one byte of kind, four of length and the payload, so that audio needs no escaping. The
answers are lines (`relayd.children.lines`).
"""

import enum
import struct
from typing import TYPE_CHECKING, BinaryIO, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PAYLOAD_BYTES_MAX", "Frame", "FrameKind", "read_frame"]

# One second of 16 kHz linear16. Audio is cut to this, so a deadline on one frame is a deadline
# on progress, and what waits in the pipe (64 KiB on Linux) is about two of them.
PAYLOAD_BYTES_MAX: Final = 32_000

HEAD: Final = struct.Struct(">cI")


class FrameKind(enum.Enum):
    """What a frame asks of the recogniser."""

    START = b"S"
    AUDIO = b"A"
    FINALIZE = b"F"
    FINISH = b"E"


@attrs.frozen
class Frame:
    """One frame towards the recogniser."""

    kind: FrameKind
    payload: bytes = b""

    def encode(self) -> bytes:
        """Its bytes on the pipe."""
        assert len(self.payload) <= PAYLOAD_BYTES_MAX
        return HEAD.pack(self.kind.value, len(self.payload)) + self.payload

    @staticmethod
    def cut(audio: bytes) -> "Iterator[Frame]":
        """The audio as frames of at most `PAYLOAD_BYTES_MAX`; none for no audio."""
        for start in range(0, len(audio), PAYLOAD_BYTES_MAX):
            yield Frame(FrameKind.AUDIO, audio[start : start + PAYLOAD_BYTES_MAX])


def read_frame(pipe: BinaryIO) -> Frame | None:
    """The next frame of a blocking, buffered pipe; None at its end, whole frame or not.

    Raises ValueError for what no daemon of ours writes.
    """
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    kind, length = HEAD.unpack(head)
    if length > PAYLOAD_BYTES_MAX:
        raise ValueError("frame too long")
    payload = pipe.read(length)
    if len(payload) < length:
        return None
    return Frame(FrameKind(kind), payload)
