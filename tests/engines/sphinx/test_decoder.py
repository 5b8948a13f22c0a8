"""pocketsphinx's words, tidied."""

import pytest

from relayd.engines.sphinx.decoder import clean_word


@pytest.mark.parametrize(
    ("word", "clean"),
    [("the(2)", "the"), ("we'll", "we'll"), ("a", "a")]
    + [(noise, None) for noise in ("<s>", "</s>", "<sil>", "[NOISE]", "++UH++")],
)
def test_only_words_are_left(word: str, clean: str | None) -> None:
    """Silences and noises go, and the number of a pronunciation."""
    assert clean_word(word) == clean
