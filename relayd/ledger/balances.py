"""What a transaction may do to a user's credit: lock it, read it, book on it, freeze it, hold it.

Whoever changes credit locks the user's row of `credit_balance` first, so that two transactions of
one user never see the same free credit. Other rooms need no more of the ledger than this.

A hold that is made here is a reservation: for what is no live stream, such as work that waits for
its turn. It is never shared out to streams, and stays whatever becomes of the daemon that made it,
until it is settled.
"""

from typing import Final, LiteralString
from uuid import UUID

import attrs

from relayd import logs
from relayd.database.ports import Connection
from relayd.ledger import lot_rows
from relayd.ledger.holds import Account
from relayd.ledger.outcomes import (
    Balance,
    Booked,
    BookingRefusal,
    Charged,
    ReservationRefusal,
    Reserved,
)

__all__ = [
    "COLUMNS",
    "Entry",
    "Reservation",
    "book",
    "hold",
    "insert",
    "lock",
    "of_account",
    "read",
    "set_frozen",
    "settle",
    "write",
]

log = logs.get(__name__)

# Of `credit_balance` under the name of ``a``, as `Account` has them.
COLUMNS: Final[LiteralString] = """
    a.user_id, a.balance_ms, a.held_ms, a.debt_ms, a.frozen_since IS NOT NULL, a.reserved_ms,
    a.lots_batch_ms, a.lots_due_at IS NOT NULL,
    a.lots_due_at IS NOT NULL AND a.lots_due_at <= clock_timestamp()"""


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
    # Of the lot that was granted.
    lot_id: UUID | None = None


@attrs.frozen
class Reservation:
    """Credit to set aside. The id is the caller's, so that a retry is the same reservation."""

    id: UUID
    user_id: UUID
    amount_ms: int
    # What it is for, for people.
    purpose: str


def lock(connection: Connection, user_id: UUID) -> Account | None:
    """The user's balance, locked until the transaction ends, without what has run out of it."""
    row = connection.execute(
        f"""
        SELECT {COLUMNS} FROM credit_balance AS a WHERE a.user_id = %s FOR UPDATE
        """,  # noqa: S608 - the columns are a constant
        (user_id,),
    ).fetchone()
    if row is None:
        return None
    account = Account(*row)
    if account.lots_due:
        account = lot_rows.collect(connection, account)
        write(connection, account)
    return account


def write(connection: Connection, account: Account) -> None:
    """Record a balance that was locked, after its lots; the constraints have the last word."""
    connection.execute(
        """
        UPDATE credit_balance
        SET balance_ms = %(balance)s, held_ms = %(held)s, debt_ms = %(debt)s,
            reserved_ms = %(reserved)s, lots_batch_ms = %(batch)s,
            lots_due_at = CASE WHEN %(lots)s THEN (
                SELECT min(CASE
                    WHEN remaining_ms > greatest(amount_ms - claimed_ms - spent_ms, 0)
                        THEN '-infinity'
                    ELSE expires_at END)
                FROM credit_lots WHERE user_id = %(user)s AND remaining_ms > 0) END
        WHERE user_id = %(user)s
        """,
        {
            "balance": account.balance_ms,
            "held": account.held_ms,
            "debt": account.debt_ms,
            "reserved": account.reserved_ms,
            "batch": account.batch_ms,
            "lots": account.has_lots,
            "user": account.user_id,
        },
    )


