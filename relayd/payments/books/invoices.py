"""The transactions of a subscription's invoices: each one that is paid grants one lot, once."""

import datetime as dt
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import attrs

from relayd import logs
from relayd.database.ports import Connection
from relayd.ledger import balances, lots
from relayd.ledger.lots import Grant
from relayd.ledger.outcomes import Booked
from relayd.payments.ports import Invoice

__all__ = ["SOURCE", "Billed", "paid_among", "settle", "take_open"]

log = logs.get(__name__)

# Names the lots that invoices grant.
SOURCE: Final = "invoice"
# Stripe tries for weeks at most; who pays an older one by hand is found by the daily comparison.
_OPEN_DAYS: Final = 60


@attrs.frozen
class Billed:
    """An invoice after a look at it. ``granted_ms``: what it granted now."""

    user_id: UUID
    status: str
    granted_ms: int
    changed: bool


@attrs.frozen
class _Sold:
    """What a subscription gives for each paid period."""

    id: UUID
    user_id: UUID
    plan: str
    price_id: str
    period_ms: int
    live: bool


def settle(connection: Connection, invoice: Invoice, look: int) -> Billed | None:
    """Record how an invoice stands, and grant its lot where it is paid: once.

    None for one of a subscription that is not ours. What was paid stays paid, whatever is said
    later.
    """
    sold = _sold(connection, invoice)
    if sold is None:
        return None
    balances.lock(connection, sold.user_id)
    row = connection.execute(
        "SELECT status, look FROM subscription_invoices WHERE id = %s FOR UPDATE", (invoice.id,)
    ).fetchone()
    before, known_look = ("", -1) if row is None else row
    if before == "paid":
        _pay_by(connection, invoice)
    if before == "paid" or (known_look >= look and not invoice.paid):
        return Billed(sold.user_id, before, 0, changed=False)
    granted_ms = sold.period_ms if invoice.paid and invoice.period_end else 0
    _write(connection, invoice, sold, granted_ms, look)
    if granted_ms:
        _grant(connection, invoice, sold)
    return Billed(sold.user_id, invoice.status, granted_ms, changed=before != invoice.status)


def _sold(connection: Connection, invoice: Invoice) -> _Sold | None:
    row = connection.execute(
        """
        SELECT id, user_id, plan, price_id, period_ms, live FROM subscriptions
        WHERE subscription_id = %s
        """,
        (invoice.subscription_id,),
    ).fetchone()
    return None if row is None else _Sold(*row)


def _write(
    connection: Connection, invoice: Invoice, sold: _Sold, granted_ms: int, look: int
) -> None:
    connection.execute(
        """
        INSERT INTO subscription_invoices
            (id, subscription_id, user_id, status, paid_cents, currency, payment_intent_id,
             period_end, granted_ms, look, paid_at)
        VALUES (%(id)s, %(subscription)s, %(user)s, %(status)s, %(paid)s, %(currency)s,
                %(intent)s, %(end)s, %(granted)s, %(look)s,
                CASE WHEN %(status)s = 'paid' THEN now() END)
        ON CONFLICT (id) DO UPDATE
        SET status = excluded.status, paid_cents = excluded.paid_cents,
            payment_intent_id = excluded.payment_intent_id, period_end = excluded.period_end,
            granted_ms = excluded.granted_ms, look = excluded.look, paid_at = excluded.paid_at,
            looked_at = now()
        """,
        {
            "id": invoice.id,
            "subscription": sold.id,
            "user": sold.user_id,
            "status": invoice.status,
            "paid": invoice.amount_cents,
            "currency": invoice.currency,
            "intent": invoice.payment_intent_id,
            "end": invoice.period_end,
            "granted": granted_ms,
            "look": look,
        },
    )


def _grant(connection: Connection, invoice: Invoice, sold: _Sold) -> None:
    assert invoice.period_end is not None
    if invoice.price_id != sold.price_id:
        # Somebody changed the subscription at Stripe: it gives what was sold all the same.
        log.error("invoice of another price", invoice=invoice.id, price=invoice.price_id)
    granted = lots.grant(
        connection,
        Grant(
            sold.user_id,
            SOURCE,
            invoice.id,
            sold.period_ms,
            invoice.period_end,
            f"{sold.plan} for {invoice.amount_cents} {invoice.currency} cents",
            plan=sold.plan,
            live=sold.live,
        ),
    )
    assert isinstance(granted, Booked), "an invoice's lot is its user's"
    assert not granted.repeated, "granted before it was paid"


def _pay_by(connection: Connection, invoice: Invoice) -> None:
    """By which payment, where that was not to be seen before."""
    connection.execute(
        """
        UPDATE subscription_invoices SET payment_intent_id = %s
        WHERE id = %s AND payment_intent_id IS NULL
        """,
        (invoice.payment_intent_id, invoice.id),
    )


def paid_among(connection: Connection, invoice_ids: Sequence[str]) -> set[str]:
    """Those of these invoices that are known to be paid, and by what: nothing is left to do."""
    rows = connection.execute(
        """
        SELECT id FROM subscription_invoices WHERE id = ANY(%s)
          AND status = 'paid' AND (payment_intent_id IS NOT NULL OR paid_cents = 0)
        """,
        (list(invoice_ids),),
    ).fetchall()
    return {row[0] for row in rows}


def take_open(connection: Connection, before: dt.datetime, most: int) -> list[str]:
    """Invoices that may still be paid, not looked at since ``before``; longest ago first.

    They count as looked at from here on, whatever Stripe says of them.
    """
    rows = connection.execute(
        """
        UPDATE subscription_invoices SET looked_at = now()
        WHERE id IN (
            SELECT id FROM subscription_invoices
            WHERE status IN ('draft', 'open', 'uncollectible') AND looked_at < %s
                AND created_at > now() - make_interval(days => %s)
            ORDER BY looked_at LIMIT %s FOR UPDATE SKIP LOCKED)
        RETURNING id
        """,
        (before, _OPEN_DAYS, most),
    ).fetchall()
    return [row[0] for row in rows]
