"""The transactions of a purchase: begun before Stripe is asked, credited once, shown.

Whoever changes credit locks the user's balance first and the purchase after it.
"""

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

import attrs

from relayd.config import Package
from relayd.database.ports import Connection
from relayd.ledger import balances
from relayd.ledger.balances import Entry
from relayd.payments.ports import Buyer, CheckoutSession, PurchaseState

__all__ = [
    "Purchase",
    "PurchaseRecord",
    "Settled",
    "attach",
    "begin",
    "buyer_of",
    "close_unknown",
    "expire_lost",
    "find",
    "give_up",
    "paid_among",
    "recent",
    "settle",
    "take_waiting",
]

# A Session lives for 24 h; a row that never got one, or whose one is unknown, is closed after that.
LOST_HOURS = 25


@attrs.frozen
class Purchase:
    """What somebody bought, for the page that they return to after paying."""

    id: UUID
    user_id: UUID
    package_id: str
    label: str
    seconds: int
    state: PurchaseState = attrs.field(converter=PurchaseState)


@attrs.frozen
class Settled:
    """A purchase as it stands after a look at its Session."""

    purchase_id: UUID
    user_id: UUID
    state: PurchaseState
    # Whether this look is what made it so.
    changed: bool
    price_cents: int
    currency: str


@attrs.frozen
class PurchaseRecord:
    """A purchase as an operator sees it."""

    purchase_id: UUID
    email: str
    package_id: str
    seconds: int
    price_cents: int
    currency: str
    status: str
    created_at: dt.datetime
    settled_at: dt.datetime | None
    clawed_back_ms: int
    disputed: bool
    checkout_session_id: str | None
    payment_intent_id: str | None


