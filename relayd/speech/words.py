"""What an engine makes of audio: words, results, and where speech began and ended."""

import attrs

__all__ = [
    "SpeechStarted",
    "Transcript",
    "UpstreamEvent",
    "UtteranceEnd",
    "Word",
]


@attrs.frozen
class Word:
    """One recognised word; times are seconds on the stream's audio timeline."""

    word: str
    start: float
    end: float
    confidence: float
    punctuated_word: str | None = None
    speaker: int | None = None


@attrs.frozen
class Transcript:
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


@attrs.frozen
class SpeechStarted:
    """Voice activity began at this second of the audio."""

    timestamp: float


@attrs.frozen
class UtteranceEnd:
    """No word followed the one that ended at this second of the audio."""

    last_word_end: float


UpstreamEvent = Transcript | SpeechStarted | UtteranceEnd
