"""Implements `relayd.speech.files.FileEngine` without listening."""

import wave
from pathlib import Path
from typing import Final

import attrs
import trio

from relayd.errors import EngineFailed
from relayd.speech.document import Document, Segment, TimedWord
from relayd.speech.files import AudioForm, FileRequest, Progress
from relayd.speech.plan import ConfigRefusal

__all__ = ["MODEL", "SENTENCE_MS", "WORDS", "WORD_MS", "Pretend"]

MODEL: Final = "pretend"

# A sentence every five seconds, its words at the pace of speech.
WORDS: Final = ("These", "are", "pretended", "words,", "not", "what", "was", "said.")
WORD_MS: Final = 400
SENTENCE_MS: Final = 5_000
_CONFIDENCE: Final = 0.99


@attrs.frozen
class Pretend:
    """The same words for the same length of audio."""

    name: str = "pretend"
    form: AudioForm = AudioForm.WAV
    part_seconds_max: int | None = None

    def refusal(self, request: FileRequest) -> ConfigRefusal | None:
        """Nothing: whoever tests may ask for anything."""
        return None

    async def transcribe(self, audio: Path, request: FileRequest, progress: Progress) -> Document:
        """Count the samples, and make up a word for every 0.4 s of them."""
        await trio.lowlevel.checkpoint()
        try:
            with wave.open(str(audio), "rb") as sound:
                duration_ms = sound.getnframes() * 1000 // sound.getframerate()
        except (OSError, EOFError, wave.Error) as error:
            raise EngineFailed(f"engine pretend can't read its audio: {error}") from error
        progress(duration_ms)
        starts = range(0, duration_ms - WORD_MS + 1, SENTENCE_MS)
        return Document(
            self.name,
            MODEL,
            language=request.language or "en",
            duration_ms=duration_ms,
            segments=tuple(_sentence(start, duration_ms) for start in starts),
        )


def _sentence(start_ms: int, duration_ms: int) -> Segment:
    ends = range(start_ms + WORD_MS, duration_ms + 1, WORD_MS)
    words = tuple(
        TimedWord(text, end_ms - WORD_MS, end_ms, _CONFIDENCE)
        for text, end_ms in zip(WORDS, ends, strict=False)
    )
    text = " ".join(word.text for word in words)
    return Segment(text, words[0].start_ms, words[-1].end_ms, words)