def begin(
    connection: Connection, purchase_id: UUID, user_id: UUID, package: Package
) -> Buyer | None:
    """Record what is about to be bought, at today's price; None where there is no such user."""
    buyer = buyer_of(connection, user_id)
    if buyer is None:
        return None
    connection.execute(
        """
        INSERT INTO purchases (id, user_id, package_id, label, seconds, price_cents, currency)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        (
            purchase_id,
            user_id,
            package.id,
            package.label,
            package.seconds,
            package.price_cents,
            package.currency,
        ),
    )
    return buyer


def buyer_of(connection: Connection, user_id: UUID) -> Buyer | None:
    """Whom an order is for; from here on they are to be a customer."""
    row = connection.execute(
        """
        SELECT u.id, u.email, c.customer_id FROM users AS u
        LEFT JOIN stripe_customers AS c ON c.user_id = u.id
        WHERE u.id = %s AND u.disabled_at IS NULL
        """,
        (user_id,),
    ).fetchone()
    if row is None:
        return None
    # The first order goes without one where it isn't made yet.
    connection.execute(
        "INSERT INTO stripe_customers (user_id) VALUES (%s) ON CONFLICT (user_id) DO NOTHING",
        (user_id,),
    )
    return Buyer(*row)


def attach(connection: Connection, purchase_id: UUID, session_id: str) -> None:
    """Remember the Session of a purchase."""
    connection.execute(
        """
        UPDATE purchases SET checkout_session_id = %s
        WHERE id = %s AND checkout_session_id IS NULL
        """,
        (session_id, purchase_id),
    )


def give_up(connection: Connection, purchase_id: UUID) -> None:
    """Close a purchase for which Stripe refused to make a Session."""
    connection.execute(
        """
        UPDATE purchases SET status = 'failed', settled_at = now()
        WHERE id = %s AND status = 'pending' AND checkout_session_id IS NULL
        """,
        (purchase_id,),
    )


def settle(
    connection: Connection, session: CheckoutSession, state: PurchaseState
) -> Settled | None:
    """Record what a Session says of its purchase, and credit it where it is paid: once.

    None for a Session that is not ours. What was paid stays paid, whatever is said later.
    """
    owner = _owner(connection, session)
    if owner is None:
        return None
    purchase_id, user_id = owner
    balances.lock(connection, user_id)
    row = connection.execute(
        """
        SELECT status, seconds, label, price_cents, currency FROM purchases
        WHERE id = %s FOR UPDATE
        """,
        (purchase_id,),
    ).fetchone()
    assert row is not None, "purchases are never deleted"
    before = PurchaseState(row[0])
    after = _after(before, state)
    connection.execute(
        """
        UPDATE purchases SET status = %(status)s, checkout_session_id = %(session)s,
            payment_intent_id = coalesce(%(intent)s, payment_intent_id), looked_at = now(),
            settled_at = CASE WHEN %(status)s <> 'pending' THEN
                CASE WHEN %(changed)s THEN now() ELSE settled_at END END
        WHERE id = %(id)s
        """,
        {
            "id": purchase_id,
            "status": after.value,
            "session": session.id,
            "intent": session.payment_intent_id,
            "changed": before is not after,
        },
    )
    if after is PurchaseState.PAID and before is not PurchaseState.PAID:
        reason = f"{row[2]} for {row[3]} {row[4]} cents"
        entry = Entry(user_id, "purchase", str(purchase_id), row[1] * 1000, reason, purchase_id)
        booked = balances.book(connection, entry)
        assert getattr(booked, "repeated", None) is False, "credited before it was paid"
    return Settled(purchase_id, user_id, after, before is not after, row[3], row[4])


def _owner(connection: Connection, session: CheckoutSession) -> tuple[UUID, UUID] | None:
    """The purchase and the user of a Session: by its id, or by ours where its id was lost."""
    row = connection.execute(
        """
        SELECT id, user_id FROM purchases WHERE checkout_session_id = %(session)s
          OR (checkout_session_id IS NULL AND id::text = %(reference)s)
        """,
        {"session": session.id, "reference": session.client_reference_id},
    ).fetchone()
    return None if row is None else (row[0], row[1])


def _after(before: PurchaseState, said: PurchaseState) -> PurchaseState:
    """Money counts whenever it comes; everything else only changes what is pending."""
    if said is PurchaseState.PAID or before is PurchaseState.PENDING:
        return said
    return before


def find(connection: Connection, session_id: str) -> Purchase | None:
    """A purchase by its Session, whosever it is."""
    row = connection.execute(
        """
        SELECT id, user_id, package_id, label, seconds, status FROM purchases
        WHERE checkout_session_id = %s
        """,
        (session_id,),
    ).fetchone()
    return None if row is None else Purchase(*row)


def paid_among(connection: Connection, session_ids: Sequence[str]) -> set[str]:
    """Those of these Sessions that are credited: there is nothing left to do for them."""
    rows = connection.execute(
        """
        SELECT checkout_session_id FROM purchases WHERE checkout_session_id = ANY(%s)
          AND status = 'paid' AND payment_intent_id IS NOT NULL
        """,
        (list(session_ids),),
    ).fetchall()
    return {row[0] for row in rows}


def take_waiting(connection: Connection, before: dt.datetime, most: int) -> list[str]:
    """Sessions of purchases that wait, not looked at since ``before``; longest ago first.

    They count as looked at from here on, whatever Stripe says of them: one that it doesn't know,
    or can't tell us about, must not come first again and again.
    """
    rows = connection.execute(
        """
        UPDATE purchases SET looked_at = now()
        WHERE id IN (
            SELECT id FROM purchases
            WHERE status = 'pending' AND checkout_session_id IS NOT NULL
                AND (looked_at IS NULL OR looked_at < %s)
            ORDER BY looked_at NULLS FIRST, created_at LIMIT %s FOR UPDATE SKIP LOCKED)
        RETURNING checkout_session_id
        """,
        (before, most),
    ).fetchall()
    return [row[0] for row in rows]


def close_unknown(connection: Connection, session_id: str) -> UUID | None:
    """Close a purchase whose Session Stripe doesn't know, once nobody can be paying on it.

    What is said of it later still counts: money that comes after all is credited.
    """
    row = connection.execute(
        """
        UPDATE purchases SET status = 'expired', settled_at = now()
        WHERE checkout_session_id = %s AND status = 'pending'
          AND created_at < now() - make_interval(hours => %s) RETURNING id
        """,
        (session_id, LOST_HOURS),
    ).fetchone()
    return None if row is None else row[0]


def expire_lost(connection: Connection) -> int:
    """Close what never got a Session: nobody was ever shown a page to pay on."""
    return connection.execute(
        """
        UPDATE purchases SET status = 'expired', settled_at = now()
        WHERE status = 'pending' AND checkout_session_id IS NULL
          AND created_at < now() - make_interval(hours => %s)
        """,
        (LOST_HOURS,),
    ).rowcount


def recent(connection: Connection, user_id: UUID | None, most: int) -> list[PurchaseRecord]:
    """The latest purchases, newest first; of everybody without a user."""
    rows = connection.execute(
        """
        SELECT p.id, u.email, p.package_id, p.seconds, p.price_cents, p.currency, p.status,
               p.created_at, p.settled_at, p.clawed_back_ms,
               EXISTS (SELECT FROM purchase_reversals AS r WHERE r.purchase_id = p.id AND r.open),
               p.checkout_session_id, p.payment_intent_id
        FROM purchases AS p JOIN users AS u ON u.id = p.user_id
        WHERE %(user)s::uuid IS NULL OR p.user_id = %(user)s
        ORDER BY p.created_at DESC, p.id LIMIT %(most)s
        """,
        {"user": user_id, "most": most},
    ).fetchall()
    return [PurchaseRecord(*row) for row in rows]
