"""What a browser is shown of a user's credit, and how the database learns that one is looking.

NOTIFY is not free: PostgreSQL lets only one notifying transaction commit at a time. So a change of
credit notifies only while somebody looks at that user, and looking is a row that runs out.
"""

from collections.abc import Awaitable
from typing import Final, Protocol
from uuid import UUID

import attrs

from relayd.database.ports import Connection, Database

__all__ = ["WATCH_SECONDS", "Credit", "CreditReader", "Reader", "forget_old", "read", "watch"]

# Longer than a stream lasts; a daemon that died leaves nothing that a minute doesn't mend.
WATCH_SECONDS: Final = 120
# At one renewal a stream this many rows run out in a minute at the very most.
_FORGET_MAX: Final = 10_000


@attrs.frozen
class Credit:
    """A user's balance, and how many sessions are open on it in all daemons."""

    balance_ms: int
    sessions: int
    # A payment is disputed: nothing can be spent.
    frozen: bool = False


class Reader(Protocol):
    """Reads a user's credit; None for an unknown user. Raises `DatabaseUnavailable`."""

    def watch(self, user_id: UUID) -> Awaitable[Credit | None]:
        """Read it, and be told of changes from then on."""

    def read(self, user_id: UUID) -> Awaitable[Credit | None]:
        """Read it once more."""


@attrs.frozen
class CreditReader:
    """Implements `Reader` on PostgreSQL."""

    database: Database

    async def watch(self, user_id: UUID) -> Credit | None:
        """See `watch`."""
        return await self.database.transact(watch, user_id)

    async def read(self, user_id: UUID) -> Credit | None:
        """See `read`."""
        return await self.database.transact(read, user_id)


def watch(connection: Connection, user_id: UUID) -> Credit | None:
    """Be told of changes from now on; the credit as it is before the first of them."""
    connection.execute(
        """
        INSERT INTO credit_watch (user_id, expires_at)
        VALUES (%s, now() + make_interval(secs => %s))
        ON CONFLICT (user_id) DO UPDATE SET expires_at = excluded.expires_at
        """,
        (user_id, WATCH_SECONDS),
    )
    # Locked for the moment: a change under way is waited for, and one that comes later sees the
    # row above. Without the lock a change that looked for it just before could go unseen.
    connection.execute("SELECT FROM credit_balance WHERE user_id = %s FOR SHARE", (user_id,))
    return read(connection, user_id)


def read(connection: Connection, user_id: UUID) -> Credit | None:
    """The credit as it is."""
    row = connection.execute(
        """
        SELECT b.balance_ms,
               (SELECT count(*) FROM transcription_sessions AS s
                WHERE s.user_id = b.user_id AND s.ended_at IS NULL),
               b.frozen_since IS NOT NULL
        FROM credit_balance AS b WHERE b.user_id = %s
        """,
        (user_id,),
    ).fetchone()
    return None if row is None else Credit(*row)


def forget_old(connection: Connection) -> None:
    """Remove the rows of who stopped looking."""
    connection.execute(
        """
        DELETE FROM credit_watch WHERE user_id IN (
            SELECT user_id FROM credit_watch WHERE expires_at < now()
            LIMIT %s FOR UPDATE SKIP LOCKED)
        """,
        (_FORGET_MAX,),
    )
