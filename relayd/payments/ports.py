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
    "ListPage",
    "PurchaseOrder",
    "PurchaseState",
    "Refund",
    "StripeApi",
]

T_co = TypeVar("T_co", covariant=True)

# Unpaid, and the attempt is over: the payment wants another method, or was given up.
_FAILED_INTENTS = frozenset({"requires_payment_method", "canceled"})
_FAILED_REFUNDS = frozenset({"failed", "canceled"})
_CLOSED_DISPUTES = frozenset({"won", "lost", "warning_closed", "prevented"})


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
    # Our purchase, as we said when we made it.
    client_reference_id: str | None
    status: str | None
    payment_status: str
    amount_cents: int | None
    currency: str | None
    payment_intent_id: str | None
    # None where Stripe was not asked for it.
    payment_intent_status: str | None = None
    url: str | None = None

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

    async def create_session(self, order: PurchaseOrder) -> CheckoutSession | CustomerGone:
        """Make the Checkout Session of a purchase; the same purchase again is the same one."""

    async def session(self, session_id: str) -> CheckoutSession | None:
        """A Session, with the status of its payment."""

    async def sessions_of(self, payment_intent_id: str) -> tuple[CheckoutSession, ...]:
        """The Sessions (one, in truth) that a payment belongs to."""

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

    async def list_refunds(self, since: dt.datetime, after: str | None) -> ListPage[Refund]:
        """Refunds made since then."""

    async def list_disputes(self, since: dt.datetime, after: str | None) -> ListPage[Dispute]:
        """Disputes made since then."""
