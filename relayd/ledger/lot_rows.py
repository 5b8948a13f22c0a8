"""Lots beside a locked balance: read as a purse, and what changed of them recorded and booked.

Nothing here is called for users whose credit never runs out: their balance says that they have
no lots.
"""

from collections.abc import Callable
from uuid import UUID

import attrs

from relayd.database.ports import Connection
from relayd.ledger.holds import Account
from relayd.ledger.purses import Lot, Purse

__all__ = ["change", "collect", "purse_of", "record"]


def change(connection: Connection, account: Account, changing: Callable[[Purse], Purse]) -> Account:
    """What becomes of the lots of an account that was changed; it is for the caller to write it.

    Sessions and reservations that ended are recorded as such before this.
    """
    if not account.has_lots:
        return account
    purse = purse_of(connection, account)
    changed = changing(purse).collected()
    record(connection, purse, changed)
    return changed.account


def collect(connection: Connection, account: Account) -> Account:
    """Take what may not stay of an account's lots, where there is such; not written yet."""
    return change(connection, account, lambda purse: purse) if account.lots_due else account


def purse_of(connection: Connection, account: Account, lot_id: UUID | None = None) -> Purse:
    """The account with its lots that have something left, and with this one in any case."""
    rows = connection.execute(
        """
        SELECT id, live, expires_at <= clock_timestamp(), amount_ms, spent_ms, expired_ms,
               claimed_ms, taken_ms, owed_ms, bookings
        FROM credit_lots WHERE user_id = %(user)s AND (remaining_ms > 0 OR id = %(lot)s)
        ORDER BY expires_at, number
        """,
        {"user": account.user_id, "lot": lot_id},
    ).fetchall()
    used = connection.execute(
        """
        SELECT coalesce(sum(used_ms), 0)::bigint FROM transcription_sessions
        WHERE user_id = %s AND ended_at IS NULL
        """,
        (account.user_id,),
    ).fetchone()
    assert used is not None
    return Purse(account, tuple(Lot(*row) for row in rows), used[0])


def record(connection: Connection, before: Purse, after: Purse) -> None:
    """Record the lots that changed, and book what ran out, was taken back or given back."""
    assert after.lasting_ms >= 0, "more than its lots was drawn on"
    changed = [
        _booking(connection, was, now)
        for was, now in zip(before.lots, after.lots, strict=True)
        if was != now
    ]
    for lot in changed:
        connection.execute(
            """
            UPDATE credit_lots
            SET spent_ms = %(spent_ms)s, expired_ms = %(expired_ms)s, claimed_ms = %(claimed_ms)s,
                taken_ms = %(taken_ms)s, owed_ms = %(owed_ms)s, bookings = %(bookings)s
            WHERE id = %(id)s
            """,
            attrs.asdict(lot),
        )


def _booking(connection: Connection, was: Lot, now: Lot) -> Lot:
    """The lot, with the number of its last entry."""
    gone_ms = now.taken_ms + now.owed_ms - was.taken_ms - was.owed_ms
    amounts = {
        "giveback": max(-gone_ms, 0),
        "takeback": min(-gone_ms, 0),
        "expiry": was.expired_ms - now.expired_ms,
    }
    for kind, amount_ms in amounts.items():
        if amount_ms:
            now = attrs.evolve(now, bookings=now.bookings + 1)
            _book(connection, now, kind, amount_ms)
    return now


_REASONS = {
    "expiry": "ran out",
    "takeback": "a payment for it was taken back",
    "giveback": "a payment for it counts again",
}


def _book(connection: Connection, lot: Lot, kind: str, amount_ms: int) -> None:
    connection.execute(
        """
        INSERT INTO usage_ledger (user_id, kind, reference, lot_id, amount_ms, reason)
        SELECT user_id, %(kind)s, %(reference)s, id, %(amount)s, %(reason)s
        FROM credit_lots WHERE id = %(lot)s
        """,
        {
            "kind": kind,
            "reference": f"{lot.id}/{lot.bookings}",
            "amount": amount_ms,
            "reason": _REASONS[kind],
            "lot": lot.id,
        },
    )
