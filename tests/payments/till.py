"""The stand-in Stripe in the hands of a test: buyers and banks act, calls fail or take long."""

import datetime as dt
from collections import deque
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import attrs
import trio

from relayd.payments.ports import (
    CheckoutSession,
    CustomerGone,
    Dispute,
    ListPage,
    PurchaseOrder,
    Refund,
    SubscriptionOrder,
)
from tests.payments.stripe.direct_stripe import DirectStripe, dispute_of, refund_of
from tests.stripe_standin import Account, Api
from tests.stripe_standin.shapes import Json

__all__ = ["Forgetful", "Till"]


@attrs.define(eq=False)
class Till(DirectStripe):
    """The shop's port to a stand-in, and the stand-in's own side of it.

    What its customers and banks do is done to ``account``; what was asked is in ``requests``.
    """

    api: Api = attrs.field(factory=lambda: Api(Account()))
    # Of the SDK's adapter with requests of 10 s.
    call_seconds: float = 32.0
    # So few that a handful of objects is several pages.
    page_items: int = 2
    # Raised by the next calls, one each, which then don't reach Stripe.
    faults: deque[Exception] = attrs.field(factory=deque)
    # How long each call takes.
    slow_seconds: float = 0.0
    # Those that became a Session.
    orders: list[PurchaseOrder | SubscriptionOrder] = attrs.field(factory=list)

    @property
    def account(self) -> Account:
        """Stripe's own side."""
        return self.api.account

    @property
    def requests(self) -> deque[str]:
        """What was asked, as "METHOD path"."""
        return self.api.requests

    @property
    def sessions(self) -> dict[str, Json]:
        """Checkout Sessions as Stripe keeps them, to be changed where nobody could."""
        return self.account.records.tables["cs"]

    @property
    def refunds(self) -> dict[str, Json]:
        """Refunds likewise."""
        return self.account.records.tables["re"]

    @property
    def disputes(self) -> dict[str, Json]:
        """Disputes likewise."""
        return self.account.records.tables["dp"]

    @property
    def customers(self) -> dict[UUID, str]:
        """The customer of each user who has one."""
        known = self.account.records.tables["cus"].values()
        return {UUID(one["metadata"]["user_id"]): one["id"] for one in known}

    def pay(self, session_id: str) -> None:
        """The buyer pays by card."""
        self.account.checkout.pay(session_id)

    def refund_of(self, session_id: str, amount_cents: int, status: str = "succeeded") -> Refund:
        """The operator gives a part back."""
        return refund_of(self.account.refund(session_id, amount_cents, status))

    def dispute_of(self, session_id: str, amount_cents: int) -> Dispute:
        """The buyer's bank disputes the payment."""
        return dispute_of(self.account.dispute(session_id, amount_cents))

    def lose(self, dispute_id: str) -> None:
        """The bank takes the money, and has decided."""
        self.account.disputes.withdraw(dispute_id)
        self.account.disputes.close(dispute_id, "lost")

    async def create_session(
        self, order: PurchaseOrder | SubscriptionOrder
    ) -> CheckoutSession | CustomerGone:
        """See the port."""
        made = await super().create_session(order)
        if isinstance(made, CheckoutSession):
            self.orders.append(order)
        return made

    async def ask(
        self,
        path: str,
        *,
        query: Mapping[str, str] = {},
        body: Mapping[str, str] = {},
        key: str = "",
    ) -> Any:
        """One call, unless it fails before it gets there."""
        await trio.sleep(self.slow_seconds)
        if self.faults:
            raise self.faults.popleft()
        return await super().ask(path, query=query, body=body, key=key)


@attrs.frozen
class Forgetful:
    """Its lists are empty: what is older than they reach is found by itself alone."""

    stripe: Till

    def __getattr__(self, name: str) -> Any:
        return self._empty if name.startswith("list_") else getattr(self.stripe, name)

    async def _empty(self, since: dt.datetime, after: str | None) -> ListPage[Any]:
        await trio.lowlevel.checkpoint()
        return ListPage((), None)
