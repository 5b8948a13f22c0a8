"""Wrong passwords, counted for each account, and the wait that grows with them.

An attempt counts before its password is looked at, and the right one takes it back: so many at once
get little more than one after the other. What is counted apart:

* a browser or app that was signed in to the account before, by the token that it kept. Nobody
  else's guesses concern it, so its owner gets in whatever is going on;
* a stranger, by the block of addresses that it comes from;
* all strangers together. While they guess a lot, each of them has one attempt before it waits; from
  a hundred in an hour on, all of them wait for each other.

An account is named by an HMAC of its address, also one that nobody has: both wait alike.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import attrs

from relayd.database.ports import Connection

__all__ = [
    "Guess",
    "begin_guess",
    "crowd_seconds",
    "delay_seconds",
    "forget_guesses",
    "named",
    "prune_guesses",
    "seconds_to_wait",
    "take_back_guess",
]

# Slips of the finger: so many wrong ones cost no time.
_FREE: Final = 4
_FREE_UNDER_ATTACK: Final = 1
# Of strangers, in an hour: more than that are no slips.
_ATTACK: Final = 10
_FIRST_SECONDS: Final = 15
_LONGEST_SECONDS: Final = 900
# From so many of strangers in an hour on, they wait for each other: a second, doubled with each
# further step, up to a minute.
_CROWD: Final = 100
_CROWD_STEP: Final = 25
_CROWD_SECONDS_MAX: Final = 60
# After so long without an attempt nothing is remembered.
_OWN_SECONDS: Final = 86_400
_STRANGERS_SECONDS: Final = 3600

_STRANGERS: Final = "strangers"
# Of a key that is used for this alone.
_ACCOUNTS: Final = b"relayd: accounts that are guessed at"


@attrs.frozen
class Guess:
    """Somebody is about to try a password, or a code. ``device``: known by an earlier sign-in."""

    account: bytes = attrs.field(repr=False)
    block: str
    device: UUID | None = None

    @property
    def origin(self) -> str:
        """What it counts for."""
        return f"from {self.block}" if self.device is None else f"device {self.device}"


def named(pepper: bytes, what: str) -> bytes:
    """An account's name here, of its address, or of whatever else is guessed at."""
    key = hmac.digest(pepper, _ACCOUNTS, hashlib.sha256)
    return hmac.digest(key, what.encode("utf-8", "replace"), hashlib.sha256)


def delay_seconds(own: int, strangers: int) -> int:
    """How long after its last attempt an origin waits, after so many wrong ones. Pure.

    ``strangers``: those of all strangers in the last hour; 0 for whoever is none.
    """
    free = _FREE_UNDER_ATTACK if strangers >= _ATTACK else _FREE
    if own < free:
        return 0
    return min(_FIRST_SECONDS << min(own - free, 10), _LONGEST_SECONDS)


def crowd_seconds(strangers: int) -> int:
    """How long after the last stranger the next one may try, after so many in an hour. Pure."""
    if strangers < _CROWD:
        return 0
    return min(1 << min((strangers - _CROWD) // _CROWD_STEP, 10), _CROWD_SECONDS_MAX)


def seconds_to_wait(connection: Connection, attempt: Guess) -> float:
    """How long an attempt would have to wait; nothing is counted or locked."""
    rows = connection.execute(
        """
        SELECT origin, failures, extract(epoch FROM now() - last_at)::float8 FROM guesses
        WHERE account = %s AND origin = ANY(%s)
        """,
        (attempt.account, list(_origins(attempt))),
    ).fetchall()
    return _wait({origin: _Count(failures, age) for origin, failures, age in rows}, attempt)


def begin_guess(connection: Connection, attempt: Guess) -> float:
    """Count an attempt; seconds to wait, 0.0 meaning admitted. One that has to wait is none."""
    counts = {one: _lock(connection, attempt.account, one) for one in _origins(attempt)}
    wait = _wait(counts, attempt)
    if wait > 0:
        return wait
    for origin, count in counts.items():
        connection.execute(
            "UPDATE guesses SET failures = %s, last_at = now() WHERE account = %s AND origin = %s",
            (
                count.within(_STRANGERS_SECONDS if origin == _STRANGERS else _OWN_SECONDS) + 1,
                attempt.account,
                origin,
            ),
        )
    return 0.0


def take_back_guess(connection: Connection, attempt: Guess) -> None:
    """The attempt doesn't count after all."""
    for origin in _origins(attempt):
        _discount(connection, attempt.account, origin)


def forget_guesses(connection: Connection, attempt: Guess) -> None:
    """The attempt was right: its origin begins anew, and nobody else waits for it."""
    own, *all_strangers = _origins(attempt)
    connection.execute(
        "DELETE FROM guesses WHERE account = %s AND origin = %s", (attempt.account, own)
    )
    for origin in all_strangers:
        _discount(connection, attempt.account, origin)


def prune_guesses(connection: Connection, most: int) -> int:
    """Delete what nothing waits for any more; how many rows."""
    return connection.execute(
        """
        DELETE FROM guesses WHERE (account, origin) IN (
            SELECT account, origin FROM guesses
            WHERE last_at < now() - make_interval(secs => %s)
            ORDER BY last_at LIMIT %s FOR UPDATE SKIP LOCKED)
        """,
        (_OWN_SECONDS, most),
    ).rowcount


def _discount(connection: Connection, account: bytes, origin: str) -> None:
    connection.execute(
        """
        UPDATE guesses SET failures = greatest(failures - 1, 0) WHERE account = %s AND origin = %s
        """,
        (account, origin),
    )


def _origins(attempt: Guess) -> tuple[str, ...]:
    """What an attempt counts for, in the order in which every transaction locks them."""
    return (attempt.origin,) if attempt.device else (attempt.origin, _STRANGERS)


def _past(seconds: float) -> float:
    # Who waited for the row began before the one that it waited for.
    return max(seconds, 0.0)


@attrs.frozen
class _Count:
    failures: int = 0
    age_seconds: float = attrs.field(default=0.0, converter=_past)

    def within(self, seconds: int) -> int:
        """How many, unless the last is longer ago than this."""
        return self.failures if self.age_seconds <= seconds else 0


def _wait(counts: Mapping[str, _Count], attempt: Guess) -> float:
    own = counts.get(attempt.origin, _Count())
    all_strangers = counts.get(_STRANGERS, _Count())
    strangers = all_strangers.within(_STRANGERS_SECONDS)
    return max(
        delay_seconds(own.within(_OWN_SECONDS), strangers) - own.age_seconds,
        crowd_seconds(strangers) - all_strangers.age_seconds,
    )


def _lock(connection: Connection, account: bytes, origin: str) -> _Count:
    """The row of an origin, made where it is missing, locked."""
    row = connection.execute(
        """
        INSERT INTO guesses (account, origin, failures) VALUES (%s, %s, 0)
        ON CONFLICT (account, origin) DO UPDATE SET account = excluded.account
        RETURNING failures, extract(epoch FROM now() - last_at)::float8
        """,
        (account, origin),
    ).fetchone()
    assert row is not None
    return _Count(*row)
