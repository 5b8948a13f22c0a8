"""Audio that an app gave, kept until its words are final: half a minute at most. No I/O.

Places are bytes since the app began. What was not sent yet is never dropped: `room_bytes` says
how much more may be given. Beyond the bound, the oldest that was sent goes.
"""

import attrs

__all__ = ["KeptAudio"]


@attrs.define(eq=False)
class KeptAudio:
    """One stream of audio. ``begin`` is where it is kept from, ``sent`` how far it was sent.

    ``block_bytes``: a sample of every channel, which is dropped as a whole.
    """

    most_bytes: int
    block_bytes: int = 1
    begin: int = 0
    sent: int = 0
    # Before it, nothing is needed any more.
    _needed_from: int = 0
    _audio: bytearray = attrs.field(factory=bytearray)

    @property
    def end(self) -> int:
        """Where the next audio goes."""
        return self.begin + len(self._audio)

    @property
    def room_bytes(self) -> int:
        """How much more may be given now."""
        return self.most_bytes - (self.end - self.sent)

    def give(self, audio: bytes) -> None:
        """Put audio behind what is there."""
        self._audio += audio
        self._drop()

    def next_piece(self, most_bytes: int) -> bytes:
        """The next audio to be sent, taken for sent; empty where there is none."""
        start = self.sent - self.begin
        piece = bytes(self._audio[start : start + most_bytes])
        self.sent += len(piece)
        self._drop()
        return piece

    def send_again_from(self, place: int) -> None:
        """What was sent behind this place has to be sent again."""
        # An engine's final may end a little behind what it heard.
        self.sent = min(max(place, self.begin), self.end)

    def forget(self, before: int) -> None:
        """Nothing before this place is needed any more."""
        self._needed_from = max(self._needed_from, before)
        self._drop()

    def _drop(self) -> None:
        least = max(self._needed_from, self.end - self.most_bytes)
        unneeded = min(least, self.sent) - self.begin
        unneeded -= unneeded % self.block_bytes
        if unneeded > 0:
            del self._audio[:unneeded]
            self.begin += unneeded
