"""What a look at Stripe leads to: credit, taken back credit, frozen credit.

Messages, the page that a buyer returns to, and reconciliation all come here, in any order and
any number of times: what decides is how the object stands at Stripe, not who told of it.
"""

from typing import Final

import attrs

from relayd import logs
from relayd.database.ports import Database
from relayd.payments.books import invoices, purchases, reversals, subscriptions
from relayd.payments.books.invoices import Billed
from relayd.payments.books.purchases import Settled
from relayd.payments.books.reversals import Applied, NotApplied
from relayd.payments.books.subscriptions import Subscribed
from relayd.payments.ports import (
    CheckoutSession,
    Dispute,
    Invoice,
    PurchaseState,
    Refund,
    StripeApi,
    Subscription,
)

__all__ = ["Fulfilment"]

log = logs.get(__name__)

# Refunds, disputes and subscriptions of other programs on the same Stripe account: asked about
# once. Some 60 bytes each; beyond this all are forgotten and asked about again.
FOREIGN_MAX: Final = 10_000


@attrs.define(eq=False)
class Fulfilment:
    """Raises `StripeUnavailable` and `DatabaseUnavailable`; every call may be repeated."""

    database: Database
    stripe: StripeApi
    _foreign: set[str] = attrs.field(factory=set, init=False)

    async def fulfil(self, session_id: str, *, said_failed: bool = False) -> PurchaseState | None:
        """Fetch a Session and do what follows from it; None for one that is not ours."""
        session = await self.stripe.session(session_id)
        if session is None:
            return None
        settled = await self.settle(session, said_failed=said_failed)
        return None if settled is None else settled.state

    async def settle(
        self, session: CheckoutSession, *, said_failed: bool = False
    ) -> Settled | Subscribed | None:
        """Do what follows from a Session that was just fetched."""
        if session.subscribes:
            return await self._subscribed(session)
        state = session.state(said_failed=said_failed)
        settled = await self.database.transact(purchases.settle, session, state)
        if settled is not None and settled.changed:
            log.info(
                "purchase settled",
                purchase=settled.purchase_id,
                user=settled.user_id,
                state=settled.state.value,
                checkout_session=session.id,
            )
            _compare_amounts(session, settled)
        return settled

    async def invoice(self, invoice_id: str) -> Billed | None:
        """Fetch an invoice and do what follows from it; None for one that is not ours."""
        look = await self.look()
        invoice = await self.stripe.invoice(invoice_id)
        return None if invoice is None else await self.bill(invoice, look)

    async def bill(self, invoice: Invoice, look: int) -> Billed | None:
        """Do what follows from an invoice that was fetched after this look was numbered.

        Where the news of the subscription itself was lost, that is made up for first.
        """
        if invoice.subscription_id is None:
            return None
        billed = await self.database.transact(invoices.settle, invoice, look)
        # Ours may have been recorded by another process since it was taken for a foreign one.
        if billed is None and invoice.subscription_id in self._foreign:
            return None
        if billed is None:
            found = await self.stripe.sessions_of_subscription(invoice.subscription_id)
            for session in found:
                if await self.database.transact(subscriptions.settle, session) is not None:
                    billed = await self.database.transact(invoices.settle, invoice, look)
        if billed is None:
            self._remember_foreign(invoice.subscription_id)
        elif billed.changed:
            log.info(
                "invoice recorded",
                invoice=invoice.id,
                user=billed.user_id,
                status=billed.status,
                granted_ms=billed.granted_ms,
            )
        return billed

    async def subscription(self, subscription_id: str) -> bool:
        """Fetch a subscription and record how it stands; whether that is news."""
        look = await self.look()
        said = await self.stripe.subscription(subscription_id)
        if said is None:
            await self.database.transact(subscriptions.lose, subscription_id, look)
            return False
        return await self._record(said, look)

    async def call_off(self, subscription_id: str) -> bool:
        """Have a subscription end with its period; whether that is news."""
        look = await self.look()
        said = await self.stripe.cancel_subscription(subscription_id)
        return said is not None and await self._record(said, look)

    async def look(self) -> int:
        """The number of a look at what may change back; take it before fetching it."""
        return await self.database.transact(reversals.take_look)

    async def refund(self, refund_id: str) -> Applied | NotApplied | None:
        """Fetch a refund and do what follows from it; None where Stripe has none of this id."""
        look = await self.look()
        return await self._reverse_found(refund_id, await self.stripe.refund(refund_id), look)

    async def dispute(self, dispute_id: str) -> Applied | NotApplied | None:
        """The same of a dispute."""
        look = await self.look()
        return await self._reverse_found(dispute_id, await self.stripe.dispute(dispute_id), look)

    async def refunds_of(self, charge_id: str) -> list[Applied | NotApplied]:
        """The same of every refund of a charge."""
        look = await self.look()
        return [await self.reverse(one, look) for one in await self.stripe.refunds_of(charge_id)]

    async def reverse(self, said: Refund | Dispute, look: int) -> Applied | NotApplied:
        """Do what follows from a refund or dispute fetched after this look was numbered.

        Where the news of the payment itself was lost, that is made up for first.
        """
        if said.payment_intent_id is None or said.id in self._foreign:
            return NotApplied.UNKNOWN
        applied = await self.database.transact(reversals.apply, said, look)
        if isinstance(applied, NotApplied):
            if await self._make_up_for(said.payment_intent_id):
                applied = await self.database.transact(reversals.apply, said, look)
            else:
                self._remember_foreign(said.id)
        _report(said, applied)
        return applied

    async def _make_up_for(self, payment_intent_id: str) -> bool:
        """What this payment paid for is recorded; whether anything of ours was among it."""
        found = await self.stripe.sessions_of(payment_intent_id)
        settled = [await self.settle(session) is not None for session in found]
        if not found:
            invoice_ids = await self.stripe.invoice_ids_of(payment_intent_id)
            settled = [await self.invoice(key) is not None for key in invoice_ids]
        return any(settled)

    async def _subscribed(self, session: CheckoutSession) -> Subscribed | None:
        """A Session that began a subscription: what it gives, its first invoice says."""
        subscribed = await self.database.transact(subscriptions.settle, session)
        if subscribed is None or session.subscription_id is None:
            return subscribed
        if subscribed.changed:
            log.info(
                "subscription begun",
                subscription=subscribed.id,
                user=subscribed.user_id,
                checkout_session=session.id,
            )
        if session.invoice_id is not None:
            await self.invoice(session.invoice_id)
        await self.subscription(session.subscription_id)
        return subscribed

    async def _record(self, said: Subscription, look: int) -> bool:
        changed = await self.database.transact(subscriptions.record, said, look)
        if changed:
            log.info(
                "subscription recorded",
                stripe_subscription=said.id,
                status=said.status,
                cancels=said.cancels,
            )
        return changed

    async def _reverse_found(
        self, key: str, said: Refund | Dispute | None, look: int
    ) -> Applied | NotApplied | None:
        if said is not None:
            return await self.reverse(said, look)
        await self.database.transact(reversals.looked, key, look)
        return None

    def _remember_foreign(self, key: str) -> None:
        if len(self._foreign) >= FOREIGN_MAX:
            self._foreign.clear()
        self._foreign.add(key)


def _compare_amounts(session: CheckoutSession, settled: Settled) -> None:
    """The price was ours to say, so anything else that was paid needs a person."""
    if settled.state is not PurchaseState.PAID or session.payment_status != "paid":
        return
    if (session.amount_cents, session.currency) != (settled.price_cents, settled.currency):
        log.error(
            "paid amount is not the price",
            purchase=settled.purchase_id,
            checkout_session=session.id,
            paid=session.amount_cents,
            price=settled.price_cents,
        )


def _report(said: Refund | Dispute, applied: Applied | NotApplied) -> None:
    if applied is NotApplied.NOT_PAID:
        log.warning("reversal of what is not paid", reversal=said.id)
    elif isinstance(applied, Applied) and applied.changed:
        # A dispute has a deadline for an answer: worth a look, and no fault.
        tell = log.info if isinstance(said, Refund) else log.warning
        tell(
            "refund recorded" if isinstance(said, Refund) else "dispute recorded",
            reversal=said.id,
            status=said.status,
            paid_for=applied.paid_for,
            user=applied.user_id,
            change_ms=applied.change_ms,
            frozen=applied.frozen,
        )
