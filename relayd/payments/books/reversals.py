"""The transactions of refunds and disputes: what they take back, and give back again.

A reversal's row holds its present state, so the same news twice, or late, changes nothing:
what is booked is the difference between what should be taken back by now and what is.
"""

import enum
from uuid import UUID

import attrs

from relayd import logs
from relayd.database.ports import Connection
from relayd.ledger import balances, lots
from relayd.ledger.balances import Entry
from relayd.payments.books.invoices import SOURCE
from relayd.payments.books.proportions import clawed_back_ms
from relayd.payments.ports import Dispute, Refund

__all__ = ["Applied", "NotApplied", "apply", "looked", "take_look", "unsettled"]

log = logs.get(__name__)


@attrs.frozen
class Applied:
    """A reversal as recorded. ``change_ms`` is what it moved on the user's account now.

    ``paid_for``: the purchase, or the invoice of a subscription.
    """

    paid_for: UUID | str
    user_id: UUID
    change_ms: int
    changed: bool
    frozen: bool


class NotApplied(enum.Enum):
    """Why nothing was recorded."""

    UNKNOWN = "nothing of ours has this payment"
    NOT_PAID = "what it was for is not paid"


@attrs.frozen
class _Sold:
    """A locked purchase, or a locked invoice of a subscription."""

    id: UUID | str
    user_id: UUID
    sold_ms: int
    price_cents: int
    currency: str
    clawed_back_ms: int

    @property
    def purchase_id(self) -> UUID | None:
        """Of a purchase."""
        return self.id if isinstance(self.id, UUID) else None

    @property
    def invoice_id(self) -> str | None:
        """Of an invoice."""
        return self.id if isinstance(self.id, str) else None


@attrs.frozen
class _Standing:
    """What of the price a reversal takes."""

    amount_cents: int = 0
    counted_cents: int = 0
    open: bool = False
    status: str = ""
    bookings: int = 0


def take_look(connection: Connection) -> int:
    """A number to be taken before looking at Stripe.

    Who looks later sees at least what was there when this was taken, so of two looks at one
    object the one with the higher number is to be believed, in whichever order they return.
    """
    row = connection.execute("SELECT nextval('stripe_looks')").fetchone()
    assert row is not None
    return int(row[0])


def apply(connection: Connection, said: Refund | Dispute, look: int) -> Applied | NotApplied:
    """Record how a refund or a dispute stands, book the difference, freeze or thaw."""
    sold = _lock(connection, said)
    if isinstance(sold, NotApplied):
        return sold
    row = connection.execute(
        """
        SELECT amount_cents, counted_cents, open, status, bookings, look
        FROM purchase_reversals WHERE id = %s
        """,
        (said.id,),
    ).fetchone()
    before = _Standing() if row is None else _Standing(*row[:5])
    if row is not None and row[5] >= look:
        return Applied(sold.id, sold.user_id, 0, changed=False, frozen=False)
    after = _standing(said, sold, before)
    _write(connection, said, sold, after, look)
    change_ms = 0
    if after.counted_cents != before.counted_cents:
        change_ms = _book(connection, said, sold, before, after)
    frozen = balances.set_frozen(connection, sold.user_id)
    return Applied(sold.id, sold.user_id, change_ms, changed=after != before, frozen=frozen)


def _lock(connection: Connection, said: Refund | Dispute) -> _Sold | NotApplied:
    """What a payment was for: a payment is of one thing, and stays so."""
    owner = connection.execute(
        """
        SELECT user_id FROM purchases WHERE payment_intent_id = %(intent)s
        UNION ALL
        SELECT user_id FROM subscription_invoices WHERE payment_intent_id = %(intent)s
        """,
        {"intent": said.payment_intent_id},
    ).fetchone()
    if owner is None:
        return NotApplied.UNKNOWN
    balances.lock(connection, owner[0])
    row = connection.execute(
        """
        SELECT id, user_id, seconds * 1000, price_cents, currency, clawed_back_ms, status
        FROM purchases WHERE payment_intent_id = %s FOR UPDATE
        """,
        (said.payment_intent_id,),
    ).fetchone()
    if row is None:
        row = connection.execute(
            """
            SELECT id, user_id, granted_ms, paid_cents, currency, claimed_ms, status
            FROM subscription_invoices WHERE payment_intent_id = %s FOR UPDATE
            """,
            (said.payment_intent_id,),
        ).fetchone()
    assert row is not None, "nothing that was paid is deleted"
    return _Sold(*row[:6]) if row[6] == "paid" else NotApplied.NOT_PAID


