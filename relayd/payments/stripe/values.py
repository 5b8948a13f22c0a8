"""The SDK's objects as the values of `relayd.payments.ports`: what decides, and nothing else."""

import datetime as dt

import stripe
from stripe.checkout import Session

from relayd.payments.ports import (
    CheckoutSession,
    Dispute,
    Invoice,
    Price,
    Refund,
    Subscription,
)

__all__ = [
    "dispute_of",
    "invoice_of",
    "price_of",
    "refund_of",
    "session_of",
    "subscription_of",
]


def session_of(session: Session) -> CheckoutSession:
    """A Checkout Session; its payment may be expanded or named only."""
    intent = session.payment_intent
    return CheckoutSession(
        id=session.id,
        client_reference_id=session.client_reference_id,
        status=session.status,
        payment_status=session.payment_status,
        amount_cents=session.amount_total,
        currency=session.currency,
        payment_intent_id=_id_of(intent),
        payment_intent_status=intent.status if isinstance(intent, stripe.PaymentIntent) else None,
        url=session.url,
        subscription_id=_id_of(session.subscription),
        invoice_id=_id_of(session.invoice),
        customer_id=_id_of(session.customer),
        subscribes=session.mode == "subscription",
    )


def subscription_of(subscription: stripe.Subscription) -> Subscription:
    """A subscription."""
    # Not `.items`, which is a method of the SDK's objects.
    items = subscription["items"].data
    customer_id = _id_of(subscription.customer)
    assert customer_id is not None, "Stripe's subscriptions have customers"
    return Subscription(
        id=subscription.id,
        status=subscription.status,
        customer_id=customer_id,
        cancels=subscription.cancel_at_period_end or subscription.cancel_at is not None,
        period_end=max((_moment(item.current_period_end) for item in items), default=None),
    )


def invoice_of(invoice: stripe.Invoice) -> Invoice:
    """An invoice; its payments must be expanded."""
    parent = invoice.parent
    details = None if parent is None else parent.subscription_details
    line = _own_line(invoice)
    pricing = None if line is None else line.pricing
    price = None if pricing is None or pricing.price_details is None else pricing.price_details
    return Invoice(
        id=invoice.id,
        subscription_id=None if details is None else _id_of(details.subscription),
        status=invoice.status or "draft",
        amount_cents=invoice.amount_paid,
        currency=invoice.currency,
        price_id=None if price is None else _id_of(price.price),
        period_end=None if line is None else _moment(line.period.end),
        payment_intent_id=_payment_of(invoice),
    )


def price_of(price: stripe.Price) -> Price:
    """A price."""
    recurring = price.recurring
    return Price(
        id=price.id,
        active=price.active,
        amount_cents=price.unit_amount,
        currency=price.currency,
        interval=None if recurring is None else recurring.interval,
        interval_count=0 if recurring is None else recurring.interval_count,
    )


def _own_line(invoice: stripe.Invoice) -> stripe.InvoiceLineItem | None:
    """The line for a whole period of the subscription, the last one's where there are several."""
    own = [
        line
        for line in invoice.lines.data
        if line.parent is not None
        and line.parent.subscription_item_details is not None
        and not line.parent.subscription_item_details.proration
    ]
    return max(own, key=lambda line: line.period.end, default=None)


def _payment_of(invoice: stripe.Invoice) -> str | None:
    payments = [] if invoice.payments is None else invoice.payments.data
    paid = [one.payment.payment_intent for one in payments if one.status == "paid"]
    return _id_of(paid[0]) if paid else None


def _moment(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def refund_of(refund: stripe.Refund) -> Refund:
    """A refund."""
    return Refund(
        id=refund.id,
        payment_intent_id=_id_of(refund.payment_intent),
        amount_cents=refund.amount,
        currency=refund.currency,
        # "succeeded" is what an absent status has always meant.
        status=refund.status or "succeeded",
    )


def dispute_of(dispute: stripe.Dispute) -> Dispute:
    """A dispute; its balance transactions say where the money is.

    They are in the currency of the operator's account, so only their sum's sign is of use.
    """
    moved = [one.amount for one in dispute.balance_transactions]
    return Dispute(
        id=dispute.id,
        payment_intent_id=_id_of(dispute.payment_intent),
        amount_cents=dispute.amount,
        currency=dispute.currency,
        status=dispute.status,
        withdrawn=sum(moved) < 0,
        reinstated=bool(moved) and sum(moved) >= 0,
    )


def _id_of(reference: object) -> str | None:
    """Of an object that stands there whole, or as its identifier."""
    if reference is None or isinstance(reference, str):
        return reference
    key = getattr(reference, "id", None)
    return key if isinstance(key, str) else None
