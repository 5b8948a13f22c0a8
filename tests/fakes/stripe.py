"""Stripe in memory, at the shop's own port: objects that a test changes, and calls that fail."""

import datetime as dt
from collections import deque
from typing import TypeVar
from uuid import UUID

import attrs
import trio

from relayd.errors import StripeUnavailable
from relayd.payments.ports import (
    Buyer,
    CheckoutSession,
    CustomerGone,
    Dispute,
    Order,
    Page,
    Refund,
)

__all__ = ["FakeStripe", "paid", "session_of"]

PAGE = 2
T = TypeVar("T", CheckoutSession, Refund, Dispute)


def session_of(order: Order, number: int) -> CheckoutSession:
    """A fresh Session of an order."""
    return CheckoutSession(
        id=f"cs_test_{number}_{order.id.hex}",
        client_reference_id=str(order.id),
        status="open",
        payment_status="unpaid",
        amount_cents=order.price_cents,
        currency=order.currency,
        payment_intent_id=None,
        url=f"https://stripe.test/{number}",
    )


def paid(session: CheckoutSession) -> CheckoutSession:
    """The same, gone through and paid."""
    return attrs.evolve(
        session,
        status="complete",
        payment_status="paid",
        payment_intent_id=session.id.replace("cs_test", "pi"),
        payment_intent_status="succeeded",
    )


@attrs.define(eq=False)
class FakeStripe:
    """Implements `relayd.payments.ports.StripeApi`.

    ``faults`` are raised by the next calls, one each; ``calls`` says what was asked.
    """

    sessions: dict[str, CheckoutSession] = attrs.field(factory=dict)
    refunds: dict[str, Refund] = attrs.field(factory=dict)
    disputes: dict[str, Dispute] = attrs.field(factory=dict)
    customers: dict[UUID, str] = attrs.field(factory=dict)
    gone_customers: set[str] = attrs.field(factory=set)
    orders: list[Order] = attrs.field(factory=list)
    faults: deque[Exception] = attrs.field(factory=deque)
    calls: list[tuple[str, float]] = attrs.field(factory=list)
    # A Session is made, and the answer is lost.
    lose_answers: bool = False
    # Of the SDK's adapter with requests of 10 s.
    call_seconds: float = 32.0
    # How long each call takes.
    slow_seconds: float = 0.0

    async def _arrive(self, name: str) -> None:
        await trio.lowlevel.checkpoint()
        self.calls.append((name, trio.current_time()))
        await trio.sleep(self.slow_seconds)
        if self.faults:
            raise self.faults.popleft()

    def pay(self, session_id: str) -> CheckoutSession:
        """The buyer pays."""
        self.sessions[session_id] = paid(self.sessions[session_id])
        return self.sessions[session_id]

    def refund_of(self, session_id: str, amount_cents: int, status: str = "succeeded") -> Refund:
        """The operator gives a part back."""
        intent = self.sessions[session_id].payment_intent_id
        refund = Refund(f"re_{len(self.refunds)}", intent, amount_cents, "usd", status)
        self.refunds[refund.id] = refund
        return refund

    def dispute_of(self, session_id: str, amount_cents: int) -> Dispute:
        """The buyer's bank disputes the payment."""
        intent = self.sessions[session_id].payment_intent_id
        dispute = Dispute(
            f"dp_{len(self.disputes)}",
            intent,
            amount_cents,
            "usd",
            "needs_response",
            withdrawn=False,
            reinstated=False,
        )
        self.disputes[dispute.id] = dispute
        return dispute

    async def create_customer(self, buyer: Buyer) -> str:
        """See the port."""
        await self._arrive("create_customer")
        return self.customers.setdefault(buyer.user_id, f"cus_{buyer.user_id.hex}")

    async def create_session(self, order: Order) -> CheckoutSession | CustomerGone:
        """See the port."""
        await self._arrive("create_session")
        if order.buyer.customer_id in self.gone_customers:
            return CustomerGone()
        self.orders.append(order)
        session = session_of(order, len(self.orders))
        self.sessions[session.id] = session
        if self.lose_answers:
            raise StripeUnavailable("the answer was lost")
        return session

    async def session(self, session_id: str) -> CheckoutSession | None:
        """See the port."""
        await self._arrive("session")
        return self.sessions.get(session_id)

    async def sessions_of(self, payment_intent_id: str) -> tuple[CheckoutSession, ...]:
        """See the port."""
        await self._arrive("sessions_of")
        found = self.sessions.values()
        return tuple(one for one in found if one.payment_intent_id == payment_intent_id)

    async def receipt_url(self, payment_intent_id: str) -> str | None:
        """See the port; a payment of nothing has none."""
        await self._arrive("receipt_url")
        found = (one for one in self.sessions.values() if one.payment_intent_id)
        intents = {one.payment_intent_id for one in found if one.amount_cents}
        known = payment_intent_id in intents
        return f"https://stripe.test/receipts/{payment_intent_id}" if known else None

    async def refund(self, refund_id: str) -> Refund | None:
        """See the port."""
        await self._arrive("refund")
        return self.refunds.get(refund_id)

    async def refunds_of(self, charge_id: str) -> tuple[Refund, ...]:
        """See the port; a charge is named like its payment."""
        await self._arrive("refunds_of")
        intent = charge_id.replace("ch_", "pi_")
        return tuple(one for one in self.refunds.values() if one.payment_intent_id == intent)

    async def dispute(self, dispute_id: str) -> Dispute | None:
        """See the port."""
        await self._arrive("dispute")
        return self.disputes.get(dispute_id)

    async def list_sessions(self, since: dt.datetime, after: str | None) -> Page[CheckoutSession]:
        """See the port."""
        await self._arrive("list_sessions")
        return _page(list(self.sessions.values()), after)

    async def list_refunds(self, since: dt.datetime, after: str | None) -> Page[Refund]:
        """See the port."""
        await self._arrive("list_refunds")
        return _page(list(self.refunds.values()), after)

    async def list_disputes(self, since: dt.datetime, after: str | None) -> Page[Dispute]:
        """See the port."""
        await self._arrive("list_disputes")
        return _page(list(self.disputes.values()), after)


def _page(items: list[T], after: str | None) -> Page[T]:
    ids = [one.id for one in items]
    start = 0 if after is None else ids.index(after) + 1
    part = tuple(items[start : start + PAGE])
    return Page(part, part[-1].id if start + PAGE < len(items) else None)
