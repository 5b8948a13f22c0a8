"""A value that never prints itself: not in a log line, a traceback, a repr or an error text.

A class of its own rather than a `str`, so that the type checker finds every place where one
is about to leave the program; `reveal` is the only way out and easy to search for.
"""

import hmac
from typing import Final

__all__ = ["Secret", "as_secret"]

_HIDDEN: Final = "***"


class Secret:
    """A password, key or address with a password in it. Empty means "not set"."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Hand it to the library that needs it, and to nothing else."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return _HIDDEN

    def __format__(self, spec: str) -> str:
        return format(_HIDDEN, spec)


def as_secret(value: str | Secret) -> Secret:
    """Take a plain text in, or a secret as it is; the converter of every secret field."""
    return value if isinstance(value, Secret) else Secret(value)