def _standing(said: Refund | Dispute, sold: _Sold, before: _Standing) -> _Standing:
    amount_cents = said.amount_cents
    if said.currency != sold.currency:
        # Can't be compared: take all and have a person look.
        amount_cents = sold.price_cents
        log.error("reversal in another currency", reversal=said.id, currency=said.currency)
    gone = said.effective if isinstance(said, Refund) else said.withdrawn
    counted_cents = amount_cents if gone else 0
    return _Standing(
        amount_cents,
        counted_cents,
        open=isinstance(said, Dispute) and said.open,
        status=said.status,
        bookings=before.bookings + (counted_cents != before.counted_cents),
    )


def _write(
    connection: Connection, said: Refund | Dispute, sold: _Sold, after: _Standing, look: int
) -> None:
    connection.execute(
        """
        INSERT INTO purchase_reversals
            (id, kind, purchase_id, invoice_id, amount_cents, counted_cents, open, status,
             bookings, look)
        VALUES (%(id)s, %(kind)s, %(purchase)s, %(invoice)s, %(amount)s, %(counted)s, %(open)s,
                %(status)s, %(bookings)s, %(look)s)
        ON CONFLICT (id) DO UPDATE
        SET amount_cents = excluded.amount_cents, counted_cents = excluded.counted_cents,
            open = excluded.open, status = excluded.status, bookings = excluded.bookings,
            look = excluded.look, changed_at = now()
        """,
        {
            "id": said.id,
            "kind": "refund" if isinstance(said, Refund) else "dispute",
            "purchase": sold.purchase_id,
            "invoice": sold.invoice_id,
            "amount": after.amount_cents,
            "counted": after.counted_cents,
            "open": after.open,
            "status": after.status,
            "bookings": after.bookings,
            "look": look,
        },
    )


def _book(
    connection: Connection,
    said: Refund | Dispute,
    sold: _Sold,
    before: _Standing,
    after: _Standing,
) -> int:
    """Bring what is taken back to what all reversals together must take; the change in credit."""
    row = connection.execute(
        """
        SELECT coalesce(sum(counted_cents), 0)::bigint FROM purchase_reversals
        WHERE purchase_id = %s OR invoice_id = %s
        """,
        (sold.purchase_id, sold.invoice_id),
    ).fetchone()
    assert row is not None
    target_ms = clawed_back_ms(sold.sold_ms, sold.price_cents, row[0])
    change_ms = sold.clawed_back_ms - target_ms
    if sold.invoice_id is not None:
        _claim(connection, sold.invoice_id, target_ms)
        return change_ms
    connection.execute(
        "UPDATE purchases SET clawed_back_ms = %s WHERE id = %s", (target_ms, sold.id)
    )
    taken = after.counted_cents > before.counted_cents
    key = said.id if after.bookings == 1 else f"{said.id}/{after.bookings}"
    difference = after.counted_cents - before.counted_cents
    entry = Entry(
        sold.user_id,
        _kind(said, taken=taken),
        key,
        change_ms,
        f"{said.status}: {difference} of {sold.price_cents} {sold.currency} cents",
        sold.purchase_id,
    )
    booked = balances.book(connection, entry)
    assert getattr(booked, "repeated", None) is False, "a booking's number was used before"
    return change_ms


def _claim(connection: Connection, invoice_id: str, target_ms: int) -> None:
    """The lot of an invoice is to be worth so much less by now."""
    connection.execute(
        "UPDATE subscription_invoices SET claimed_ms = %s WHERE id = %s", (target_ms, invoice_id)
    )
    left = lots.claim(connection, SOURCE, invoice_id, target_ms)
    assert left is not None, "a paid invoice has its lot"


def _kind(said: Refund | Dispute, *, taken: bool) -> str:
    if isinstance(said, Refund):
        return "refund" if taken else "refund_failed"
    return "dispute" if taken else "dispute_reinstated"


def looked(connection: Connection, key: str, look: int) -> None:
    """Stripe doesn't know it: what is recorded stays, and the others are looked at before it."""
    connection.execute(
        "UPDATE purchase_reversals SET look = %(look)s WHERE id = %(id)s AND look < %(look)s",
        {"id": key, "look": look},
    )


def unsettled(connection: Connection, most: int) -> list[tuple[str, str]]:
    """(kind, id) of what may still change; looked at longest ago first."""
    rows = connection.execute(
        """
        SELECT kind, id FROM purchase_reversals
        WHERE open OR status IN ('pending', 'requires_action')
          OR (status = 'won' AND counted_cents > 0) ORDER BY look LIMIT %s
        """,
        (most,),
    ).fetchall()
    return [(row[0], row[1]) for row in rows]
