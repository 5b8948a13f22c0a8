"""A user's credit as operators and routes see it: balances, bookings, sessions, usage.

Milliseconds throughout; seconds belong to the command line and to JSON.
"""

from uuid import UUID

import attrs

from relayd.database.ports import Database
from relayd.ledger import wallet_statements
from relayd.ledger.outcomes import Balance, Booked, BookingRefusal, DayUsage, SessionRecord
from relayd.ledger.wallet_statements import Entry

__all__ = ["Wallet"]


@attrs.frozen
class Wallet:
    """Every call is one transaction and raises `DatabaseUnavailable`.

    Bookings carry a key of the caller's choice, unique per kind: a retry with the same key
    books once, so make it before the first attempt.
    """

    database: Database

    async def balance(self, user_id: UUID) -> Balance | None:
        """What a user has; None for an unknown one."""
        return await self.database.transact(wallet_statements.balance, user_id)

    async def grant(
        self, user_id: UUID, amount_ms: int, reason: str, entry_key: str
    ) -> Booked | BookingRefusal:
        """Give credit. Debt is paid from it first."""
        assert amount_ms > 0
        return await self.database.transact(
            wallet_statements.book, Entry(user_id, "grant", entry_key, amount_ms, reason)
        )

    async def adjust(
        self, user_id: UUID, amount_ms: int, reason: str, entry_key: str
    ) -> Booked | BookingRefusal:
        """Correct a balance up or down.

        Only what no session holds can be taken; the rest stands as debt.
        """
        assert amount_ms != 0
        return await self.database.transact(
            wallet_statements.book, Entry(user_id, "adjustment", entry_key, amount_ms, reason)
        )

    async def live_sessions(self, user_id: UUID | None = None) -> list[SessionRecord]:
        """Sessions that run now, in any daemon, oldest first; of everybody without a user."""
        return await self.database.transact(wallet_statements.live_sessions, user_id)

    async def recent_sessions(
        self, user_id: UUID | None = None, most: int = 10
    ) -> list[SessionRecord]:
        """The latest ended sessions, newest first; of everybody without a user."""
        return await self.database.transact(wallet_statements.recent_sessions, user_id, most)

    async def usage(self, user_id: UUID, days: int = 30) -> list[DayUsage]:
        """The last UTC days, today included, oldest first, none left out."""
        return await self.database.transact(wallet_statements.usage, user_id, days)
