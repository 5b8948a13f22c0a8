"""What a child of ours says: one line of ASCII JSON for each message. Pure and sans-I/O."""

import json
from typing import Any, Final

import attrs

__all__ = ["LINE_BYTES_MAX", "Lines"]

# An utterance is cut after 30 s at the latest: 30 s · 5 words/s · ~100 bytes a word = 15 KB.
# Longer is a fault.
LINE_BYTES_MAX: Final = 128 * 1024


@attrs.define(eq=False)
class Lines:
    """Cuts what a child writes into its JSON messages.

    Raises ValueError when it isn't what our child writes: a line too long, or no object.
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
