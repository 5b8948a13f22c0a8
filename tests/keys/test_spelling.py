"""How a key is written, and what is told from it without asking anybody."""

import re
import zlib

from hypothesis import given
from hypothesis import strategies as st

from relayd.keys.spelling import Spelling

SPELLING = Spelling()


def test_the_form_is_as_published() -> None:
    """Prefix, kind, 43 random characters, 6 of the checksum; different each time."""
    live, test = SPELLING.make(test=False), SPELLING.make(test=True)
    assert re.fullmatch(r"wtr_live_[0-9A-Za-z]{49}", live.text)
    assert re.fullmatch(r"wtr_test_[0-9A-Za-z]{49}", test.text)
    assert re.fullmatch(SPELLING.pattern, live.text)
    assert SPELLING.make(test=False).text != live.text


def test_the_checksum_is_as_published() -> None:
    """CRC-32 of all before it, in base 62 of digits, capitals, small letters."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    text = SPELLING.make(test=False).text
    value = 0
    for digit in text[-6:]:
        value = value * 62 + digits.index(digit)
    assert value == zlib.crc32(text[:-6].encode())


@given(st.integers(0, 57), st.characters(codec="utf-8"))
def test_one_wrong_character_is_noticed(place: int, character: str) -> None:
    """A slip of the finger anywhere makes it no key."""
    text = SPELLING.make(test=False).text
    spoilt = text[:place] + character + text[place + 1 :]
    assert (SPELLING.hash_of(spoilt) is None) == (spoilt != text)


@given(st.text())
def test_any_text_may_be_asked(text: str) -> None:
    """Whatever stands in a header is judged and never raises."""
    assert SPELLING.hash_of(text) is None


def test_nothing_shows_the_key() -> None:
    """Neither a repr nor the hint has more than four of its random characters."""
    key = SPELLING.make(test=False)
    assert key.text not in repr(key)
    assert key.hint == f"wtr_live_…{key.text[-4:]}"
    assert key.hash not in repr(key).encode("latin-1", "replace")


def test_another_prefix() -> None:
    """Keys of one server are none of another's."""
    other = Spelling("acme")
    assert other.make(test=True).text.startswith("acme_test_")
    assert SPELLING.hash_of(other.make(test=False).text) is None
    assert other.claims("acme_x")
    assert not other.claims("wtr_x")
