"""A model without memory: it hears an utterance as a whole, every time that it looks at it.

Partial results are looked for as often as looks take no more than a part of the time, final ones
once. Such models read words from noise; sound that is as loud all the time is no speech.
"""

import re
import time
from array import array
from typing import ClassVar, Final

import attrs

from relayd.engines.local.audio import MODEL_RATE
from relayd.engines.local.loudness import FRAME_SAMPLES, level, swing
from relayd.engines.local.recogniser import HeardWord

__all__ = ["Looks", "bare"]

SAMPLE_BYTES: Final = 2
FRAME_BYTES: Final = FRAME_SAMPLES * SAMPLE_BYTES

# Looks take at most 1/2.5 of the time: two streams share a core, and a busy machine is looked
# at less often instead of falling behind.
LOOK_COSTS: Final = 2.5

# Speech without a pause is cut in the last seconds of an utterance, where it is quietest for
# a fifth of a second.
CUT_SECONDS: Final = 4
CUT_FRAMES: Final = 20

# Speech swings by 7 dB even where noise is as loud as it is, hiss and hum by less than 3; the
# models would read words from those too.
SWING_MIN: Final = 3.0


@attrs.define(eq=False)
class Looks:
    """All of `relayd.engines.local.recogniser.Model` but its end-pointer and the words."""

    # Before the first look there is hardly a word, and revisions more often than the second are
    # restless to read.
    first_look_seconds: ClassVar[float] = 0.65
    look_seconds_min: ClassVar[float] = 0.4

    _speech: bytearray = attrs.field(init=False, factory=bytearray)
    # Of each 10 ms of it, in dB.
    _levels: list[float] = attrs.field(init=False, factory=list)
    # At how many bytes of the utterance.
    _next_look: int = attrs.field(init=False, default=0)

    def read(self, speech: bytes, levels: list[float]) -> list[HeardWord]:
        """The words of linear16 speech, whose loudness is ``levels``."""
        raise NotImplementedError

    def begin(self) -> None:
        """An utterance follows."""
        self._speech.clear()
        self._levels.clear()
        self._next_look = _bytes(self.first_look_seconds)

    def hear(self, speech: bytes) -> None:
        """Take linear16 samples of the utterance."""
        self._speech += speech
        last = len(self._speech) - FRAME_BYTES
        for start in range(len(self._levels) * FRAME_BYTES, last + 1, FRAME_BYTES):
            frame = bytes(self._speech[start : start + FRAME_BYTES])
            self._levels.append(level(array("h", frame)))

    def partial(self) -> list[HeardWord] | None:
        """The words so far; None where it is not yet time to look."""
        if len(self._speech) < self._next_look:
            return None
        began = time.monotonic()
        words = self._look()
        cost = time.monotonic() - began
        self._next_look = len(self._speech) + _bytes(max(self.look_seconds_min, LOOK_COSTS * cost))
        return words

    def end(self, *, hurried: bool) -> list[HeardWord]:
        """All words of the utterance."""
        return self._look()

    def cut(self) -> bytes:
        """Take the end of the utterance away, from where it is quietest on."""
        last = len(self._levels) - CUT_FRAMES
        first = max(last - round(CUT_SECONDS * MODEL_RATE / FRAME_SAMPLES), 0)
        quietest = min(
            range(first, last), key=lambda n: sum(self._levels[n : n + CUT_FRAMES]), default=last
        )
        at = quietest + CUT_FRAMES // 2
        rest = bytes(self._speech[at * FRAME_BYTES :])
        del self._speech[at * FRAME_BYTES :]
        del self._levels[at:]
        return rest

    def _look(self) -> list[HeardWord]:
        if swing(self._levels) < SWING_MIN:
            return []
        return self.read(bytes(self._speech), self._levels)


def bare(word: str) -> str:
    """The word without punctuation around it and in lower case; empty where nothing is left."""
    return re.sub(r"^[^\w]+|[^\w]+$", "", word).lower()


def _bytes(seconds: float) -> int:
    return round(seconds * MODEL_RATE) * SAMPLE_BYTES
