"""What a look at Stripe leads to: credit, taken back credit, frozen credit.

Messages, the page that a buyer returns to, and reconciliation all come here, in any order and
any number of times: what decides is how the object stands at Stripe, not who told of it.
"""

from typing import Final

import attrs

from relayd import logs
from relayd.database.ports import Database
from relayd.payments import purchases, reversals
from relayd.payments.ports import CheckoutSession, Dispute, PurchaseState, Refund, StripeApi
from relayd.payments.purchases import Settled
from relayd.payments.reversals import Applied, NotApplied

__all__ = ["Fulfilment"]

log = logs.get(__name__)

# Refunds and disputes of other programs on the same Stripe account: asked about once. Some
# 60 bytes each; beyond this all are forgotten and asked about again.
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
    ) -> Settled | None:
        """Do what follows from a Session that was just fetched."""
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

    async def look(self) -> int:
        """The number of a look at refunds or disputes; take it before fetching them."""
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
            found = await self.stripe.sessions_of(said.payment_intent_id)
            settled = [await self.settle(session) for session in found]
            if any(settled):
                applied = await self.database.transact(reversals.apply, said, look)
            else:
                self._remember_foreign(said.id)
        _report(said, applied)
        return applied

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
        log.warning("reversal of a purchase that is not paid", reversal=said.id)
    elif isinstance(applied, Applied) and applied.changed:
        # A dispute has a deadline for an answer: worth a look, and no fault.
        tell = log.info if isinstance(said, Refund) else log.warning
        tell(
            "refund recorded" if isinstance(said, Refund) else "dispute recorded",
            reversal=said.id,
            status=said.status,
            purchase=applied.purchase_id,
            user=applied.user_id,
            change_ms=applied.change_ms,
            frozen=applied.frozen,
        )
