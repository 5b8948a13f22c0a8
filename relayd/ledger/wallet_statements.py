"""The transactions of a user's credit outside of sessions, and what is shown of it."""

import datetime as dt
from uuid import UUID

import attrs

from relayd.database.ports import Connection
from relayd.ledger.outcomes import Balance, Booked, BookingRefusal, DayUsage, SessionRecord
from relayd.ledger.rows import lock_account, write_account

__all__ = ["Entry", "balance", "book", "live_sessions", "recent_sessions", "set_frozen", "usage"]

SESSION_COLUMNS = (
    "SELECT s.id, u.email, s.engine, s.model, s.client_address, s.started_at, s.ended_at,"
    " s.used_ms, s.held_ms, s.reported_ms, s.end_reason"
    " FROM transcription_sessions AS s JOIN users AS u ON u.id = s.user_id"
)


@attrs.frozen
class Entry:
    """An entry to book; ``key`` is the caller's own name of it, unique per kind."""

    user_id: UUID
    kind: str
    key: str
    amount_ms: int
    reason: str
    # Of what was bought, and of what of it was taken back.
    purchase_id: UUID | None = None


def balance(connection: Connection, user_id: UUID) -> Balance | None:
    """What a user has; None for an unknown one."""
    row = connection.execute(
        "SELECT balance_ms, held_ms, debt_ms, frozen_since IS NOT NULL FROM credit_balance"
        " WHERE user_id = %s",
        (user_id,),
    ).fetchone()
    return None if row is None else Balance(*row)


def book(connection: Connection, entry: Entry) -> Booked | BookingRefusal:
    """Book an amount once: the same key, kind, user and amount again changes nothing."""
    account = lock_account(connection, entry.user_id)
    if account is None:
        return BookingRefusal.UNKNOWN_USER
    inserted = connection.execute(
        "INSERT INTO usage_ledger (user_id, kind, reference, amount_ms, reason, purchase_id)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (kind, reference) DO NOTHING RETURNING id",
        (entry.user_id, entry.kind, entry.key, entry.amount_ms, entry.reason, entry.purchase_id),
    ).fetchone()
    if inserted is None:
        known = connection.execute(
            "SELECT user_id, amount_ms FROM usage_ledger WHERE kind = %s AND reference = %s",
            (entry.kind, entry.key),
        ).fetchone()
        if known != (entry.user_id, entry.amount_ms):
            return BookingRefusal.KEY_TAKEN
    else:
        account = account.credited(entry.amount_ms)
        write_account(connection, account)
    return Booked(
        Balance(account.balance_ms, account.held_ms, account.debt_ms, account.frozen),
        repeated=inserted is None,
    )


def set_frozen(connection: Connection, user_id: UUID) -> bool:
    """Freeze a user's credit while a dispute of theirs is open, else thaw it; whether it is.

    The caller has locked the user's balance.
    """
    row = connection.execute(
        """
        UPDATE credit_balance
        SET frozen_since = CASE WHEN EXISTS (
                SELECT FROM purchase_reversals AS r JOIN purchases AS p ON p.id = r.purchase_id
                WHERE p.user_id = %(user)s AND r.open
            ) THEN coalesce(frozen_since, now()) END
        WHERE user_id = %(user)s RETURNING frozen_since IS NOT NULL
        """,
        {"user": user_id},
    ).fetchone()
    assert row is not None
    return bool(row[0])


def live_sessions(connection: Connection, user_id: UUID | None) -> list[SessionRecord]:
    """Sessions that run now, oldest first; of everybody without a user."""
    rows = connection.execute(
        f"{SESSION_COLUMNS} WHERE s.ended_at IS NULL AND (%(user)s::uuid IS NULL"
        " OR s.user_id = %(user)s) ORDER BY s.started_at, s.id",
        {"user": user_id},
    ).fetchall()
    return [SessionRecord(*row) for row in rows]


def recent_sessions(connection: Connection, user_id: UUID | None, most: int) -> list[SessionRecord]:
    """The latest ended sessions, newest first; of everybody without a user."""
    rows = connection.execute(
        f"{SESSION_COLUMNS} WHERE s.ended_at IS NOT NULL AND (%(user)s::uuid IS NULL"
        " OR s.user_id = %(user)s) ORDER BY s.started_at DESC, s.id LIMIT %(most)s",
        {"user": user_id, "most": most},
    ).fetchall()
    return [SessionRecord(*row) for row in rows]


def usage(connection: Connection, user_id: UUID, days: int) -> list[DayUsage]:
    """The last UTC days, today included, oldest first, with those on which nothing happened.

    A session counts on the day it ended; what an adjustment took is not "used", and what came
    back after a failed refund or a won dispute was credited before.
    """
    rows = connection.execute(
        """
        WITH today AS (SELECT (now() AT TIME ZONE 'UTC')::date AS day)
        SELECT today.day - back,
               coalesce(-sum(e.amount_ms) FILTER (WHERE e.kind = 'session'), 0)::bigint,
               coalesce(sum(e.amount_ms) FILTER (
                   WHERE e.amount_ms > 0 AND e.kind IN ('grant', 'adjustment', 'purchase')
               ), 0)::bigint
        FROM today CROSS JOIN generate_series(0, %(days)s - 1) AS back
        LEFT JOIN usage_ledger AS e
               ON e.user_id = %(user)s
              AND e.created_at >= (today.day - back)::timestamp AT TIME ZONE 'UTC'
              AND e.created_at < (today.day - back + 1)::timestamp AT TIME ZONE 'UTC'
        GROUP BY today.day, back ORDER BY back DESC
        """,
        {"user": user_id, "days": days},
    ).fetchall()
    return [DayUsage(_day(row[0]), row[1], row[2]) for row in rows]


def _day(value: object) -> dt.date:
    assert isinstance(value, dt.date)
    return value
