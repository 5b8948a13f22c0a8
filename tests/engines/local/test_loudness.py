"""An end-pointer that knows nothing but how loud it is."""

import math
import random
from array import array

from relayd.engines.local.loudness import LoudnessEndpointer
from tests.engines.local.spoken import DEMO


def heard(sound: bytes, pause_seconds: float = 0.6) -> list[tuple[float, int]]:
    """Where each utterance began, and how many bytes of it were said to be speech."""
    ends = LoudnessEndpointer(pause_seconds)
    found: list[tuple[float, int]] = []
    size = ends.frame_bytes
    for start in range(0, len(sound) - size + 1, size):
        was_speech = ends.in_speech
        speech = ends.process(sound[start : start + size])
        if speech is not None and not was_speech:
            found.append((ends.speech_start, 0))
        if speech is not None:
            found[-1] = (found[-1][0], found[-1][1] + len(speech))
    return found


def noise(seconds: float, loudness: int) -> bytes:
    """Hiss."""
    chance = random.Random(7)  # noqa: S311 - no secret
    samples = [round(chance.gauss(0, loudness)) for _ in range(round(seconds * 16_000))]
    return array("h", samples).tobytes()


def tone(seconds: float, loudness: int = 8000) -> bytes:
    """A vowel of sorts."""
    samples = [round(loudness * math.sin(n / 16)) for n in range(round(seconds * 16_000))]
    return array("h", samples).tobytes()


def test_sentences_are_told_apart() -> None:
    """Each of the three utterances of the recording is one, and silence is none."""
    assert len(heard(DEMO.samples)) == 3
    assert heard(bytes(160_000)) == []


def test_what_comes_before_the_first_vowel_belongs_to_it() -> None:
    """An utterance begins a little before it got loud."""
    ((start, size),) = heard(noise(1, 30) + tone(1) + noise(1, 30))
    assert 0.75 <= start < 1
    assert 1.6 < size / 32_000 < 2


def test_a_noise_is_the_room_after_a_while() -> None:
    """A fan that starts is taken for speech at first, and then for the room; speech stands out."""
    fan = noise(8, 300)
    ((start, size),) = heard(noise(1, 20) + fan)
    assert start < 1
    assert size / 32_000 < 5
    assert len(heard(noise(1, 20) + fan + tone(1) + noise(2, 300))) == 2


def test_the_pause_is_the_apps() -> None:
    """A shorter one makes two utterances of what is one with a longer one."""
    spoken = noise(1, 30) + tone(0.5) + noise(0.4, 30) + tone(0.5) + noise(1, 30)
    assert [len(heard(spoken, pause)) for pause in (0.2, 0.8)] == [2, 1]


def test_a_click_is_nothing() -> None:
    """Sound of a few hundredths of a second begins no utterance."""
    assert heard(noise(1, 30) + tone(0.06) + noise(1, 30)) == []
