"""The audio of a stream that no lasting result covers yet: what another engine would have to hear.

Kept in the pieces in which it came, without a copy. Bounded: beyond that the oldest goes, which is
mostly silence, since engines say something final of speech every few seconds.
"""

from collections import deque
from typing import Final

import attrs

from relayd.speech.formats import AudioFormat
from relayd.speech.words import Transcript

__all__ = ["MOST_BYTES", "MOST_SECONDS", "Backlog"]

# Twice as long as the longest utterance that an engine of ours lets grow (12 s), and some.
MOST_SECONDS: Final = 30
# 30 s of the default format are 0.96 MB; 4 MiB hold 21 s of 48 kHz stereo.
MOST_BYTES: Final = 4 * 2**20


@attrs.define(eq=False)
class Backlog:
    """Positions are bytes of the stream's audio, from its first one on.

    Invariant: ``begin_bytes`` is on a whole block, and what is kept is all that follows it.
    """

    format: AudioFormat
    begin_bytes: int = 0
    total_bytes: int = 0
    _most_bytes: int = attrs.field(init=False)
    _pieces: deque[bytes] = attrs.field(factory=deque)
    # Up to where lasting results reach, for each channel that has results of its own.
    _covered: list[int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        most = min(MOST_SECONDS * self.format.bytes_per_second, MOST_BYTES)
        self._most_bytes = self._whole(most)
        self._covered = [0] * (self.format.channels if self.format.multichannel else 1)

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """What is kept, in order."""
        return tuple(self._pieces)

    @property
    def begin_seconds(self) -> float:
        """Where what is kept begins."""
        return self.begin_bytes / self.format.bytes_per_second

    @property
    def missing_seconds(self) -> float:
        """How much before it no lasting result covers."""
        return (self.begin_bytes - min(self._covered)) / self.format.bytes_per_second

    def add(self, audio: bytes) -> None:
        """Keep what was sent."""
        self._pieces.append(audio)
        self.total_bytes += len(audio)
        beyond = self.total_bytes - self.begin_bytes - self._most_bytes
        if beyond > 0:
            # Rounded up to a block.
            self._release(self.begin_bytes - self._whole(-beyond))

    def cover(self, result: Transcript) -> None:
        """Forget what a lasting result covers; its times are seconds of the stream's audio."""
        audio, channel = self.format, self._channel(result)
        frames = round((result.start + result.duration) * audio.sample_rate)
        end = min(frames * audio.block_bytes, self._whole(self.total_bytes))
        self._covered[channel] = max(self._covered[channel], end)
        self._release(min(self._covered))

    def covered_seconds(self, result: Transcript) -> float:
        """Up to where lasting results of its channel reach."""
        return self._covered[self._channel(result)] / self.format.bytes_per_second

    def _channel(self, result: Transcript) -> int:
        if len(self._covered) == 1 or result.channel is None:
            return 0
        return min(result.channel, len(self._covered) - 1)

    def _whole(self, position: int) -> int:
        return position - position % self.format.block_bytes

    def _release(self, until: int) -> None:
        while self.begin_bytes < until:
            first = self._pieces[0]
            if self.begin_bytes + len(first) <= until:
                self._pieces.popleft()
                self.begin_bytes += len(first)
            else:
                self._pieces[0] = first[until - self.begin_bytes :]
                self.begin_bytes = until
