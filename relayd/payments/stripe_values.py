"""The SDK's objects as the values of `relayd.payments.ports`: what decides, and nothing else."""

import stripe
from stripe.checkout import Session

from relayd.payments.ports import CheckoutSession, Dispute, Refund

__all__ = ["dispute_of", "refund_of", "session_of"]


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
    )


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
