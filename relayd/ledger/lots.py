"""Credit that runs out: granted once for what it is for, taken back in part, told in full.

A lot is named by its source and what of that source it is for (an invoice's id, a month), so that
whoever grants it may do so again and again: it is one lot. A refund doesn't say how much to take,
but how much is gone by now; asked again it changes nothing, and when a refund fails, or a dispute
is won, less is gone.
"""

import datetime as dt
from typing import Final
from uuid import UUID, uuid4

import attrs

from relayd.database.ports import Connection, Database
from relayd.ledger import balances, lot_rows
from relayd.ledger.balances import Entry
from relayd.ledger.outcomes import Balance, Booked, BookingRefusal

__all__ = [
    "Grant",
    "LotRecord",
    "claim",
    "exists",
    "expire_due",
    "grant",
    "lasting_ms",
    "left",
    "of_user",
]

# Users of one look for what has run out.
_BATCH: Final = 200


@attrs.frozen
class Grant:
    """A lot to grant; source and source id are the caller's own name of it."""

    user_id: UUID
    source: str
    source_id: str
    amount_ms: int
    expires_at: dt.datetime
    reason: str
    # The plan that it belongs to, if any.
    plan: str = ""
    # Whether live streams may use it, and not recordings alone.
    live: bool = True


@attrs.frozen
class LotRecord:
    """A lot as its user and operators see it."""

    id: UUID
    source: str
    source_id: str
    plan: str
    amount_ms: int
    remaining_ms: int
    spent_ms: int
    expired_ms: int
    # Of what refunds want back: taken out of it, and taken from other credit or owed.
    taken_ms: int
    owed_ms: int
    live: bool
    created_at: dt.datetime
    expires_at: dt.datetime


def grant(connection: Connection, asked: Grant) -> Booked | BookingRefusal:
    """Grant a lot once: for the same source and id again, user and amount alike, it is the same.

    Debt is paid from it first. One whose end is over when it comes is booked, and runs out.
    """
    assert asked.amount_ms > 0
    account = balances.lock(connection, asked.user_id)
    if account is None:
        return BookingRefusal.UNKNOWN_USER
    lot_id = _insert(connection, asked)
    if lot_id is None:
        known = connection.execute(
            "SELECT user_id, amount_ms FROM credit_lots WHERE source = %s AND source_id = %s",
            (asked.source, asked.source_id),
        ).fetchone()
        if known != (asked.user_id, asked.amount_ms):
            return BookingRefusal.KEY_TAKEN
        return Booked(balances.of_account(account), repeated=True)
    entry = Entry(asked.user_id, "lot", str(lot_id), asked.amount_ms, asked.reason, lot_id=lot_id)
    inserted = balances.insert(connection, entry)
    assert inserted, "a lot's id is nobody else's"
    granted = attrs.evolve(account.credited(asked.amount_ms), has_lots=True)
    paid_ms = account.debt_ms - granted.debt_ms
    account = lot_rows.change(connection, granted, lambda purse: purse.paid(paid_ms))
    balances.write(connection, account)
    return Booked(balances.of_account(account), repeated=False)


def claim(connection: Connection, source: str, source_id: str, claimed_ms: int) -> Balance | None:
    """Have so much of a lot taken back by now; what its user has then. None for an unknown lot.

    ``claimed_ms`` is of the whole lot, in proportion to what of its price is gone. What is free of
    it is taken out of the lot, what is held when the hold ends; what of it was spent is taken from
    other credit, or stands as debt. What has run out unused is taken from nobody again.
    """
    found = connection.execute(
        "SELECT user_id, id FROM credit_lots WHERE source = %s AND source_id = %s",
        (source, source_id),
    ).fetchone()
    account = None if found is None else balances.lock(connection, found[0])
    if found is None or account is None:
        return None
    lot_id = found[1]
    # Also one with nothing left: something may be given back to it.
    purse = lot_rows.purse_of(connection, account, lot_id)
    changed = purse.claiming(lot_id, claimed_ms).collected()
    lot_rows.record(connection, purse, changed)
    account = attrs.evolve(changed.account, has_lots=True)
    balances.write(connection, account)
    return balances.of_account(account)


