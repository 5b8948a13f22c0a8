"""How each documented refusal of subscriptions comes about."""

from typing import Final

from relayd.payments.selling.subscribing import PortalRefusal, SubscribeRefusal
from tests.routes.refusing import Scenario, sent, shopping, too_many

__all__ = ["SUBSCRIPTIONS"]

_CHECKOUT: Final = "v1_subscriptions_create_checkout"
_PORTAL: Final = "v1_subscriptions_create_portal"

SUBSCRIPTIONS: Final[dict[str, Scenario]] = {
    f"{_CHECKOUT} invalid_field": sent(b'{"plan":1}'),
    f"{_CHECKOUT} rate_limited": too_many(SubscribeRefusal.UNKNOWN_PLAN, 10),
    f"{_CHECKOUT} credit_frozen": shopping(SubscribeRefusal.CREDIT_FROZEN),
    f"{_CHECKOUT} payments_unavailable": shopping(SubscribeRefusal.STRIPE_UNAVAILABLE),
    f"{_PORTAL} rate_limited": too_many(PortalRefusal.NOT_SUBSCRIBED, 10),
    f"{_PORTAL} not_subscribed": shopping(PortalRefusal.NOT_SUBSCRIBED),
    f"{_PORTAL} payments_unavailable": shopping(PortalRefusal.STRIPE_UNAVAILABLE),
    "unknown_plan": shopping(SubscribeRefusal.UNKNOWN_PLAN),
    "already_subscribed": shopping(SubscribeRefusal.ALREADY_SUBSCRIBED),
    "unknown_subscription": shopping(None),
}
