"""Passwords: what may be one, and hashing that neither truncates, nor tells, nor blocks.

bcrypt reads 72 bytes and, from version 5, raises beyond them. So what it gets is
``base64(hmac-sha384(pepper, NFKC(password)))``: 64 characters whatever the user typed, and a
stolen table is worth nothing without the pepper, which is not in the database.

One hash is about 0.2 s of a core. It runs in threads of its own limiter, and behind that stands
a bounded queue: a login storm delays other logins, then turns them away, and nothing else. Of the
queue's places each block of addresses and each account that strangers try has a share, and some are
kept for browsers and apps that were signed in before.
"""

import base64
import enum
import functools
import hashlib
import hmac
import importlib.resources
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import attrs
import bcrypt
import trio

from relayd.quotas.counters import Counters
from relayd.quotas.limits import Cap, Quotas

__all__ = [
    "ANYBODY",
    "OWN_ADDRESS",
    "PASSWORD_MAX",
    "PASSWORD_MIN",
    "PEPPER_MIN_BYTES",
    "Asking",
    "Passwords",
    "Verdict",
    "is_checkable",
    "problem",
]

PASSWORD_MIN: Final = 8
# NFKC can make 18 characters of one; this bounds what it is asked to look at.
PASSWORD_MAX: Final = 1024
PEPPER_MIN_BYTES: Final = 32
OWN_ADDRESS: Final = "The password must not be the email address."
# Below this it is one key held down, or two in turn.
_DIFFERENT_MIN: Final = 3

# Those that compute too. 33 of 0.2 s, one thread: the last waits about 7 s; two threads, half.
_QUEUE_MAX: Final = 33
# Of these, nobody's but who is known.
_KEPT_FOR_KNOWN: Final = 8
# Of one block of addresses: an office behind one of them signs in, as often as one address may by
# default; a host can't fill the queue.
_SHARE_OF_BLOCK: Final = 12
# Of strangers at one account, or of one known browser or app. The others stand in line before the
# queue, so that they take no places from other accounts. Of one block few wait: where they guess,
# the first makes the others wait longer than here.
_SHARE_OF_ACCOUNT: Final = 2
_LINE_MAX: Final = 200
_LINE_OF_BLOCK: Final = 4
_LINE_SECONDS: Final = 15.0

T = TypeVar("T")


def problem(password: str, email: str = "") -> str | None:
    """What is wrong with a new password, or None; ``email``: the address of whose it is to be.

    Characters are counted as they were typed: normalising can make 18 of one.
    """
    if not is_checkable(password):
        return f"The password must be text of at most {PASSWORD_MAX} characters."
    if len(password) < PASSWORD_MIN:
        return f"The password must have at least {PASSWORD_MIN} characters."
    if len(set(password)) < _DIFFERENT_MIN:
        return f"The password must have at least {_DIFFERENT_MIN} different characters."
    folded = unicodedata.normalize("NFKC", password).casefold().strip()
    if email and folded in (email, email.partition("@")[0]):
        return OWN_ADDRESS
    if folded in _common():
        return "This password is among the most common ones. Choose another one."
    return None


@functools.cache
def _common() -> frozenset[str]:
    """Those that are tried first by whoever guesses, in lower case; read once for a process."""
    text = (
        importlib.resources.files("relayd.accounts.proving") / "common_passwords.txt"
    ).read_text("utf-8")
    return frozenset(line for line in text.splitlines() if not line.startswith("# "))


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


@attrs.frozen
class Asking:
    """Who has something hashed: from which block of addresses, and in which line.

    ``account``: names the account, and of it either all strangers or a known browser or app.
    ``known``: whether it is the latter. An empty block has no share to keep to.
    """

    block: str = ""
    account: str = ""
    known: bool = False


ANYBODY: Final = Asking()


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

    async def hash(self, password: str, asking: Asking = ANYBODY) -> str | None:
        """The string to store, or None where too many are waiting.

        The caller has checked `problem`.
        """
        assert is_checkable(password)
        return await self._queued(lambda: self._hash(password), asking)

    async def verify(self, password: str, stored: str | None, asking: Asking = ANYBODY) -> Verdict:
        """Check against a stored hash, or for an unknown user (None) spend the same time."""
        matched = await self._queued(lambda: self._matches(password, stored), asking)
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

    @asynccontextmanager
    async def turn(self, asking: Asking) -> AsyncIterator[bool]:
        """Wait for one's turn at an account; False where that takes too long, or too many wait."""
        line = [Cap(f"line {asking.account}", _LINE_MAX)]
        line.append(Cap(f"line {asking.account} {asking.block}", _LINE_OF_BLOCK))
        if await self.quotas.enter(line) is not None:
            yield False
            return
        turn = Cap(f"turn {asking.account}", _SHARE_OF_ACCOUNT)
        try:
            with trio.move_on_after(_LINE_SECONDS) as waiting:
                await self.quotas.take(turn)
            if waiting.cancelled_caught:
                yield False
                return
            try:
                yield True
            finally:
                self.quotas.give(turn)
        finally:
            self.quotas.leave(line)

    async def _queued(self, work: Callable[[], T], asking: Asking) -> T | None:
        queue = self._places(asking)
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

    def _places(self, asking: Asking) -> list[Cap]:
        if asking.known:
            return [Cap("hashing queue", self.queue_max)]
        kept = min(_KEPT_FOR_KNOWN, self.queue_max // 4)
        places = [Cap("hashing queue", self.queue_max - kept)]
        if asking.block:
            places.append(Cap(f"hashing from {asking.block}", _SHARE_OF_BLOCK))
        return places
