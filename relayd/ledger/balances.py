"""What a transaction may do to a user's credit: lock it, read it, book on it, freeze it.

Whoever changes credit locks the user's row of `credit_balance` first, so that two transactions of
one user never see the same free credit. Other rooms need no more of the ledger than this.
"""

from uuid import UUID

import attrs

from relayd.database.ports import Connection
from relayd.ledger.holds import Account
from relayd.ledger.outcomes import Balance, Booked, BookingRefusal

__all__ = ["Entry", "book", "lock", "read", "set_frozen", "write"]


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


def lock(connection: Connection, user_id: UUID) -> Account | None:
    """The user's balance, locked until the transaction ends."""
    row = connection.execute(
        """
        SELECT user_id, balance_ms, held_ms, debt_ms, frozen_since IS NOT NULL
        FROM credit_balance WHERE user_id = %s FOR UPDATE
        """,
        (user_id,),
    ).fetchone()
    return None if row is None else Account(*row)


def write(connection: Connection, account: Account) -> None:
    """Record a balance that was locked; the constraints have the last word."""
    connection.execute(
        """
        UPDATE credit_balance SET balance_ms = %(balance)s, held_ms = %(held)s, debt_ms = %(debt)s
        WHERE user_id = %(user)s
        """,
        {
            "balance": account.balance_ms,
            "held": account.held_ms,
            "debt": account.debt_ms,
            "user": account.user_id,
        },
    )


def read(connection: Connection, user_id: UUID) -> Balance | None:
    """What a user has; None for an unknown one."""
    row = connection.execute(
        """
        SELECT balance_ms, held_ms, debt_ms, frozen_since IS NOT NULL
        FROM credit_balance WHERE user_id = %s
        """,
        (user_id,),
    ).fetchone()
    return None if row is None else Balance(*row)


def book(connection: Connection, entry: Entry) -> Booked | BookingRefusal:
    """Book an amount once: the same key, kind, user and amount again changes nothing."""
    account = lock(connection, entry.user_id)
    if account is None:
        return BookingRefusal.UNKNOWN_USER
    inserted = connection.execute(
        """
        INSERT INTO usage_ledger (user_id, kind, reference, amount_ms, reason, purchase_id)
        VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (kind, reference) DO NOTHING RETURNING id
        """,
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
        write(connection, account)
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
