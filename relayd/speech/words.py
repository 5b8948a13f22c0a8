"""What an engine makes of audio: words, results, and where speech began and ended.

They are structs of msgspec, being most of what a daemon reads and writes: an engine's JSON
becomes a `Word` within the decoder, and an app's JSON is made of it without a step between.
"""

from typing import Annotated, Final

import msgspec

__all__ = [
    "EngineChanged",
    "Seconds",
    "SpeechStarted",
    "Transcript",
    "UpstreamEvent",
    "UtteranceEnd",
    "Word",
]

# A figure beyond this (115 days) is not a position in a stream but a fault.
_SECONDS_MAX: Final = 10_000_000.0

# A position in a stream's audio, or a length of it. Engines send some a little below zero.
Seconds = Annotated[float, msgspec.Meta(ge=-_SECONDS_MAX, le=_SECONDS_MAX)]


class Word(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One recognised word; times are seconds on the stream's audio timeline."""

    word: str
    start: Seconds
    end: Seconds
    # A factory: 0 is said, not left out.
    confidence: Seconds = msgspec.field(default_factory=float)
    punctuated_word: str | None = None
    speaker: int | None = None


class Transcript(msgspec.Struct, frozen=True, gc=False):
    """A result: what was said in ``[start, start + duration)`` seconds, final or interim."""

    text: str
    is_final: bool
    speech_final: bool
    confidence: float
    start: float
    duration: float
    words: tuple[Word, ...] = ()
    # Which channel, where each is transcribed by itself.
    channel: int | None = None
    from_finalize: bool = False


class SpeechStarted(msgspec.Struct, frozen=True, gc=False):
    """Voice activity began at this second of the audio."""

    timestamp: float


class UtteranceEnd(msgspec.Struct, frozen=True, gc=False):
    """No word followed the one that ended at this second of the audio."""

    last_word_end: float


class EngineChanged(msgspec.Struct, frozen=True, gc=False):
    """The engine failed, and this one goes on with the stream; it may be the same again.

    ``missing`` seconds of audio before it have no lasting words, and are not kept any more.
    """

    engine: str
    model: str
    # Milliseconds of credit for a second of audio, from here on.
    rate: int
    missing: float = 0.0


UpstreamEvent = Transcript | SpeechStarted | UtteranceEnd | EngineChanged
