"""Final transcripts as text, JSON lines or SubRip, piece by piece as they come."""

import json
from collections.abc import Callable
from typing import Final, Protocol

import attrs

from relayd.client.messages import Transcript
from relayd.speech.document import TimedWord
from relayd.speech.subtitles import clean, lay_out, shared_out, subrip

__all__ = ["FORMATS", "JsonLines", "SubRip", "Text", "Writer"]

# A speaker who never pauses still gets a line break: about a minute of speech.
_PARAGRAPH_CHARACTERS: Final = 800


class Writer(Protocol):
    """Turns final transcripts into output; each call returns what can be written now."""

    @property
    def unwritten(self) -> str:
        """Text that was taken and waits for more."""

    def add(self, transcript: Transcript) -> str:
        """Take one final transcript."""

    def close(self) -> str:
        """No more are coming."""


@attrs.define(eq=False)
class Text:
    """One line an utterance: finals are joined until the speaker pauses."""

    pending: list[str] = attrs.field(factory=list)

    @property
    def unwritten(self) -> str:
        """The line so far."""
        return " ".join(self.pending)

    def add(self, transcript: Transcript) -> str:
        """Collect; a pause gives the line."""
        if text := clean(transcript.text):
            self.pending.append(text)
        long = sum(map(len, self.pending)) >= _PARAGRAPH_CHARACTERS
        return self.close() if transcript.speech_final or long else ""

    def close(self) -> str:
        """What was collected, as a line."""
        line = self.unwritten
        self.pending.clear()
        return line + "\n" if line else ""


@attrs.define(eq=False)
class JsonLines:
    """One JSON object a final result; seconds of the audio."""

    unwritten: str = attrs.field(init=False, default="")

    def add(self, transcript: Transcript) -> str:
        """The result as a line."""
        if not transcript.text and not transcript.words:
            return ""
        known = attrs.asdict(transcript, filter=lambda _, value: value is not None)
        return json.dumps(known, ensure_ascii=False) + "\n"

    def close(self) -> str:
        """Nothing is held back."""
        return ""


@attrs.define(eq=False)
class SubRip:
    """Numbered subtitles (.srt) that never overlap and never run backwards."""

    cues: int = 0
    shown_until_ms: int = 0
    unwritten: str = attrs.field(init=False, default="")

    def add(self, transcript: Transcript) -> str:
        """The subtitles of one result."""
        written = ""
        for cue in lay_out(_timed_words(transcript), not_before_ms=self.shown_until_ms):
            self.cues += 1
            self.shown_until_ms = cue.end_ms
            written += subrip(cue, self.cues)
        return written

    def close(self) -> str:
        """Nothing is held back."""
        return ""


FORMATS: Final[dict[str, Callable[[], Writer]]] = {
    "text": Text,
    "jsonl": JsonLines,
    "srt": SubRip,
}


def _timed_words(transcript: Transcript) -> list[TimedWord]:
    """The engine's words, or the text's with its time shared out by length."""
    words = [
        TimedWord(word.text, _ms(word.start), _ms(word.end), word.confidence, word.speaker)
        for word in transcript.words
        if clean(word.text)
    ]
    if words:
        return words
    end = transcript.start + transcript.duration
    return shared_out(transcript.text, _ms(transcript.start), _ms(end))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
