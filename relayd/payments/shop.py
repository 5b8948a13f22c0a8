"""Selling credit: what routes, daemon and command line talk to.

A purchase is a row of ours before Stripe hears of it, and the row decides: which package, at
what price, for whom, and whether it was credited. Expected outcomes are values.
"""

import datetime as dt
import enum
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID, uuid4

import attrs
import trio

from relayd import config, logs
from relayd.config import Package
from relayd.database.ports import Database
from relayd.errors import StripeUnavailable
from relayd.identity import Principal
from relayd.ledger import balances
from relayd.payments.books import purchases
from relayd.payments.books.purchases import Purchase
from relayd.payments.books.receipts import Bought, ReceiptRefusal, list_bought, paid_intent
from relayd.payments.books.subscriptions import ForSubscribers
from relayd.payments.fulfilment.events import EventQueue
from relayd.payments.fulfilment.fulfilment import Fulfilment
from relayd.payments.fulfilment.reconciliation import Reconciled, Reconciliation
from relayd.payments.fulfilment.signature import Rejected, Standard, read_event
from relayd.payments.ports import PurchaseOrder, PurchaseState, StripeApi
from relayd.payments.selling.checkouts import CheckoutUrl, open_checkout
from relayd.payments.selling.customers import CustomerOutbox
from relayd.payments.selling.prices import plans_for_sale
from relayd.payments.selling.subscribing import Subscribing
from relayd.payments.stripe.api import API_VERSION, open_stripe

__all__ = ["Accepted", "CheckoutRefusal", "CheckoutUrl", "Rejected", "Shop", "open_shop"]

log = logs.get(__name__)

# The page that a buyer returns to asks again anyway, so it never waits longer than this.
LOOK_SECONDS: Final = 2.0
# Somebody looks at an empty tab meanwhile.
RECEIPT_SECONDS: Final = 5.0
# Of a user's list: more than anybody reads.
BOUGHT_MAX: Final = 100


class CheckoutRefusal(enum.Enum):
    """Why nothing can be bought now."""

    UNKNOWN_PACKAGE = "there is no such package"
    UNKNOWN_USER = "there is no such user"
    CREDIT_FROZEN = "a payment of theirs is disputed"
    STRIPE_UNAVAILABLE = "Stripe can't be reached"


@attrs.frozen
class Accepted:
    """A message of Stripe's is kept, or of no interest."""


