"""What the figures of the desktop's engine are made of."""

import time

from bench.desktop import Words
from relayd.client import Transcript


def heard(until_seconds: float) -> Transcript:
    """Words of all the sound until there."""
    return Transcript("word", True, False, 1.0, 0.0, until_seconds)


def test_words_are_as_late_as_their_last_block() -> None:
    """The delay counts from the block that completed the sound of the words, not from the first."""
    words = Words(20)
    now = time.perf_counter()
    words.given = [now - 0.5, now - 0.1]
    words.hear("word", True, heard(0.03))
    assert 100 <= words.behind_ms[0] < 400


def test_words_of_sound_that_was_never_given_do_not_count() -> None:
    """An engine that hears more than was said proves nothing."""
    words = Words(20)
    words.hear("word", True, heard(0.04))
    assert words.behind_ms == []
