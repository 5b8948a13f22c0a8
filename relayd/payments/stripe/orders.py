"""What Stripe is asked for when somebody buys: the parameters of a Checkout Session. Pure."""

from typing import Final

from stripe.params.checkout import SessionCreateParams

from relayd.payments.ports import Buyer, PurchaseOrder, SubscriptionOrder

__all__ = ["parameters_of"]

_SESSION_ID: Final = "session_id={CHECKOUT_SESSION_ID}"


def parameters_of(order: PurchaseOrder | SubscriptionOrder) -> SessionCreateParams:
    """The Session of an order; `payment_method_types` are Stripe's to choose."""
    parameters = _purchase(order) if isinstance(order, PurchaseOrder) else _subscription(order)
    return {**parameters, **_whom(order.buyer)}


def _purchase(order: PurchaseOrder) -> SessionCreateParams:
    metadata = {
        "purchase_id": str(order.id),
        "package_id": order.package_id,
        "user_id": str(order.buyer.user_id),
    }
    return {
        "mode": "payment",
        "client_reference_id": str(order.id),
        "metadata": metadata,
        # The Session's own are not handed on: Stripe's dashboard shows these with the payment.
        "payment_intent_data": {"metadata": metadata},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": order.currency,
                    "unit_amount": order.price_cents,
                    "product_data": {"name": order.label},
                },
            }
        ],
        "success_url": f"{order.base_url}/billing/success?{_SESSION_ID}",
        "cancel_url": f"{order.base_url}/billing/cancel",
    }


def _subscription(order: SubscriptionOrder) -> SessionCreateParams:
    metadata = {
        "subscription_id": str(order.id),
        "plan": order.plan,
        "user_id": str(order.buyer.user_id),
    }
    return {
        "mode": "subscription",
        "client_reference_id": str(order.id),
        "metadata": metadata,
        "subscription_data": {"metadata": metadata},
        "line_items": [{"quantity": 1, "price": order.price_id}],
        "success_url": f"{order.base_url}/account?{_SESSION_ID}",
        "cancel_url": f"{order.base_url}/account",
    }


def _whom(buyer: Buyer) -> SessionCreateParams:
    if buyer.customer_id is None:
        return {"customer_email": buyer.email}
    return {"customer": buyer.customer_id}
