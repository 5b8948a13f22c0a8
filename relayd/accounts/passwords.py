"""Passwords: what may be one, and hashing that neither truncates, nor tells, nor blocks.

bcrypt reads 72 bytes and, from version 5, raises beyond them. So what it gets is
``base64(hmac-sha384(pepper, NFKC(password)))``: 64 characters whatever the user typed, and a
stolen table is worth nothing without the pepper, which is not in the database.

One hash is about 0.2 s of a core. It runs in threads of its own limiter, and behind that stands
a bounded queue: a login storm delays other logins, then turns them away, and nothing else.
"""

import base64
import enum
import hashlib
import hmac
import unicodedata
from collections.abc import Callable
from typing import Final, TypeVar

import attrs
import bcrypt
import trio

from relayd.quotas.counters import Counters
from relayd.quotas.limits import Cap, Quotas

__all__ = [
    "PASSWORD_MAX",
    "PASSWORD_MIN",
    "PEPPER_MIN_BYTES",
    "Passwords",
    "Verdict",
    "is_checkable",
    "problem",
]

PASSWORD_MIN: Final = 8
# NFKC can make 18 characters of one; this bounds what it is asked to look at.
PASSWORD_MAX: Final = 1024
PEPPER_MIN_BYTES: Final = 32

# Those that compute too. 33 of 0.2 s, one thread: the last waits about 7 s; two threads, half.
_QUEUE_MAX: Final = 33

T = TypeVar("T")


def problem(password: str) -> str | None:
    """What is wrong with a new password, or None. Characters are counted after NFKC."""
    if not is_checkable(password):
        return f"The password must be text of at most {PASSWORD_MAX} characters."
    if len(unicodedata.normalize("NFKC", password)) < PASSWORD_MIN:
        return f"The password must have at least {PASSWORD_MIN} characters."
    return None


def is_checkable(password: str) -> bool:
    """Whether this can be anyone's password at all: text, and not endless."""
    return len(password) <= PASSWORD_MAX and not any(map(_is_no_text, password))


def _is_no_text(character: str) -> bool:
    return character == "\0" or "\ud800" <= character <= "\udfff"


class Verdict(enum.Enum):
    """What became of a password check."""

    MATCH = enum.auto()
    MISMATCH = enum.auto()
    # Too many are waiting already; nothing was checked.
    BUSY = enum.auto()


@attrs.define(eq=False)
class Passwords:
    """Hashes and verifies in its own threads.

    ``limiter``: fewer threads than cores, used for nothing else; as many compute at once in all
    processes that ``quotas`` counts for. ``cost``: bcrypt's, as its base-2 logarithm of rounds.
    """

    pepper: bytes = attrs.field(repr=False)
    limiter: trio.CapacityLimiter
    cost: int = 12
    queue_max: int = _QUEUE_MAX
    quotas: Quotas = attrs.field(factory=Counters)
    # What an unknown user's password is checked against, so that it takes as long as a known
    # one's. Any salt of the same cost will do: bcrypt hashes first and compares afterwards.
    _reference: bytes = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if len(self.pepper) < PEPPER_MIN_BYTES:
            raise ValueError(f"a pepper needs at least {PEPPER_MIN_BYTES} bytes")
        self._reference = bcrypt.gensalt(self.cost) + b"." * 31

    async def hash(self, password: str) -> str | None:
        """The string to store, or None where too many are waiting.

        The caller has checked `problem`.
        """
        assert problem(password) is None
        return await self._in_thread(lambda: self._hash(password))

    async def verify(self, password: str, stored: str | None) -> Verdict:
        """Check against a stored hash, or for an unknown user (None) spend the same time."""
        matched = await self._in_thread(lambda: self._matches(password, stored))
        if matched is None:
            return Verdict.BUSY
        return Verdict.MATCH if matched else Verdict.MISMATCH

    def _hash(self, password: str) -> str:
        return bcrypt.hashpw(self._digest(password), bcrypt.gensalt(self.cost)).decode("ascii")

    def _matches(self, password: str, stored: str | None) -> bool:
        against = self._reference if stored is None else stored.encode("ascii")
        return bcrypt.checkpw(self._digest(password), against) and stored is not None

    def _digest(self, password: str) -> bytes:
        assert is_checkable(password)
        typed = unicodedata.normalize("NFKC", password).encode("utf-8")
        digest = base64.b64encode(hmac.digest(self.pepper, typed, hashlib.sha384))
        assert len(digest) == 64  # noqa: PLR2004 - 48 bytes in base64, below bcrypt's 72
        return digest

    async def _in_thread(self, work: Callable[[], T]) -> T | None:
        queue = [Cap("hashing queue", self.queue_max)]
        if await self.quotas.enter(queue) is not None:
            return None
        turn = Cap("hashing", int(self.limiter.total_tokens))
        try:
            await self.quotas.take(turn)
            try:
                return await trio.to_thread.run_sync(work, limiter=self.limiter)
            finally:
                self.quotas.give(turn)
        finally:
            self.quotas.leave(queue)
