"""How a key is written: ``wtr_live_`` or ``wtr_test_``, 43 random characters, 6 of a checksum.

The parts are the same everywhere, so that scanners for secrets find a key in any text, and the
checksum tells a key from what only looks like one without asking anybody. 43 digits of base 62
hold 256 bits.
"""

import hashlib
import re
import secrets
import string
import zlib
from typing import Final

import attrs

__all__ = ["PREFIX", "FreshKey", "Spelling"]

PREFIX: Final = "wtr"

_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_CHARACTERS: Final = 43
# Base 62 needs six digits for 32 bits.
_CHECKSUM_CHARACTERS: Final = 6
_SHOWN_CHARACTERS: Final = 4


@attrs.frozen
class FreshKey:
    """A key that was just made. ``text`` goes to its owner once, ``hash`` to the database."""

    text: str = attrs.field(repr=False)
    hash: bytes = attrs.field(repr=False)
    # How it begins and ends, for people.
    hint: str


@attrs.frozen
class Spelling:
    """How keys of this server are written."""

    prefix: str = PREFIX
    _form: re.Pattern[str] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        # The one thing about it that isn't a plain field.
        object.__setattr__(self, "_form", re.compile(self.pattern, re.ASCII))

    @property
    def pattern(self) -> str:
        """What scanners look for, as a regular expression."""
        characters = _RANDOM_CHARACTERS + _CHECKSUM_CHARACTERS
        return rf"{self.prefix}_(?:live|test)_[0-9A-Za-z]{{{characters}}}"

    def claims(self, text: str) -> bool:
        """Whether it says of itself that it is a key, a good one or not."""
        return text.startswith(f"{self.prefix}_")

    def make(self, *, test: bool) -> FreshKey:
        """A new key."""
        begins = f"{self.prefix}_{'test' if test else 'live'}_"
        body = begins + "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM_CHARACTERS))
        text = body + _checksum(body)
        return FreshKey(text, _hash(text), f"{begins}…{text[-_SHOWN_CHARACTERS:]}")

    def hash_of(self, text: str) -> bytes | None:
        """What the database knows a key by; None for what is none, mistyped or cut short."""
        if self._form.fullmatch(text) is None:
            return None
        if _checksum(text[:-_CHECKSUM_CHARACTERS]) != text[-_CHECKSUM_CHARACTERS:]:
            return None
        return _hash(text)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("ascii")).digest()


def _checksum(body: str) -> str:
    """CRC-32 of all that stands before it, in base 62, the most significant digit first."""
    rest, digits = zlib.crc32(body.encode("ascii")), ""
    for _ in range(_CHECKSUM_CHARACTERS):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
