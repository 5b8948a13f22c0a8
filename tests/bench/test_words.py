"""How soon words came, from results with their moments."""

import pytest

from bench.procfs import Usage
from bench.words import Stream, render, word_errors
from relayd.speech.words import Transcript, Word


def result(text: str, start: float, duration: float, *, final: bool = False) -> Transcript:
    """A result whose words share its time, after a tenth of a second of silence."""
    words = text.split()
    share = (duration - 0.1) / max(len(words), 1)
    return Transcript(
        text=text,
        is_final=final,
        speech_final=final,
        confidence=0.0,
        start=start,
        duration=duration,
        words=tuple(
            Word(word, start + 0.1 + share * n, start + 0.1 + share * (n + 1), 0.0)
            for n, word in enumerate(words)
        ),
    )


STREAM = Stream(
    began=0.0,
    results=[
        (0.8, result("hell", 0.0, 0.7)),
        (1.2, result("hello there", 0.0, 1.1)),
        (2.0, result("hello there", 0.0, 1.5, final=True)),
        (2.6, result("", 1.5, 1.0)),
        (3.0, result("you", 1.5, 1.4)),
        (4.0, result("you two", 1.5, 2.0, final=True)),
    ],
)


def test_words_are_timed_by_the_sound() -> None:
    """The first from where an utterance's sound begins, the last from where it ends."""
    assert STREAM.first_words() == pytest.approx([0.7, 1.4])
    assert STREAM.last_words() == pytest.approx([0.5, 0.5])


def test_a_revised_final_is_noticed() -> None:
    """A result that begins before the end of what was final before."""
    assert STREAM.revised_finals() == 0
    again = (4.1, result("you too", 1.5, 2.0))
    assert Stream(0.0, [*STREAM.results, again]).revised_finals() == 1


def test_figures_are_told() -> None:
    """A line each, per stream and second."""
    shown = render([STREAM], [Usage(0.9, 0, 2048)], 10.0, "Hello there, you too.")
    assert "first words after the sound   1.05 s (median), 1.40 s (longest)" in shown
    assert "interim results               0.40 a second" in shown
    assert "words wrong                   0.250" in shown
    assert "a stream                      0.10 of a core, 2 MiB" in shown


def test_nothing_said_is_no_figure() -> None:
    """A stream without words leaves the times out."""
    assert "first words after the sound   none" in render([Stream(0.0)], [], 1.0, "hello")


@pytest.mark.parametrize(
    ("heard", "error"), [("a b c d", 0), ("A, b! c d", 0), ("a c d", 0.25), ("a x c d e", 0.5)]
)
def test_word_errors_are_counted(heard: str, error: float) -> None:
    """Wrong, missing and invented ones alike, without case and punctuation."""
    assert word_errors("a b c d", heard) == error
