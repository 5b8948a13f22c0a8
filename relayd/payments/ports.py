"""What the shop needs of Stripe: one port, and the values that cross it.

The values hold what decides and nothing else: no name, no address, nothing of a card.
"""

import datetime as dt
import enum
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import attrs

__all__ = [
    "Buyer",
    "CheckoutSession",
    "CustomerGone",
    "Dispute",
    "Invoice",
    "ListPage",
    "Price",
    "PurchaseOrder",
    "PurchaseState",
    "Refund",
    "StripeApi",
    "Subscription",
    "SubscriptionOrder",
]

T_co = TypeVar("T_co", covariant=True)

# Unpaid, and the attempt is over: the payment wants another method, or was given up.
_FAILED_INTENTS = frozenset({"requires_payment_method", "canceled"})
_FAILED_REFUNDS = frozenset({"failed", "canceled"})
_CLOSED_DISPUTES = frozenset({"won", "lost", "warning_closed", "prevented"})
# From these a subscription never comes back; from every other it may renew, or be paid after all.
_ENDED_SUBSCRIPTIONS = frozenset({"canceled", "incomplete_expired"})


class PurchaseState(enum.Enum):
    """How a purchase stands. ``PAID`` is for ever: what is taken back later stands beside it."""

    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"


@attrs.frozen
class CheckoutSession:
    """A Checkout Session as it stands now."""

    id: str
    # Our purchase or subscription, as we said when we made it.
    client_reference_id: str | None
    status: str | None
    payment_status: str
    amount_cents: int | None
    currency: str | None
    payment_intent_id: str | None
    # None where Stripe was not asked for it.
    payment_intent_status: str | None = None
    url: str | None = None
    # Of a Session that begins a subscription, once it was gone through. It has no payment of its
    # own: its first invoice has.
    subscription_id: str | None = None
    invoice_id: str | None = None
    customer_id: str | None = None
    # Whether it is for a subscription, and not for a package.
    subscribes: bool = False

    def state(self, *, said_failed: bool = False) -> PurchaseState:
        """What it means for the purchase. ``said_failed``: a message said that payment failed."""
        if self.payment_status in {"paid", "no_payment_required"}:
            # A Session that is open has not been gone through, whatever it costs.
            return PurchaseState.PENDING if self.status == "open" else PurchaseState.PAID
        if self.status == "expired":
            return PurchaseState.EXPIRED
        failed = said_failed or self.payment_intent_status in _FAILED_INTENTS
        if self.status == "complete" and failed:
            return PurchaseState.FAILED
        return PurchaseState.PENDING


@attrs.frozen
class Refund:
    """A refund as it stands now."""

    id: str
    payment_intent_id: str | None
    amount_cents: int
    currency: str
    status: str

    @property
    def effective(self) -> bool:
        """Whether the money is on its way back, or there."""
        return self.status not in _FAILED_REFUNDS


@attrs.frozen
class Dispute:
    """A dispute as it stands now.

    ``withdrawn``: the bank has the money. ``reinstated``: it had, and gave it back. Both come
    from the dispute's balance transactions, whose sum is negative while the money is away.
    """

    id: str
    payment_intent_id: str | None
    amount_cents: int
    currency: str
    status: str
    withdrawn: bool
    reinstated: bool

    @property
    def open(self) -> bool:
        """Whether it is still to be decided."""
        return self.status not in _CLOSED_DISPUTES and not self.reinstated


@attrs.frozen
class Buyer:
    """Whom a payment is for. The address goes to Stripe and nowhere else."""

    user_id: UUID
    email: str = attrs.field(repr=False)
    customer_id: str | None


@attrs.frozen
class PurchaseOrder:
    """A purchase as Stripe is asked for a Session of it; ``id`` is also the idempotency key."""

    id: UUID
    buyer: Buyer
    package_id: str
    label: str
    price_cents: int
    currency: str
    base_url: str


@attrs.frozen
class SubscriptionOrder:
    """A subscription as Stripe is asked for a Session of it; ``id`` is also the idempotency key."""

    id: UUID
    buyer: Buyer
    plan: str
    price_id: str
    base_url: str


