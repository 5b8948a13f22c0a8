"""A user's credit as operators and routes see it: balances, bookings, sessions, usage.

Milliseconds throughout; seconds belong to the command line and to JSON.
"""

import datetime as dt
from typing import LiteralString
from uuid import UUID

import attrs

from relayd.database.ports import Connection, Database
from relayd.ledger import balances
from relayd.ledger.balances import Entry
from relayd.ledger.outcomes import Balance, Booked, BookingRefusal, DayUsage, SessionRecord

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
        return await self.database.transact(balances.read, user_id)

    async def grant(
        self, user_id: UUID, amount_ms: int, reason: str, entry_key: str
    ) -> Booked | BookingRefusal:
        """Give credit. Debt is paid from it first."""
        assert amount_ms > 0
        return await self.database.transact(
            balances.book, Entry(user_id, "grant", entry_key, amount_ms, reason)
        )

    async def adjust(
        self, user_id: UUID, amount_ms: int, reason: str, entry_key: str
    ) -> Booked | BookingRefusal:
        """Correct a balance up or down.

        Only what no session holds can be taken; the rest stands as debt.
        """
        assert amount_ms != 0
        return await self.database.transact(
            balances.book, Entry(user_id, "adjustment", entry_key, amount_ms, reason)
        )

    async def live_sessions(self, user_id: UUID | None = None) -> list[SessionRecord]:
        """Sessions that run now, in any daemon, oldest first; of everybody without a user."""
        return await self.database.transact(_live_sessions, user_id)

    async def recent_sessions(
        self, user_id: UUID | None = None, most: int = 10
    ) -> list[SessionRecord]:
        """The latest ended sessions, newest first; of everybody without a user."""
        return await self.database.transact(_recent_sessions, user_id, most)

    async def usage(self, user_id: UUID, days: int = 30) -> list[DayUsage]:
        """The last UTC days, today included, oldest first, none left out."""
        return await self.database.transact(_usage, user_id, days)


_SELECT_SESSIONS = """
    SELECT s.id, u.email, s.engine, s.model, s.client_address, s.started_at, s.ended_at,
           s.used_ms, s.held_ms, s.reported_ms, s.end_reason, s.rate
    FROM transcription_sessions AS s JOIN users AS u ON u.id = s.user_id"""


def _of(user_id: UUID | None) -> LiteralString:
    """The user's alone: a condition that an index answers, whatever plan is kept."""
    return "" if user_id is None else "AND s.user_id = %(user)s"


def _live_sessions(connection: Connection, user_id: UUID | None) -> list[SessionRecord]:
    """Sessions that run now, oldest first; of everybody without a user."""
    rows = connection.execute(
        f"""
        {_SELECT_SESSIONS}
        WHERE s.ended_at IS NULL {_of(user_id)}
        ORDER BY s.started_at, s.id
        """,
        {"user": user_id},
    ).fetchall()
    return [SessionRecord(*row) for row in rows]


def _recent_sessions(
    connection: Connection, user_id: UUID | None, most: int
) -> list[SessionRecord]:
    """The latest ended sessions, newest first; of everybody without a user."""
    rows = connection.execute(
        f"""
        {_SELECT_SESSIONS}
        WHERE s.ended_at IS NOT NULL {_of(user_id)}
        ORDER BY s.started_at DESC, s.id LIMIT %(most)s
        """,
        {"user": user_id, "most": most},
    ).fetchall()
    return [SessionRecord(*row) for row in rows]


def _usage(connection: Connection, user_id: UUID, days: int) -> list[DayUsage]:
    """The last UTC days, today included, oldest first, with those on which nothing happened.

    A session counts on the day it ended, one that lives counts today with what it used so far;
    what an adjustment took is not "used", and what came back after a failed refund or a won
    dispute was credited before.
    """
    rows = connection.execute(
        """
        WITH today AS (
            SELECT (now() AT TIME ZONE 'UTC')::date AS day,
                   (SELECT coalesce(sum(s.used_ms), 0) FROM transcription_sessions AS s
                    WHERE s.user_id = %(user)s AND s.ended_at IS NULL) AS live_ms
        )
        SELECT today.day - back,
               (coalesce(d.used_ms, 0)
                   + CASE WHEN back = 0 THEN today.live_ms ELSE 0 END)::bigint,
               coalesce(d.credited_ms, 0), coalesce(d.expired_ms, 0)
        FROM today CROSS JOIN generate_series(0, %(days)s - 1) AS back
        LEFT JOIN daily_usage AS d ON d.user_id = %(user)s AND d.day = today.day - back
        ORDER BY back DESC
        """,
        {"user": user_id, "days": days},
    ).fetchall()
    return [DayUsage(_day(row[0]), *row[1:]) for row in rows]


def _day(value: object) -> dt.date:
    assert isinstance(value, dt.date)
    return value
