"""Audio that an app gave, kept until its words are final: half a minute at most. No I/O.

Places are bytes since the app began. What was not sent yet is never dropped: `room_bytes` says
how much more may be given. Beyond the bound, the oldest that was sent goes.
"""

from collections import deque

import attrs

__all__ = ["KeptAudio"]


@attrs.define(eq=False)
class KeptAudio:
    """One stream of audio. ``begin`` is where it is kept from, ``sent`` how far it was sent."""

    most_bytes: int
    begin: int = 0
    sent: int = 0
    end: int = 0
    # Before it, nothing is needed any more.
    _needed_from: int = 0
    _blocks: deque[bytes] = attrs.field(factory=deque)

    @property
    def room_bytes(self) -> int:
        """How much more may be given now."""
        return self.most_bytes - (self.end - self.sent)

    def give(self, audio: bytes) -> None:
        """Put audio behind what is there."""
        if audio:
            self._blocks.append(audio)
            self.end += len(audio)
            self._drop()

    def next_piece(self, most_bytes: int) -> bytes:
        """The next audio to be sent, taken for sent; empty where there is none."""
        at, piece = self.begin, bytearray()
        for block in self._blocks:
            if at + len(block) > self.sent and len(piece) < most_bytes:
                start = max(self.sent - at, 0)
                piece += block[start : start + most_bytes - len(piece)]
            at += len(block)
        self.sent += len(piece)
        self._drop()
        return bytes(piece)

    def send_again_from(self, place: int) -> None:
        """What was sent behind this place has to be sent again."""
        # An engine's final may end a little behind what it heard.
        self.sent = min(max(place, self.begin), self.end)

    def forget(self, before: int) -> None:
        """Nothing before this place is needed any more."""
        self._needed_from = max(self._needed_from, before)
        self._drop()

    def _drop(self) -> None:
        while self._blocks:
            end = self.begin + len(self._blocks[0])
            needed = end > self._needed_from and self.end - self.begin <= self.most_bytes
            if needed or end > self.sent:
                return
            self._blocks.popleft()
            self.begin = end
