"""Sales in memory, as the routes see them."""

from collections.abc import Sequence
from uuid import uuid4

import attrs
import trio

from relayd.identity import Principal
from relayd.payments.ports import PurchaseState
from relayd.payments.purchases import Purchase
from relayd.payments.receipts import Bought, ReceiptRefusal
from relayd.payments.shop import Accepted, CheckoutRefusal, CheckoutUrl, Rejected

__all__ = ["PENDING", "FakeSeller"]

URL = CheckoutUrl("https://stripe.test/1", "cs_test_1")
PENDING = Purchase(uuid4(), uuid4(), "pack_500", "500 minutes", 30_000, PurchaseState.PENDING)
ACCEPTED = Accepted()


@attrs.define(eq=False)
class FakeSeller:
    """Says what a test wrote down, and remembers what it was asked."""

    outcome: CheckoutUrl | CheckoutRefusal = URL
    found: Purchase | None = PENDING
    verdict: Accepted | Rejected = ACCEPTED
    bought: Sequence[Bought] = ()
    receipt_url: str | ReceiptRefusal = "https://stripe.test/receipts/1"
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
