"""Moonshine as a local model: when it looks at an utterance, and what it reads there.

Runs in the process of the stream. The model has no memory: each look decodes the whole
utterance, which takes 3 to 4 % of what it lasted. Partial results are looked for as often as that
allows, final ones once.
"""

import os
import re
import time
from array import array
from collections.abc import Callable
from typing import Any, ClassVar, Final

import attrs

from relayd.engines.local.audio import MODEL_RATE
from relayd.engines.local.recogniser import Endpointer, HeardWord, Listening
from relayd.engines.moonshine import MOONSHINE
from relayd.engines.moonshine.voice import OPTIONS, VoiceActivity, floats
from relayd.engines.moonshine.word_times import FRAME_SAMPLES, level, place, swing

__all__ = ["MoonshineModel", "load"]

SAMPLE_BYTES: Final = 2

# With less the words split where people draw breath, and are worse for it.
DEFAULT_ENDPOINTING_MS: Final = 500

# An utterance begins up to half a second before its voice; with less than this there is hardly
# a word in it.
FIRST_LOOK_SECONDS: Final = 0.65
# A revision more often than this is restless to read.
LOOK_SECONDS_MIN: Final = 0.4
# Looks take at most 1/2.5 of the time: two streams share a core, and a busy machine is looked
# at less often instead of falling behind.
LOOK_COSTS: Final = 2.5

# Speech without a pause is cut in the last seconds of an utterance, where it is quietest for
# a fifth of a second.
CUT_SECONDS: Final = 4
CUT_FRAMES: Final = 20

# Speech swings by 7 dB even where noise is as loud as it is, hiss and hum by less than 3; the
# model would read words from those too.
SWING_MIN: Final = 3.0

# Shorter than the model's own first steps; silence is added.
DECODED_SECONDS_MIN: Final = 0.5


def load() -> "MoonshineModel":
    """Load the weights that the package brings (0.3 s, about 140 MiB and 45 MiB shared)."""
    # The daemon gives each stream a process; its decoder is not to take all the cores.
    os.environ["MOONSHINE_ORT_SINGLE_THREAD"] = "1"
    from moonshine_voice import (  # type: ignore[import-untyped]  # noqa: PLC0415 - optional
        ModelArch,
        Transcriber,
        get_model_path,
    )

    def transcriber(**options: str) -> Any:
        return Transcriber(get_model_path(MOONSHINE.name), ModelArch.TINY, options=options)

    voice = transcriber(**OPTIONS)
    decoder = transcriber(
        return_audio_data="false",
        identify_speakers="false",
        # What it gets is speech from one end to the other.
        vad_threshold="0",
        vad_max_segment_duration="86400",
    )

    def decode(sound: "array[float]") -> str:
        lines = decoder.transcribe_without_streaming(sound, MODEL_RATE).lines
        return " ".join(line.text for line in lines)

    return MoonshineModel(decode, lambda pause: VoiceActivity(voice, pause))


@attrs.define(eq=False)
class MoonshineModel:
    """Implements `relayd.engines.local.recogniser.Model`."""

    # A look at 12 s takes 0.4 s.
    utterance_seconds_max: ClassVar[int] = 12

    _decode: Callable[["array[float]"], str]
    _listen: Callable[[float], VoiceActivity]
    _voice: VoiceActivity | None = None
    _speech: bytearray = attrs.field(factory=bytearray)
    _levels: list[float] = attrs.field(factory=list)
    # At how many bytes of the utterance.
    _next_look: int = 0

    def endpointer(self, listening: Listening) -> Endpointer:
        """Make an end-pointer that listens from now on."""
        if self._voice is not None:
            self._voice.close()
        milliseconds = listening.endpointing_ms
        self._voice = self._listen(
            (DEFAULT_ENDPOINTING_MS if milliseconds is None else milliseconds) / 1000
        )
        return self._voice

    def begin(self) -> None:
        """An utterance follows."""
        self._speech.clear()
        self._levels.clear()
        self._next_look = _bytes(FIRST_LOOK_SECONDS)

    def hear(self, speech: bytes) -> None:
        """Take linear16 samples of the utterance."""
        self._speech += speech
        self._measure()

    def partial(self) -> list[HeardWord] | None:
        """The words so far; None where it is not yet time to look."""
        if len(self._speech) < self._next_look:
            return None
        began = time.monotonic()
        words = self._look()
        cost = time.monotonic() - began
        self._next_look = len(self._speech) + _bytes(max(LOOK_SECONDS_MIN, LOOK_COSTS * cost))
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
        at = (quietest + CUT_FRAMES // 2) * FRAME_SAMPLES * SAMPLE_BYTES
        rest = bytes(self._speech[at:])
        del self._speech[at:]
        del self._levels[at // (FRAME_SAMPLES * SAMPLE_BYTES) :]
        return rest

    def _measure(self) -> None:
        size = FRAME_SAMPLES * SAMPLE_BYTES
        for start in range(len(self._levels) * size, len(self._speech) - size + 1, size):
            self._levels.append(level(array("h", bytes(self._speech[start : start + size]))))

    def _look(self) -> list[HeardWord]:
        if swing(self._levels) < SWING_MIN:
            return []
        sound = floats(bytes(self._speech))
        missing = round(DECODED_SECONDS_MIN * MODEL_RATE) - len(sound)
        if missing > 0:
            sound.extend([0.0] * missing)
        written = _tidy(self._decode(sound)).split()
        spoken = [(word, bare) for word in written if (bare := _bare(word))]
        times = place([word for word, _ in spoken], self._levels)
        return [
            HeardWord(bare, start, end, punctuated_word=word)
            for (word, bare), (start, end) in zip(spoken, times, strict=True)
        ]


def _bytes(seconds: float) -> int:
    return round(seconds * MODEL_RATE) * SAMPLE_BYTES


def _tidy(text: str) -> str:
    """The model sometimes writes a comma twice."""
    return re.sub(r"([,.;:!?])(?:\s*\1)+", r"\1", text)


def _bare(word: str) -> str:
    """The word without punctuation around it and in lower case; empty where nothing is left."""
    return re.sub(r"^[^\w]+|[^\w]+$", "", word).lower()
