"""Where the words of an utterance stand, from its loudness."""

from array import array
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.engines.local.loudness import FRAME_SAMPLES, level, swing
from relayd.engines.moonshine.word_times import place
from tests.engines.local.spoken import DEMO

SILENCE, SOUND = 10.0, 60.0


def levels(*stretches: tuple[float, float]) -> list[float]:
    """Loudness and seconds of one stretch after the other."""
    return [loudness for loudness, seconds in stretches for _ in range(round(seconds * 100))]


def times(words: Sequence[str], heard: list[float]) -> list[tuple[float, float]]:
    """Rounded to what can be heard."""
    return [(round(start, 1), round(end, 1)) for start, end in place(words, heard)]


@given(
    st.lists(st.sampled_from(["a", "word,", "elephant.", "I'm", "20", "…"]), max_size=12),
    st.lists(st.floats(0, 90), max_size=300),
)
def test_words_follow_one_another_inside_the_utterance(
    words: list[str], heard: list[float]
) -> None:
    """Whatever is heard: every word has a place, in order, none before the one in front of it."""
    placed = place(words, heard)
    assert len(placed) == len(words)
    borders = [border for one in placed for border in one]
    assert all(earlier <= later for earlier, later in pairwise(borders))
    assert all(0 <= border <= len(heard) / 100 + 1e-9 for border in borders)


def test_silence_around_the_words_is_theirs_not() -> None:
    """The look-behind and the pause at the end have no words in them."""
    heard = levels((SILENCE, 0.5), (SOUND, 1), (SILENCE, 0.4))
    assert times(["hello", "hello"], heard) == [(0.5, 1.0), (1.0, 1.5)]


def test_a_pause_stands_between_words() -> None:
    """Not in one of them, although their share of the sound would put it there."""
    heard = levels((SOUND, 0.8), (SILENCE, 0.5), (SOUND, 1.2))
    assert times(["one", "two", "ten"], heard) == [(0.0, 0.8), (1.3, 1.9), (1.9, 2.5)]


def test_a_pause_stands_rather_after_a_comma() -> None:
    """Of two places that are as near, the one with punctuation."""
    heard = levels((SOUND, 0.6), (SILENCE, 0.5), (SOUND, 0.6))
    first = times(["one,", "two", "ten"], heard)
    second = times(["one", "two,", "ten"], heard)
    assert first[0] == (0.0, 0.6)
    assert second[2] == (1.1, 1.7)


def test_long_words_take_longer() -> None:
    """By syllables and letters."""
    (_, first), (_, second) = place(["a", "characteristically"], levels((SILENCE, 1), (SOUND, 1)))
    assert first == pytest.approx(1.1, abs=0.06)
    assert second == pytest.approx(2.0, abs=0.01)


# From a forced alignment of the recording with pocketsphinx.
ALIGNED = [("we", 2.02), ("listen", 2.17), ("while", 2.54), ("you", 2.85), ("speak,", 3.0)]


def test_a_spoken_sentence() -> None:
    """The words of a recording begin where an alignment with their sounds puts them."""
    samples = array("h", DEMO.samples[round(1.8 * 32_000) : round(3.4 * 32_000)])
    heard = [
        level(samples[n : n + FRAME_SAMPLES])
        for n in range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES)
    ]
    for (_, aligned), (start, _) in zip(
        ALIGNED, place([word for word, _ in ALIGNED], heard), strict=True
    ):
        assert start + 1.8 == pytest.approx(aligned, abs=0.15)


def test_hiss_is_flat_and_speech_is_not() -> None:
    """How loudness swings tells a voice from a fan."""
    assert swing([]) == 0.0
    assert swing(levels((40, 3))) == 0.0
    assert swing(levels((SILENCE, 1), (SOUND, 2))) == SOUND - SILENCE
    assert swing([*levels((40, 3)), 90.0]) == 0.0, "one click is nothing"
