"""What buyers see of their purchases: a list, and the payment whose receipt Stripe shows.

A receipt's address is asked for when somebody wants to read it and is not stored: Stripe lets it
expire within 30 days, and until then it opens for whoever has it (docs.stripe.com/receipts).
"""

import datetime as dt
import enum
from uuid import UUID

import attrs

from relayd.database.ports import Connection
from relayd.payments.ports import PurchaseState

__all__ = ["Bought", "ReceiptRefusal", "list_bought", "paid_intent"]


@attrs.frozen
class Bought:
    """A purchase in its buyer's list.

    ``taken_back_ms`` is what refunds and disputes took of its seconds, ``disputed`` that a dispute
    is yet to be decided.
    """

    checkout_session_id: str
    package_id: str
    label: str
    seconds: int
    price_cents: int
    currency: str
    state: PurchaseState = attrs.field(converter=PurchaseState)
    created_at: dt.datetime
    settled_at: dt.datetime | None
    taken_back_ms: int
    disputed: bool


class ReceiptRefusal(enum.Enum):
    """Why there is no receipt to be shown now."""

    UNKNOWN_PURCHASE = "the user has no such purchase"
    NO_RECEIPT = "it is not paid, or Stripe made none"
    STRIPE_UNAVAILABLE = "Stripe can't be reached"


def list_bought(connection: Connection, user_id: UUID, most: int) -> list[Bought]:
    """The user's latest purchases, newest first, but those that never had a page to pay on."""
    rows = connection.execute(
        """
        SELECT p.checkout_session_id, p.package_id, p.label, p.seconds, p.price_cents, p.currency,
               p.status, p.created_at, p.settled_at, p.clawed_back_ms,
               EXISTS (SELECT FROM purchase_reversals AS r WHERE r.purchase_id = p.id AND r.open)
        FROM purchases AS p
        WHERE p.user_id = %s AND p.checkout_session_id IS NOT NULL
        ORDER BY p.created_at DESC, p.id LIMIT %s
        """,
        (user_id, most),
    ).fetchall()
    return [Bought(*row) for row in rows]


def paid_intent(
    connection: Connection, user_id: UUID, checkout_session_id: str
) -> str | ReceiptRefusal:
    """The payment of a purchase of this user's, where it is paid."""
    row = connection.execute(
        """
        SELECT status, payment_intent_id FROM purchases
        WHERE checkout_session_id = %s AND user_id = %s
        """,
        (checkout_session_id, user_id),
    ).fetchone()
    if row is None:
        return ReceiptRefusal.UNKNOWN_PURCHASE
    if PurchaseState(row[0]) is not PurchaseState.PAID or row[1] is None:
        return ReceiptRefusal.NO_RECEIPT
    return str(row[1])
