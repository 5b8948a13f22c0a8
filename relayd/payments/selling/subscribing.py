"""Subscribing to a plan: the page to pay on, the portal to leave by, and how it stands.

As with purchases, a row of ours is there before Stripe hears of it. A user has one subscription at
a time; who pays on two pages at once has paid for both, and gets both.
"""

import enum
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

import attrs
import trio

from relayd import logs
from relayd.database.ports import Database
from relayd.errors import StripeUnavailable
from relayd.identity import Principal
from relayd.ledger import balances
from relayd.payments.books import subscriptions
from relayd.payments.books.subscriptions import ForSubscribers, Subscriber
from relayd.payments.fulfilment.fulfilment import Fulfilment
from relayd.payments.ports import CustomerGone, SubscriptionOrder
from relayd.payments.selling.checkouts import CheckoutUrl, open_checkout

__all__ = ["PortalRefusal", "SubscribeRefusal", "Subscribing"]

log = logs.get(__name__)

# Somebody waits for a page: what is known must do where Stripe takes longer.
_LOOK_SECONDS: Final = 2.0


class SubscribeRefusal(enum.Enum):
    """Why nothing can be subscribed to now."""

    UNKNOWN_PLAN = "there is no such plan for sale"
    UNKNOWN_USER = "there is no such user"
    ALREADY_SUBSCRIBED = "they have a subscription that runs"
    CREDIT_FROZEN = "a payment of theirs is disputed"
    STRIPE_UNAVAILABLE = "Stripe can't be reached"


class PortalRefusal(enum.Enum):
    """Why there is no portal for a user."""

    NOT_SUBSCRIBED = "they never had a subscription, or Stripe has forgotten them"
    STRIPE_UNAVAILABLE = "Stripe can't be reached"


@attrs.frozen
class Subscribing:
    """Plans, while they are sold. Raises `DatabaseUnavailable`."""

    database: Database
    fulfilment: Fulfilment
    plans: Sequence[ForSubscribers]
    new_id: Callable[[], UUID]

    async def begin(
        self, principal: Principal, plan_name: str, base_url: str
    ) -> CheckoutUrl | SubscribeRefusal:
        """A page to subscribe on. ``base_url`` is where the buyer's browser comes back to."""
        plan = next((one for one in self.plans if one.name == plan_name), None)
        if plan is None:
            return SubscribeRefusal.UNKNOWN_PLAN
        balance = await self.database.transact(balances.read, principal.user_id)
        if balance is not None and balance.frozen:
            return SubscribeRefusal.CREDIT_FROZEN
        known = await self.standing(principal)
        if known is not None and known.running:
            return SubscribeRefusal.ALREADY_SUBSCRIBED
        return await self._begin(principal, plan, base_url)

    async def _begin(
        self, principal: Principal, plan: ForSubscribers, base_url: str
    ) -> CheckoutUrl | SubscribeRefusal:
        key = self.new_id()
        buyer = await self.database.transact(subscriptions.begin, key, principal.user_id, plan)
        if buyer is None:
            return SubscribeRefusal.UNKNOWN_USER
        order = SubscriptionOrder(key, buyer, plan.name, plan.price_id, base_url.rstrip("/"))
        try:
            session = await open_checkout(self.database, self.fulfilment.stripe, order)
        except StripeUnavailable as error:
            tell = log.error if error.refused else log.warning
            tell("checkout refused", subscription=key, problem=str(error))
            return SubscribeRefusal.STRIPE_UNAVAILABLE
        await self.database.transact(subscriptions.attach, key, session.id)
        if session.url is None:
            log.error("checkout session without an address", checkout_session=session.id)
            return SubscribeRefusal.STRIPE_UNAVAILABLE
        log.info("checkout begun", subscription=key, user=principal.user_id, plan=plan.name)
        return CheckoutUrl(session.url, session.id)

    async def portal(self, principal: Principal, return_url: str) -> str | PortalRefusal:
        """A page of Stripe's on which a subscriber cancels, or changes the card."""
        known = await self.database.transact(subscriptions.latest, principal.user_id)
        if known is None or known.customer_id is None:
            return PortalRefusal.NOT_SUBSCRIBED
        try:
            url = await self.fulfilment.stripe.create_portal(known.customer_id, return_url)
        except StripeUnavailable as error:
            tell = log.error if error.refused else log.warning
            tell("portal refused", subscription=known.id, problem=str(error))
            return PortalRefusal.STRIPE_UNAVAILABLE
        if isinstance(url, CustomerGone):
            log.warning("customer unknown to Stripe", user=principal.user_id)
            return PortalRefusal.NOT_SUBSCRIBED
        return url

    async def standing(self, principal: Principal, *, look: bool = True) -> Subscriber | None:
        """A user's subscription, the one that runs or the last one; None where there never was one.

        With ``look`` Stripe is asked about one that runs.
        """
        known = await self.database.transact(subscriptions.latest, principal.user_id)
        if known is None or known.subscription_id is None or not (look and known.running):
            return known
        try:
            with trio.move_on_after(_LOOK_SECONDS):
                await self.fulfilment.subscription(known.subscription_id)
        except StripeUnavailable as error:
            log.warning("subscription not looked up", subscription=known.id, problem=str(error))
        return await self.database.transact(subscriptions.latest, principal.user_id)

    async def come_back(
        self, principal: Principal, checkout_session_id: str, *, look: bool = True
    ) -> Subscriber | None:
        """One of this user's by its Session, for the page that they return to after paying.

        With ``look`` Stripe is asked, so that a payment whose message was lost counts at once.
        """
        found = await self.database.transact(subscriptions.find, checkout_session_id)
        if found is None or found.user_id != principal.user_id:
            return None
        if look:
            try:
                with trio.move_on_after(_LOOK_SECONDS):
                    await self.fulfilment.fulfil(checkout_session_id)
            except StripeUnavailable as error:
                log.warning("subscription not looked up", subscription=found.id, problem=str(error))
        return await self.database.transact(subscriptions.find, checkout_session_id)
