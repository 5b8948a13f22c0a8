"""Sales in memory, as the routes see them."""

from collections.abc import Sequence
from uuid import uuid4

import attrs
import trio

from relayd.identity import Principal
from relayd.payments.books.purchases import Purchase
from relayd.payments.books.receipts import Bought, ReceiptRefusal
from relayd.payments.books.subscriptions import ForSubscribers, Subscriber
from relayd.payments.ports import PurchaseState
from relayd.payments.selling.subscribing import PortalRefusal, SubscribeRefusal
from relayd.payments.shop import Accepted, CheckoutRefusal, CheckoutUrl, Rejected

__all__ = ["PENDING", "RUNNING", "FakePlanSeller", "FakeSeller"]

URL = CheckoutUrl("https://stripe.test/1", "cs_test_1")
PENDING = Purchase(uuid4(), uuid4(), "pack_500", "500 minutes", 30_000, PurchaseState.PENDING)
ACCEPTED = Accepted()


PRO = ForSubscribers("pro", "price_1", 2900, "usd", 60_000_000, live=True)
RUNNING = Subscriber(
    uuid4(),
    uuid4(),
    "pro",
    "running",
    "active",
    cancels=False,
    period_end=None,
    subscription_id="sub_1",
    customer_id="cus_1",
)


@attrs.define(eq=False)
class FakePlanSeller:
    """Says what a test wrote down, and remembers what it was asked."""

    outcome: CheckoutUrl | SubscribeRefusal = URL
    plans: Sequence[ForSubscribers] = (PRO,)
    portal_url: str | PortalRefusal = "https://stripe.test/portal/1"
    found: Subscriber | None = RUNNING
    asked: list[tuple[object, ...]] = attrs.field(factory=list)

    async def begin(
        self, principal: Principal, plan_name: str, base_url: str
    ) -> CheckoutUrl | SubscribeRefusal:
        """A page to subscribe on."""
        await trio.lowlevel.checkpoint()
        self.asked.append((plan_name, base_url))
        return self.outcome

    async def portal(self, principal: Principal, return_url: str) -> str | PortalRefusal:
        """A page to leave by."""
        await trio.lowlevel.checkpoint()
        self.asked.append((return_url,))
        return self.portal_url

    async def standing(self, principal: Principal, *, look: bool = True) -> Subscriber | None:
        """The user's own."""
        await trio.lowlevel.checkpoint()
        self.asked.append((look,))
        return self.found

    async def come_back(
        self, principal: Principal, checkout_session_id: str, *, look: bool = True
    ) -> Subscriber | None:
        """The one that was begun there."""
        await trio.lowlevel.checkpoint()
        self.asked.append((checkout_session_id, look))
        return self.found


@attrs.define(eq=False)
class FakeSeller:
    """Says what a test wrote down, and remembers what it was asked."""

    outcome: CheckoutUrl | CheckoutRefusal = URL
    found: Purchase | None = PENDING
    verdict: Accepted | Rejected = ACCEPTED
    bought: Sequence[Bought] = ()
    receipt_url: str | ReceiptRefusal = "https://stripe.test/receipts/1"
    subscribing: FakePlanSeller = attrs.field(factory=FakePlanSeller)
    asked: list[tuple[object, ...]] = attrs.field(factory=list)

    async def checkout(
        self, principal: Principal, package_id: str, base_url: str
    ) -> CheckoutUrl | CheckoutRefusal:
        """Begin a purchase."""
        await trio.lowlevel.checkpoint()
        self.asked.append((package_id, base_url))
        return self.outcome

    async def purchase(
        self, principal: Principal, checkout_session_id: str, *, look: bool = True
    ) -> Purchase | None:
        """One of the user's own."""
        await trio.lowlevel.checkpoint()
        self.asked.append((checkout_session_id, look))
        return self.found

    async def any_purchase(self, checkout_session_id: str) -> Purchase | None:
        """Anybody's."""
        await trio.lowlevel.checkpoint()
        self.asked.append((checkout_session_id,))
        return self.found

    async def purchases(self, principal: Principal) -> Sequence[Bought]:
        """What they have bought."""
        await trio.lowlevel.checkpoint()
        return self.bought

    async def receipt(self, principal: Principal, checkout_session_id: str) -> str | ReceiptRefusal:
        """Where a receipt is."""
        await trio.lowlevel.checkpoint()
        self.asked.append((checkout_session_id,))
        return self.receipt_url

    async def webhook(self, raw: bytes, signature: str | None) -> Accepted | Rejected:
        """A message."""
        await trio.lowlevel.checkpoint()
        self.asked.append((raw, signature))
        return self.verdict
