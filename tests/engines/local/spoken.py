"""The shipped recording, for tests that listen: its samples, its words, how many were heard."""

import re
import wave
from difflib import SequenceMatcher
from importlib import resources

__all__ = ["matched", "samples", "words"]


def samples() -> bytes:
    """The recording as 16 kHz mono linear16: three utterances with pauses between."""
    with (
        (resources.files("relayd.demo") / "recording.wav").open("rb") as file,
        wave.open(file) as wav,
    ):
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (16_000, 1, 2)
        audio: bytes = wav.readframes(wav.getnframes())
    return audio


def words(text: str | None = None) -> list[str]:
    """The words of a text, by default of the recording, as a recogniser would say them."""
    if text is None:
        text = (resources.files("relayd.demo") / "recording.txt").read_text(encoding="utf-8")
    return re.findall(r"[a-z']+", text.lower())


def matched(text: str) -> float:
    """Which part of the recording's words stands in a transcript, in order."""
    spoken = words()
    blocks = SequenceMatcher(None, spoken, words(text), autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(spoken)