def exists(connection: Connection, source: str, source_id: str) -> bool:
    """Whether this lot was granted to anybody: cheap, and locks nothing."""
    row = connection.execute(
        "SELECT FROM credit_lots WHERE source = %s AND source_id = %s", (source, source_id)
    ).fetchone()
    return row is not None


def left(connection: Connection, user_id: UUID) -> tuple[int, int]:
    """What a user has, and what of it runs out, in milliseconds: what has run out is neither.

    What live sessions have used so far was of the lots first, and so was what is held.
    """
    row = connection.execute(
        """
        SELECT b.balance_ms - l.over_ms, least(l.left_ms, b.balance_ms - l.over_ms)
        FROM credit_balance AS b
        CROSS JOIN LATERAL (
            SELECT least(coalesce(sum(remaining_ms) FILTER (
                       WHERE expires_at <= clock_timestamp()), 0), b.balance_ms - b.held_ms)::bigint
                       AS over_ms,
                   coalesce(sum(remaining_ms) FILTER (
                       WHERE expires_at > clock_timestamp()), 0)::bigint AS left_ms
            FROM credit_lots WHERE user_id = b.user_id AND remaining_ms > 0) AS l
        WHERE b.user_id = %s
        """,
        (user_id,),
    ).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def lasting_ms(connection: Connection, user_id: UUID) -> int:
    """What a user has that never runs out; holds lie on the lots first."""
    row = connection.execute(
        """
        SELECT b.balance_ms
               + coalesce((SELECT sum(used_ms) FROM transcription_sessions AS s
                           WHERE s.user_id = b.user_id AND s.ended_at IS NULL), 0)::bigint
               - coalesce((SELECT sum(remaining_ms) FROM credit_lots AS l
                           WHERE l.user_id = b.user_id AND l.remaining_ms > 0), 0)::bigint
        FROM credit_balance AS b WHERE b.user_id = %s
        """,
        (user_id,),
    ).fetchone()
    return 0 if row is None else int(row[0])


async def expire_due(database: Database) -> int:
    """Take what has run out, as far as it is free; how many users were looked at.

    Nobody can spend it before: whoever locks a balance takes it first. This is for who looks.
    Raises `DatabaseUnavailable`.
    """
    looked, last = 0, UUID(int=0)
    while True:
        user_ids = await database.transact(_due, last)
        for user_id in user_ids:
            await database.transact(balances.lock, user_id)
        looked += len(user_ids)
        if len(user_ids) < _BATCH:
            return looked
        last = user_ids[-1]


def of_user(connection: Connection, user_id: UUID, most: int = 50) -> list[LotRecord]:
    """A user's lots: those with something left, soonest to run out first, then the latest."""
    rows = connection.execute(
        """
        SELECT id, source, source_id, plan, amount_ms, remaining_ms, spent_ms, expired_ms,
               taken_ms, owed_ms, live, created_at, expires_at
        FROM credit_lots WHERE user_id = %s
        ORDER BY remaining_ms = 0, CASE WHEN remaining_ms > 0 THEN expires_at END, number DESC
        LIMIT %s
        """,
        (user_id, most),
    ).fetchall()
    return [LotRecord(*row) for row in rows]


def _insert(connection: Connection, asked: Grant) -> UUID | None:
    row = connection.execute(
        """
        INSERT INTO credit_lots
            (id, user_id, source, source_id, plan, amount_ms, live, expires_at)
        VALUES (%(id)s, %(user_id)s, %(source)s, %(source_id)s, %(plan)s, %(amount_ms)s,
                %(live)s, %(expires_at)s)
        ON CONFLICT (source, source_id) DO NOTHING RETURNING id
        """,
        {**attrs.asdict(asked), "id": uuid4()},
    ).fetchone()
    return None if row is None else row[0]


def _due(connection: Connection, after: UUID) -> list[UUID]:
    """Users of whom something has run out and may be free, in the order of their ids."""
    rows = connection.execute(
        """
        SELECT user_id FROM credit_balance
        WHERE lots_due_at <= clock_timestamp() AND balance_ms > held_ms AND user_id > %s
        ORDER BY user_id LIMIT %s
        """,
        (after, _BATCH),
    ).fetchall()
    return [row[0] for row in rows]
