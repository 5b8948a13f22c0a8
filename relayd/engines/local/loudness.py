"""How loud sound is, and an end-pointer that knows nothing else: for models that bring none. Pure.

Speech is louder than the room around it, and the room is heard in the gaps between words. So the
quietest moment of the last seconds says how loud the room is, and what stands out above it is
taken for speech. A noise that begins is taken for speech as well until those seconds are over; the
model behind it has to know that there is no word in it.
"""

import math
from array import array
from collections import deque
from collections.abc import Sequence
from typing import Final

from relayd.engines.local.audio import MODEL_RATE

__all__ = ["FRAME_SAMPLES", "LoudnessEndpointer", "level", "spread", "swing"]

SAMPLE_BYTES: Final = 2
# 10 ms at 16 kHz: a syllable has some twenty of them.
FRAME_SAMPLES: Final = 160

# An end-pointer decides about three of them at a time.
STEP_SAMPLES: Final = 3 * FRAME_SAMPLES
STEP_SECONDS: Final = STEP_SAMPLES / MODEL_RATE
# The gaps between words come oftener than this.
ROOM_STEPS: Final = 100
# In dB above the faintest sound: an office, before anything was heard; and where nobody speaks
# into a microphone.
ROOM_DB: Final = 45.0
FAINT_DB: Final = 30.0
# A vowel stands out by 20 dB and more, the end of a word by less.
ABOVE_ROOM_DB: Final = 9.0
# So many of the last steps begin an utterance: a click has one or two.
BEGIN_STEPS: Final = 4
BEGIN_WITHIN: Final = 7
# Consonants before the first vowel are not loud.
LOOK_BEHIND_STEPS: Final = 10
PAUSE_SECONDS: Final = 0.6


def level(samples: Sequence[int]) -> float:
    """The loudness of a frame of 16-bit samples, in dB above the faintest sound."""
    return 10 * math.log10(sum(sample * sample for sample in samples) / len(samples) + 1)


def swing(levels: Sequence[float]) -> float:
    """How far the loudness of an utterance goes up and down, in dB; 0.0 for no frames."""
    quiet, loud = spread(levels)
    return loud - quiet


def spread(levels: Sequence[float]) -> tuple[float, float]:
    """The quiet and the loud of an utterance: a click or a dropout is neither."""
    ranked = sorted(levels)
    if not ranked:
        return 0.0, 0.0
    return ranked[len(ranked) // 10], ranked[len(ranked) * 95 // 100]


class LoudnessEndpointer:
    """Implements `relayd.engines.local.recogniser.Endpointer`."""

    frame_bytes: Final = STEP_SAMPLES * SAMPLE_BYTES

    def __init__(self, pause_seconds: float = PAUSE_SECONDS) -> None:
        self.in_speech = False
        self.speech_start = 0.0
        self._pause_steps = max(round(pause_seconds / STEP_SECONDS), 1)
        self._steps = 0
        self._levels = deque([ROOM_DB] * BEGIN_WITHIN, maxlen=ROOM_STEPS)
        self._loud = deque[bool](maxlen=BEGIN_WITHIN)
        # Since the last loud step of an utterance.
        self._quiet_steps = 0
        # What an utterance begins with.
        self._before = deque[bytes](maxlen=LOOK_BEHIND_STEPS)

    def process(self, frame: bytes) -> bytes | None:
        """The frame, with what was just before it where an utterance begins; None for silence."""
        self._steps += 1
        loudness = level(array("h", frame))
        loud = loudness > max(min(self._levels) + ABOVE_ROOM_DB, FAINT_DB)
        self._levels.append(loudness)
        if self.in_speech:
            self._quiet_steps = 0 if loud else self._quiet_steps + 1
            if self._quiet_steps >= self._pause_steps:
                self._end()
            return frame
        self._before.append(frame)
        self._loud.append(loud)
        if sum(self._loud) < BEGIN_STEPS:
            return None
        self.in_speech, self._quiet_steps = True, 0
        self.speech_start = (self._steps - len(self._before)) * STEP_SECONDS
        begun = b"".join(self._before)
        self._before.clear()
        return begun

    def end_stream(self, rest: bytes) -> bytes | None:
        """What was left is speech where an utterance was under way."""
        was_speech = self.in_speech
        self._end()
        return rest if was_speech else None

    def _end(self) -> None:
        self.in_speech = False
        self._loud.clear()