@attrs.frozen
class Subscription:
    """A subscription as it stands now.

    ``cancels``: it ends with its period. The period is that of its items: the subscription itself
    has none since version 2025-03-31.
    """

    id: str
    status: str
    customer_id: str
    cancels: bool
    period_end: dt.datetime | None

    @property
    def running(self) -> bool:
        """Whether it may still bring invoices, or have one paid."""
        return self.status not in _ENDED_SUBSCRIPTIONS


@attrs.frozen
class Invoice:
    """An invoice of a subscription as it stands now.

    ``period_end`` is that of the line for the subscription's own price, which is when what it pays
    for is over; None where it has no such line. The invoice's own period is another one: the one
    that its items were collected in.
    """

    id: str
    # None where it is of no subscription.
    subscription_id: str | None
    status: str
    # What was paid of it, by whatever means.
    amount_cents: int
    currency: str
    price_id: str | None
    period_end: dt.datetime | None
    # Of the payment that paid it; None where nothing had to be paid.
    payment_intent_id: str | None

    @property
    def paid(self) -> bool:
        """Whether it is, which is for ever."""
        return self.status == "paid"


@attrs.frozen
class Price:
    """What a subscription costs. ``interval``: "month" and such; None of what is paid once."""

    id: str
    active: bool
    amount_cents: int | None
    currency: str
    interval: str | None
    interval_count: int


@attrs.frozen
class CustomerGone:
    """Stripe does not know this customer any more: deleted, or of another mode or account."""


@attrs.frozen
class ListPage(Generic[T_co]):
    """Part of a list, newest first; ``after`` asks for the next part, None at the end."""

    items: tuple[T_co, ...]
    after: str | None


class StripeApi(Protocol):
    """Stripe. Raises `StripeUnavailable`; what it does not know is None."""

    @property
    def call_seconds(self) -> float:
        """The longest that one call takes, its repetitions included."""

    async def create_customer(self, buyer: Buyer) -> str:
        """Make the customer of a user; the same user again is the same customer."""

    async def create_session(
        self, order: PurchaseOrder | SubscriptionOrder
    ) -> CheckoutSession | CustomerGone:
        """Make the Checkout Session of an order; the same order again is the same one."""

    async def create_portal(self, customer_id: str, return_url: str) -> str | CustomerGone:
        """A page on which this customer looks after their subscription, for some minutes."""

    async def cancel_subscription(self, subscription_id: str) -> Subscription | None:
        """Have a subscription end with its period; how it stands then."""

    async def session(self, session_id: str) -> CheckoutSession | None:
        """A Session, with the status of its payment."""

    async def sessions_of(self, payment_intent_id: str) -> tuple[CheckoutSession, ...]:
        """The Sessions (one, in truth) that a payment belongs to."""

    async def sessions_of_subscription(self, subscription_id: str) -> tuple[CheckoutSession, ...]:
        """The Sessions (one, or none) that a subscription was begun with."""

    async def subscription(self, subscription_id: str) -> Subscription | None:
        """A subscription."""

    async def invoice(self, invoice_id: str) -> Invoice | None:
        """An invoice, with what paid it."""

    async def invoice_ids_of(self, payment_intent_id: str) -> tuple[str, ...]:
        """The invoices (one, or none) that a payment is for."""

    async def price(self, price_id: str) -> Price | None:
        """A price."""

    async def receipt_url(self, payment_intent_id: str) -> str | None:
        """Where the receipt of a payment can be read; for some weeks, by whoever has it."""

    async def refund(self, refund_id: str) -> Refund | None:
        """A refund."""

    async def refunds_of(self, charge_id: str) -> tuple[Refund, ...]:
        """Every refund of a charge."""

    async def dispute(self, dispute_id: str) -> Dispute | None:
        """A dispute."""

    async def list_sessions(
        self, since: dt.datetime, after: str | None
    ) -> ListPage[CheckoutSession]:
        """Sessions made since then."""

    async def list_invoices(self, since: dt.datetime, after: str | None) -> ListPage[Invoice]:
        """Invoices made since then, with what paid them."""

    async def list_refunds(self, since: dt.datetime, after: str | None) -> ListPage[Refund]:
        """Refunds made since then."""

    async def list_disputes(self, since: dt.datetime, after: str | None) -> ListPage[Dispute]:
        """Disputes made since then."""