@attrs.frozen
class Shop:
    """Sales, while they are on. Raises `DatabaseUnavailable`."""

    database: Database
    stripe: StripeApi
    packages: Sequence[Package]
    standard: Standard
    reconcile_seconds: float = 240
    clock: Callable[[], float] = time.time
    new_id: Callable[[], UUID] = uuid4
    # What can be subscribed to.
    plans: Sequence[ForSubscribers] = ()
    fulfilment: Fulfilment = attrs.field(init=False)
    events: EventQueue = attrs.field(init=False)
    customers: CustomerOutbox = attrs.field(init=False)
    reconciliation: Reconciliation = attrs.field(init=False)
    subscribing: Subscribing = attrs.field(init=False)

    @fulfilment.default
    def _make_fulfilment(self) -> Fulfilment:
        return Fulfilment(self.database, self.stripe)

    @events.default
    def _make_events(self) -> EventQueue:
        return EventQueue(self.database, self.fulfilment)

    @customers.default
    def _make_customers(self) -> CustomerOutbox:
        return CustomerOutbox(self.database, self.stripe)

    @reconciliation.default
    def _make_reconciliation(self) -> Reconciliation:
        return Reconciliation(self.database, self.fulfilment)

    @subscribing.default
    def _make_subscribing(self) -> Subscribing:
        return Subscribing(self.database, self.fulfilment, self.plans, self.new_id)

    async def run(self) -> None:
        """Everything in the background, until cancelled; owned by the daemon."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.events.run)
            nursery.start_soon(self.customers.run)
            nursery.start_soon(self.reconciliation.run, self.reconcile_seconds)

    async def checkout(
        self, principal: Principal, package_id: str, base_url: str
    ) -> CheckoutUrl | CheckoutRefusal:
        """Begin a purchase. ``base_url`` is where the buyer's browser comes back to."""
        package = next((one for one in self.packages if one.id == package_id), None)
        if package is None:
            return CheckoutRefusal.UNKNOWN_PACKAGE
        balance = await self.database.transact(balances.read, principal.user_id)
        if balance is not None and balance.frozen:
            # What they bought could not be used.
            return CheckoutRefusal.CREDIT_FROZEN
        purchase_id = self.new_id()
        buyer = await self.database.transact(
            purchases.begin, purchase_id, principal.user_id, package
        )
        if buyer is None:
            return CheckoutRefusal.UNKNOWN_USER
        order = PurchaseOrder(
            id=purchase_id,
            buyer=buyer,
            package_id=package.id,
            label=package.label,
            price_cents=package.price_cents,
            currency=package.currency,
            base_url=base_url.rstrip("/"),
        )
        try:
            session = await open_checkout(self.database, self.stripe, order)
        except StripeUnavailable as error:
            await self._refuse(purchase_id, error)
            return CheckoutRefusal.STRIPE_UNAVAILABLE
        await self.database.transact(purchases.attach, purchase_id, session.id)
        if session.url is None:
            log.error("checkout session without an address", checkout_session=session.id)
            return CheckoutRefusal.STRIPE_UNAVAILABLE
        log.info(
            "checkout begun",
            purchase=purchase_id,
            user=principal.user_id,
            package=package.id,
            checkout_session=session.id,
        )
        return CheckoutUrl(session.url, session.id)

    async def fulfil(self, checkout_session_id: str) -> PurchaseState | None:
        """Ask Stripe how a Session stands and credit what is paid; None for a foreign one.

        Raises `StripeUnavailable`.
        """
        return await self.fulfilment.fulfil(checkout_session_id)

    async def purchase(
        self, principal: Principal, checkout_session_id: str, *, look: bool = True
    ) -> Purchase | None:
        """A purchase of this user's, as fresh as Stripe lets us know; None where there is none.

        With ``look`` Stripe is asked about one that is pending, so that a payment whose message
        was lost is credited by the page that its buyer sees.
        """
        found = await self._find(checkout_session_id)
        if found is None or found.user_id != principal.user_id:
            return None
        return await self._fresh(checkout_session_id, found) if look else found

    async def any_purchase(self, checkout_session_id: str) -> Purchase | None:
        """Anybody's purchase, as fresh as Stripe lets us know; None where there is none.

        What is told of it must be fit for whoever has the Session's id, which can't be guessed
        but stands in the address of the page that a buyer returns to.
        """
        found = await self._find(checkout_session_id)
        return None if found is None else await self._fresh(checkout_session_id, found)

    async def purchases(self, principal: Principal) -> list[Bought]:
        """What this user has bought, newest first."""
        return await self.database.transact(list_bought, principal.user_id, BOUGHT_MAX)

    async def receipt(self, principal: Principal, checkout_session_id: str) -> str | ReceiptRefusal:
        """Where the receipt of a purchase of this user's can be read, asked for anew each time."""
        found = await self.database.transact(paid_intent, principal.user_id, checkout_session_id)
        if isinstance(found, ReceiptRefusal):
            return found
        try:
            with trio.fail_after(RECEIPT_SECONDS):
                url = await self.stripe.receipt_url(found)
        except (StripeUnavailable, trio.TooSlowError) as error:
            log.warning("receipt not found", payment_intent=found, problem=str(error))
            return ReceiptRefusal.STRIPE_UNAVAILABLE
        return url or ReceiptRefusal.NO_RECEIPT

    async def webhook(self, raw: bytes, signature: str | None) -> Accepted | Rejected:
        """Keep a message of Stripe's, to be worked on in the background."""
        event = read_event(raw, signature, self.standard, self.clock())
        if isinstance(event, Rejected):
            tell = log.error if event.loud else log.warning
            tell("webhook rejected", code=event.code, problem=event.message)
            return event
        await self.events.accept(event)
        return Accepted()

    async def reconcile(self, since: dt.datetime | None = None) -> Reconciled:
        """Compare with Stripe's lists once. Raises `StripeUnavailable`."""
        return await self.reconciliation.compare(since)

    async def _find(self, session_id: str) -> Purchase | None:
        return await self.database.transact(purchases.find, session_id)

    async def _fresh(self, session_id: str, known: Purchase) -> Purchase | None:
        """The purchase after asking Stripe, where it waits for an answer."""
        if known.state is not PurchaseState.PENDING:
            return known
        try:
            with trio.move_on_after(LOOK_SECONDS):
                await self.fulfil(session_id)
        except StripeUnavailable as error:
            log.warning("purchase not looked up", purchase=known.id, problem=str(error))
        return await self._find(session_id)

    async def _refuse(self, purchase_id: UUID, error: StripeUnavailable) -> None:
        tell = log.error if error.refused else log.warning
        tell("checkout refused", purchase=purchase_id, problem=str(error))
        # Without an answer there may be a Session all the same: then the row waits for it.
        if error.refused:
            await self.database.transact(purchases.give_up, purchase_id)


@asynccontextmanager
async def open_shop(configured: config.Config, database: Database) -> AsyncIterator[Shop | None]:
    """The shop of this configuration; None where nothing is for sale."""
    settings = configured.stripe
    if not settings.sales:
        yield None
        return
    standard = Standard(settings.webhook_secrets, API_VERSION, settings.live)
    async with open_stripe(settings) as api:
        yield Shop(
            database,
            api,
            configured.packages,
            standard,
            settings.reconcile_seconds,
            plans=plans_for_sale(configured),
        )
