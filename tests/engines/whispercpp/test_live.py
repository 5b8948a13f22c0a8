"""Whisper as live words: utterances are heard as a whole, and noise is not read."""

import math
from array import array
from typing import Any

import pytest

from relayd.engines.local.recogniser import Listening, Recogniser
from relayd.engines.whispercpp.live import LiveWhisper
from relayd.speech.document import TimedWord
from tests.engines.local.spoken import DEMO


def spoken(model: LiveWhisper, sound: bytes) -> list[dict[str, Any]]:
    """The results for so much sound, all at once, and a second of silence."""
    results: list[dict[str, Any]] = []
    recogniser = Recogniser(model, Listening(), results.append)
    recogniser.feed(sound + bytes(32_000))
    recogniser.finish()
    return results


def test_every_utterance_is_heard_as_a_whole() -> None:
    """Interim words restate what was said so far; final ones have their place in the stream."""
    heard: list[int] = []

    def hear(speech: bytes) -> list[TimedWord]:
        heard.append(len(speech))
        return [TimedWord(f"Take {len(heard)},", 100, 400, 0.5)]

    results = spoken(LiveWhisper(hear), DEMO.samples)
    finals = [one for one in results if one["is_final"]]
    assert len(finals) == 3
    assert len(results) > len(finals)
    for one in finals:
        (word,) = one["words"]
        assert word["punctuated_word"] == one["text"]
        assert word["start"] == pytest.approx(one["start"] + 0.1)
        assert word["confidence"] == 0.5
        assert round(one["duration"] * 32_000) in heard


def test_sounds_are_no_words() -> None:
    """What it writes for music, coughing and silence is left out."""
    written = ["[MUSIC]", "(coughs)", "*sighs*", "…", "Well,", "♪"]

    def hear(speech: bytes) -> list[TimedWord]:
        return [TimedWord(text, 0, 100, 1.0) for text in written]

    finals = [one for one in spoken(LiveWhisper(hear), DEMO.samples) if one["is_final"]]
    assert {one["text"] for one in finals} == {"Well,"}


def test_a_hum_is_not_read() -> None:
    """Sound as loud all the time is not given to the model, which would find words in it."""
    hum = array("h", [round(3000 * math.sin(n / 20)) for n in range(4 * 16_000)]).tobytes()

    def hear(speech: bytes) -> list[TimedWord]:
        raise AssertionError("it was read")

    assert not [one for one in spoken(LiveWhisper(hear), hum) if one["text"]]