def read(connection: Connection, user_id: UUID) -> Balance | None:
    """What a user has; None for an unknown one."""
    row = connection.execute(
        """
        SELECT balance_ms, held_ms, debt_ms, frozen_since IS NOT NULL, reserved_ms, lots_batch_ms
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
    inserted = insert(connection, entry)
    if inserted is None:
        return BookingRefusal.KEY_TAKEN
    if inserted:
        booked = account.credited(entry.amount_ms)
        paid_ms = account.debt_ms + max(-entry.amount_ms, 0) - booked.debt_ms
        account = lot_rows.change(
            connection, booked, lambda purse: purse.paid(paid_ms, lasting_first=True)
        )
        write(connection, account)
    return Booked(of_account(account), repeated=not inserted)


def insert(connection: Connection, entry: Entry) -> bool | None:
    """Write an entry, once: whether it is a new one; None where its key books something else."""
    inserted = connection.execute(
        """
        INSERT INTO usage_ledger (user_id, kind, reference, amount_ms, reason, purchase_id, lot_id)
        VALUES (%(user_id)s, %(kind)s, %(key)s, %(amount_ms)s, %(reason)s, %(purchase_id)s,
                %(lot_id)s)
        ON CONFLICT (kind, reference) DO NOTHING RETURNING id
        """,
        attrs.asdict(entry),
    ).fetchone()
    if inserted is not None:
        return True
    known = connection.execute(
        "SELECT user_id, amount_ms FROM usage_ledger WHERE kind = %s AND reference = %s",
        (entry.kind, entry.key),
    ).fetchone()
    return False if known == (entry.user_id, entry.amount_ms) else None


def set_frozen(connection: Connection, user_id: UUID) -> bool:
    """Freeze a user's credit while a dispute of theirs is open, else thaw it; whether it is.

    The caller has locked the user's balance.
    """
    row = connection.execute(
        """
        UPDATE credit_balance
        SET frozen_since = CASE WHEN EXISTS (
                SELECT FROM purchase_reversals AS r
                LEFT JOIN purchases AS p ON p.id = r.purchase_id
                LEFT JOIN subscription_invoices AS i ON i.id = r.invoice_id
                WHERE r.open AND %(user)s IN (p.user_id, i.user_id)
            ) THEN coalesce(frozen_since, now()) END
        WHERE user_id = %(user)s RETURNING frozen_since IS NOT NULL
        """,
        {"user": user_id},
    ).fetchone()
    assert row is not None
    return bool(row[0])


def hold(connection: Connection, reservation: Reservation) -> Reserved | ReservationRefusal:
    """Set credit aside that nobody holds, all of it or nothing; asked again it is the same."""
    assert reservation.amount_ms > 0
    account = lock(connection, reservation.user_id)
    if account is None:
        return ReservationRefusal.UNKNOWN_USER
    known = connection.execute(
        "SELECT user_id, held_ms, ended_at IS NOT NULL FROM reservations WHERE id = %s",
        (reservation.id,),
    ).fetchone()
    if known is not None:
        if known != (reservation.user_id, reservation.amount_ms, False):
            return ReservationRefusal.ID_TAKEN
        return Reserved(of_account(account), repeated=True)
    if account.frozen:
        return ReservationRefusal.CREDIT_FROZEN
    if account.free_ms < reservation.amount_ms:
        return ReservationRefusal.INSUFFICIENT_CREDITS
    connection.execute(
        "INSERT INTO reservations (id, user_id, held_ms, purpose) VALUES (%s, %s, %s, %s)",
        (reservation.id, reservation.user_id, reservation.amount_ms, reservation.purpose),
    )
    account = account.reserving(reservation.amount_ms)
    write(connection, account)
    return Reserved(of_account(account), repeated=False)


def settle(
    connection: Connection, reservation_id: UUID, charged_ms: int, reason: str
) -> Charged | None:
    """End a reservation, once: charge so much of it and give back the rest.

    None for one that nobody made. What an earlier call charged stays.
    """
    owner = connection.execute(
        "SELECT user_id FROM reservations WHERE id = %s", (reservation_id,)
    ).fetchone()
    account = None if owner is None else lock(connection, owner[0])
    if account is None:
        return None
    row = connection.execute(
        "SELECT held_ms, charged_ms FROM reservations WHERE id = %s", (reservation_id,)
    ).fetchone()
    assert row is not None, "reservations are never deleted"
    held_ms, charged_before = row
    if charged_before is not None:
        return Charged(charged_before, of_account(account))
    if charged_ms > held_ms:
        log.error(
            "reservation charged beyond its hold",
            reservation=reservation_id,
            charged_ms=charged_ms,
            held_ms=held_ms,
        )
        charged_ms = held_ms
    connection.execute(
        "UPDATE reservations SET ended_at = now(), charged_ms = %s WHERE id = %s",
        (charged_ms, reservation_id),
    )
    connection.execute(
        """
        INSERT INTO usage_ledger (user_id, kind, reference, reservation_id, amount_ms, reason)
        VALUES (%(user)s, 'reservation', %(id)s::uuid::text, %(id)s, %(amount)s, %(reason)s)
        """,
        {
            "user": account.user_id,
            "id": reservation_id,
            "amount": -charged_ms,
            "reason": reason,
        },
    )
    settled = account.settling(held_ms, charged_ms)
    paid_ms = account.debt_ms - settled.debt_ms
    account = lot_rows.change(
        connection, settled, lambda purse: purse.used_by_recording(charged_ms).paid(paid_ms)
    )
    write(connection, account)
    return Charged(charged_ms, of_account(account))


def of_account(account: Account) -> Balance:
    """What a user has, as their account says it."""
    return Balance(
        account.balance_ms,
        account.held_ms,
        account.debt_ms,
        account.frozen,
        account.reserved_ms,
        account.batch_ms,
    )
