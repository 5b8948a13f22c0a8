"""Moonshine as a local model: what it reads in an utterance.

Runs in the process of the stream. The model has no memory: each look decodes the whole
utterance, which takes 3 to 4 % of what it lasted.
"""

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

import attrs

from relayd.engines.local.audio import MODEL_RATE
from relayd.engines.local.looks import Looks, bare
from relayd.engines.local.recogniser import Endpointer, HeardWord, Listening
from relayd.engines.moonshine import MOONSHINE
from relayd.engines.moonshine.voice import OPTIONS, VoiceActivity, floats
from relayd.engines.moonshine.word_times import place

if TYPE_CHECKING:
    from array import array

__all__ = ["MoonshineModel", "load"]

# With less the words split where people draw breath, and are worse for it.
DEFAULT_ENDPOINTING_MS: Final = 500

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
class MoonshineModel(Looks):
    """Implements `relayd.engines.local.recogniser.Model`."""

    # A look at 12 s takes 0.4 s.
    utterance_seconds_max: ClassVar[int] = 12

    _decode: Callable[["array[float]"], str]
    _listen: Callable[[float], VoiceActivity]
    _voice: VoiceActivity | None = None

    def endpointer(self, listening: Listening) -> Endpointer:
        """Make an end-pointer that listens from now on."""
        if self._voice is not None:
            self._voice.close()
        milliseconds = listening.endpointing_ms
        self._voice = self._listen(
            (DEFAULT_ENDPOINTING_MS if milliseconds is None else milliseconds) / 1000
        )
        return self._voice

    def read(self, speech: bytes, levels: list[float]) -> list[HeardWord]:
        """See `Looks`."""
        sound = floats(speech)
        missing = round(DECODED_SECONDS_MIN * MODEL_RATE) - len(sound)
        if missing > 0:
            sound.extend([0.0] * missing)
        written = _tidy(self._decode(sound)).split()
        spoken = [(word, plain) for word in written if (plain := bare(word))]
        times = place([word for word, _ in spoken], levels)
        return [
            HeardWord(plain, start, end, punctuated_word=word)
            for (word, plain), (start, end) in zip(spoken, times, strict=True)
        ]


def _tidy(text: str) -> str:
    """The model sometimes writes a comma twice."""
    return re.sub(r"([,.;:!?])(?:\s*\1)+", r"\1", text)
