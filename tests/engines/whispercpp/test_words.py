"""Tokens of whisper.cpp put together to words."""

from relayd.engines.whispercpp.decoder import Token, words


def token(text: str | bytes, start_ms: int = 0, probability: float = 1.0) -> Token:
    """A token of a tenth of a second."""
    spelled = text.encode() if isinstance(text, str) else text
    return Token(spelled, start_ms, start_ms + 100, probability)


def test_a_space_begins_a_word() -> None:
    """Its time is from its first piece to its last, its confidence their mean."""
    found = words([token(" Hel", 100, 0.5), token("lo", 200, 1.0), token(","), token(" you", 400)])
    assert [one.text for one in found] == ["Hello,", "you"]
    assert (found[1].start_ms, found[1].end_ms, found[1].confidence) == (400, 500, 1.0)
    assert found[0].confidence == 0.8333
    assert found[0].end_ms >= found[0].start_ms


def test_marks_are_no_words() -> None:
    """Nor is a lonely space."""
    assert words([token("[_BEG_]"), token(" "), token("[_TT_150]")]) == ()


def test_a_character_may_be_in_two_tokens() -> None:
    """Bytes are joined before they are read."""
    whole = " Müsli".encode()
    (found,) = words([token(whole[:3]), token(whole[3:])])
    assert found.text == "Müsli"


def test_the_first_word_needs_no_space() -> None:
    """Languages without spaces have a word a segment."""
    (found,) = words([token("今日"), token("は")])
    assert found.text == "今日は"
