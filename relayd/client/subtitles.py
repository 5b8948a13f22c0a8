"""Final transcripts as text, JSON lines or SubRip, piece by piece as they come."""

import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

import attrs

from relayd.client.messages import Transcript, Word

__all__ = ["FORMATS", "JsonLines", "SubRip", "Text", "Writer", "clean"]

# Common practice (BBC and Netflix guides): 42 characters a line, two lines, at most 7 seconds.
_LINE_CHARACTERS: Final = 42
_CUE_LINES: Final = 2
_CUE_SECONDS: Final = 7.0
# A pause this long begins a new subtitle.
_GAP_SECONDS: Final = 1.5
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


def clean(text: str) -> str:
    """One line, single spaces, no control characters: nothing a terminal would act on."""
    shown = (" " if c.isspace() else c for c in text)
    return " ".join("".join(c for c in shown if unicodedata.category(c) != "Cc").split())


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
        return "".join(self._cue(words) for words in _cues(_timed_words(transcript)))

    def close(self) -> str:
        """Nothing is held back."""
        return ""

    def _cue(self, words: list[Word]) -> str:
        start = max(round(words[0].start * 1000), self.shown_until_ms)
        end = max(round(words[-1].end * 1000), start + 1)
        self.cues += 1
        self.shown_until_ms = end
        lines = "\n".join(_lines(word.text for word in words))
        return f"{self.cues}\n{_timestamp(start)} --> {_timestamp(end)}\n{lines}\n\n"


FORMATS: Final[dict[str, Callable[[], Writer]]] = {
    "text": Text,
    "jsonl": JsonLines,
    "srt": SubRip,
}


def _timestamp(milliseconds: int) -> str:
    """``HH:MM:SS,mmm``; hours grow past two digits if they must."""
    seconds, ms = divmod(milliseconds, 1000)
    minutes, s = divmod(seconds, 60)
    h, m = divmod(minutes, 60)
    return f"{h:02}:{m:02}:{s:02},{ms:03}"


def _timed_words(transcript: Transcript) -> list[Word]:
    """The engine's words, or the text's with its time shared out by length."""
    timed = [
        attrs.evolve(word, word=piece, punctuated_word=None)
        for word in transcript.words
        for piece in _harmless(word.text).split()
    ]
    if timed:
        return timed
    pieces = _harmless(transcript.text).split()
    letters = sum(map(len, pieces))
    at = 0
    for piece in pieces:
        start = transcript.start + transcript.duration * at / letters
        at += len(piece)
        end = transcript.start + transcript.duration * at / letters
        timed.append(Word(piece, start, end, transcript.confidence))
    return timed


def _harmless(text: str) -> str:
    """Text that can't be taken for a timing line."""
    return clean(text).replace("-->", "→")


def _cues(words: list[Word]) -> Iterator[list[Word]]:
    """Cut where it would not fit on the screen, last too long, or where the speaker paused."""
    cue: list[Word] = []
    for word in words:
        if cue and (
            len(_lines(w.text for w in [*cue, word])) > _CUE_LINES
            or word.end - cue[0].start > _CUE_SECONDS
            or word.start - cue[-1].end > _GAP_SECONDS
        ):
            yield cue
            cue = []
        cue.append(word)
    if cue:
        yield cue


def _lines(words: Iterable[str]) -> list[str]:
    """Fill lines; a word longer than a line stays whole on its own."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= _LINE_CHARACTERS:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
