"""A page of Stripe's to pay on, for an order of any kind."""

import attrs

from relayd import logs
from relayd.database.ports import Database
from relayd.errors import StripeUnavailable
from relayd.payments.ports import (
    Buyer,
    CheckoutSession,
    CustomerGone,
    PurchaseOrder,
    StripeApi,
    SubscriptionOrder,
)
from relayd.payments.selling import customers

__all__ = ["CheckoutUrl", "open_checkout"]

log = logs.get(__name__)


@attrs.frozen
class CheckoutUrl:
    """Where the buyer's browser goes to pay."""

    url: str
    checkout_session_id: str


async def open_checkout(
    database: Database, stripe: StripeApi, order: PurchaseOrder | SubscriptionOrder
) -> CheckoutSession:
    """The Session of an order; a guest's where Stripe doesn't know the customer any more.

    Raises `StripeUnavailable` and `DatabaseUnavailable`.
    """
    session = await stripe.create_session(order)
    if isinstance(session, CheckoutSession):
        return session
    # Deleted over there, or made with a key of another mode: sell all the same.
    buyer = order.buyer
    assert buyer.customer_id is not None
    log.warning("customer unknown to Stripe", user=buyer.user_id, customer=buyer.customer_id)
    await database.transact(customers.forget, buyer.user_id, buyer.customer_id)
    guest = attrs.evolve(order, buyer=Buyer(buyer.user_id, buyer.email, None))
    again = await stripe.create_session(guest)
    if isinstance(again, CustomerGone):
        raise StripeUnavailable("Stripe asks for a customer that nobody named", refused=True)
    return again
