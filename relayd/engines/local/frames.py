"""What a daemon and its recogniser process say to each other: frames in, lines out.

Pure and sans-I/O. Downwards a frame is one byte of kind, four of length and the payload, so
that audio needs no escaping; upwards each message is one line of ASCII JSON, whose size is
bounded by the longest utterance.
"""

import enum
import json
import struct
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LINE_BYTES_MAX", "PAYLOAD_BYTES_MAX", "Frame", "FrameKind", "Lines", "read_frame"]

# One second of 16 kHz linear16. Audio is cut to this, so a deadline on one frame is a deadline
# on progress, and what waits in the pipe (64 KiB on Linux) is about two of them.
PAYLOAD_BYTES_MAX: Final = 32_000

# An utterance is cut after 20 s: 20 s · 5 words/s · ~100 bytes a word = 10 KB. Longer is a fault.
LINE_BYTES_MAX: Final = 128 * 1024

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


@attrs.define(eq=False)
class Lines:
    """Cuts what a recogniser writes into its JSON messages.

    Raises ValueError when it isn't what our recogniser writes: a line too long, or no object.
    """

    pending: bytearray = attrs.field(factory=bytearray)

    def feed(self, chunk: bytes) -> None:
        """Take what was read from the pipe."""
        self.pending += chunk

    def next(self) -> dict[str, Any] | None:
        """The next whole message, or None until more was fed."""
        end = self.pending.find(b"\n")
        if (len(self.pending) if end < 0 else end) > LINE_BYTES_MAX:
            raise ValueError("line too long")
        if end < 0:
            return None
        line = bytes(self.pending[:end])
        del self.pending[: end + 1]
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("not an object")  # noqa: TRY004 - one kind of error for bad input
        return message
