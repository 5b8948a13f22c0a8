"""What was said, as it is saved."""

from pathlib import Path

import pytest

from relayd.client.messages import Transcript, Word
from relayd.desktop.captions import Captions


def said(text: str, start: float, *, final: bool = True, pause: bool = True) -> Transcript:
    """A word a second."""
    words = tuple(
        Word(one, start + number, start + number + 0.8, 1.0)
        for number, one in enumerate(text.split())
    )
    return Transcript(text, final, pause, 1.0, start, float(len(words)), words)


def test_interim_words_are_replaced() -> None:
    """They are shown behind the final ones until their own final form comes."""
    captions = Captions()
    assert captions.hear(said("hello", 0)) == "hello"
    assert captions.hear(said("wor", 1, final=False)) == ""
    assert captions.text == "hello\nwor"
    captions.hear(said("world", 1))
    assert captions.text == "hello\nworld"


@pytest.mark.parametrize(
    ("name", "first"), [("a.txt", "hello there"), ("a.SRT", "1\n00:00:00,000 --> "), ("a", "hello")]
)
def test_a_file_s_name_says_its_form(tmp_path: Path, name: str, first: str) -> None:
    """Subtitles for .srt, text for all else."""
    captions = Captions()
    captions.hear(said("hello there", 0))
    captions.save(tmp_path / name)
    assert (tmp_path / name).read_text().startswith(first)
