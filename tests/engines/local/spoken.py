"""Recordings for tests that listen: their samples, their words, how many were heard."""

import re
import wave
from contextlib import AbstractContextManager
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

import attrs

__all__ = ["DEMO", "INAUGURAL", "Spoken"]


@attrs.frozen
class Spoken:
    """A recording of 16 kHz mono linear16, and the text that is said in it."""

    directory: Traversable
    name: str

    @property
    def path(self) -> AbstractContextManager[Path]:
        """Its file, while entered."""
        return resources.as_file(self.directory / f"{self.name}.wav")

    @property
    def samples(self) -> bytes:
        """All of it as raw audio."""
        with (self.directory / f"{self.name}.wav").open("rb") as file, wave.open(file) as wav:
            assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (16_000, 1, 2)
            audio: bytes = wav.readframes(wav.getnframes())
        return audio

    @property
    def words(self) -> list[str]:
        """What is said, as a recogniser would say it."""
        return words((self.directory / f"{self.name}.txt").read_text(encoding="utf-8"))

    def error(self, text: str) -> float:
        """The word error rate of a transcript: wrong, missing and invented words for each said."""
        heard = words(text)
        # Levenshtein's distance, a row for each word that was said.
        row = list(range(len(heard) + 1))
        for count, said in enumerate(self.words, 1):
            diagonal, row[0] = row[0], count
            for position, word in enumerate(heard, 1):
                kept = diagonal + (said != word)
                diagonal = row[position]
                row[position] = min(diagonal + 1, row[position - 1] + 1, kept)
        return row[-1] / len(self.words)


def words(text: str) -> list[str]:
    """The words of a text without case and punctuation."""
    return re.findall(r"[a-z']+", text.lower())


# Three utterances with pauses between them, spoken by a synthesiser for `relayd demo`.
DEMO: Final = Spoken(resources.files("relayd.demo"), "recording")
# A real voice in a real place: see recordings/README.md.
INAUGURAL: Final = Spoken(Path(__file__).parent / "recordings", "inaugural")
