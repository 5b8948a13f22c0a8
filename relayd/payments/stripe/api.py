"""Stripe through its official SDK, on Trio: deadlines, retries, and errors in our own terms.

The SDK's own retries are off: every request that changes something carries an idempotency
key, so all of them may be repeated, a few times and here. The API version is that of the SDK,
whose types these are; an upgrade of the SDK is an upgrade of the version, to be tested.
"""

import datetime as dt
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import attrs
import stripe
import trio

from relayd import config
from relayd.errors import StripeUnavailable
from relayd.payments.ports import (
    Buyer,
    CheckoutSession,
    CustomerGone,
    Dispute,
    Invoice,
    ListPage,
    Price,
    PurchaseOrder,
    Refund,
    Subscription,
    SubscriptionOrder,
)
from relayd.payments.stripe.orders import parameters_of
from relayd.payments.stripe.values import (
    dispute_of,
    invoice_of,
    price_of,
    refund_of,
    session_of,
    subscription_of,
)

__all__ = ["API_VERSION", "SdkStripe", "open_stripe"]

T = TypeVar("T")

# What the SDK's types describe; `stripe_version` sends it with every request.
API_VERSION: Final[str] = stripe.api_version
# Before the second and the third attempt: long enough for a restart of something over there,
# short enough for somebody who waits for the checkout page.
PAUSES_SECONDS: Final = (0.5, 1.5)
PAGE: Final = 100
_MISSING: Final = "resource_missing"
_CONFLICT: Final = 409
_TOO_MANY: Final = 429
_SERVER_ERRORS: Final = 500


@asynccontextmanager
async def open_stripe(settings: config.Stripe) -> AsyncIterator["SdkStripe"]:
    """The API with the configured key. Nothing is sent until it is used."""
    _quieten()
    http_client = stripe.HTTPXClient(timeout=settings.request_seconds)
    client = stripe.StripeClient(
        settings.api_key.reveal(),
        http_client=http_client,
        base_addresses={"api": settings.api_url.rstrip("/")},
        stripe_version=API_VERSION,
        max_network_retries=0,
    )
    try:
        yield SdkStripe(client, settings.request_seconds)
    finally:
        with trio.move_on_after(2, shield=True):
            await http_client.close_async()  # type: ignore[no-untyped-call]


@attrs.frozen
class SdkStripe:
    """Implements `relayd.payments.ports.StripeApi`."""

    client: stripe.StripeClient
    request_seconds: float = 10

    @property
    def call_seconds(self) -> float:
        """See the port: every attempt, and the pauses between them."""
        return (len(PAUSES_SECONDS) + 1) * self.request_seconds + sum(PAUSES_SECONDS)

    async def create_customer(self, buyer: Buyer) -> str:
        """See the port."""
        customer = await self._call(
            self.client.v1.customers.create_async,
            {"email": buyer.email, "metadata": {"user_id": str(buyer.user_id)}},
            {"idempotency_key": f"relayd-customer-{buyer.user_id}"},
        )
        return customer.id

    async def create_session(
        self, order: PurchaseOrder | SubscriptionOrder
    ) -> CheckoutSession | CustomerGone:
        """See the port. No payment_method_types: Stripe offers what fits the buyer."""
        key = f"relayd-checkout-{order.id}"
        if order.buyer.customer_id is None:
            # Other parameters than with a customer, so another key.
            key += "-guest"
        try:
            session = await self._call(
                self.client.v1.checkout.sessions.create_async,
                parameters_of(order),
                {"idempotency_key": key},
            )
        except _Missing as missing:
            if missing.parameter == "customer":
                return CustomerGone()
            raise StripeUnavailable(str(missing), refused=True) from missing
        return session_of(session)

    async def create_portal(self, customer_id: str, return_url: str) -> str | CustomerGone:
        """See the port. What it offers is set in Stripe's dashboard."""
        try:
            portal = await self._call(
                self.client.v1.billing_portal.sessions.create_async,
                {"customer": customer_id, "return_url": return_url},
            )
        except _Missing as missing:
            if missing.parameter == "customer":
                return CustomerGone()
            raise StripeUnavailable(str(missing), refused=True) from missing
        return portal.url

    async def cancel_subscription(self, subscription_id: str) -> Subscription | None:
        """See the port; said again it changes nothing."""
        found = await self._find(
            self.client.v1.subscriptions.update_async,
            subscription_id,
            {"cancel_at_period_end": True},
        )
        return None if found is None else subscription_of(found)

    async def session(self, session_id: str) -> CheckoutSession | None:
        """See the port."""
        found = await self._find(
            self.client.v1.checkout.sessions.retrieve_async,
            session_id,
            {"expand": ["payment_intent"]},
        )
        return None if found is None else session_of(found)

    async def sessions_of(self, payment_intent_id: str) -> tuple[CheckoutSession, ...]:
        """See the port."""
        found = await self._call(
            self.client.v1.checkout.sessions.list_async,
            {"payment_intent": payment_intent_id, "expand": ["data.payment_intent"]},
        )
        return tuple(session_of(one) for one in found.data)

    async def sessions_of_subscription(self, subscription_id: str) -> tuple[CheckoutSession, ...]:
        """See the port."""
        found = await self._call(
            self.client.v1.checkout.sessions.list_async, {"subscription": subscription_id}
        )
        return tuple(session_of(one) for one in found.data)

    async def subscription(self, subscription_id: str) -> Subscription | None:
        """See the port."""
        found = await self._find(self.client.v1.subscriptions.retrieve_async, subscription_id)
        return None if found is None else subscription_of(found)

    async def invoice(self, invoice_id: str) -> Invoice | None:
        """See the port."""
        found = await self._find(
            self.client.v1.invoices.retrieve_async, invoice_id, {"expand": ["payments"]}
        )
        return None if found is None else invoice_of(found)

    async def invoice_ids_of(self, payment_intent_id: str) -> tuple[str, ...]:
        """See the port."""
        payment = {"type": "payment_intent", "payment_intent": payment_intent_id}
        found = await self._call(self.client.v1.invoice_payments.list_async, {"payment": payment})
        named = [one.invoice for one in found.data]
        return tuple(one if isinstance(one, str) else one.id for one in named)

    async def price(self, price_id: str) -> Price | None:
        """See the port."""
        found = await self._find(self.client.v1.prices.retrieve_async, price_id)
        return None if found is None else price_of(found)

    async def receipt_url(self, payment_intent_id: str) -> str | None:
        """See the port; the charge that paid is the intent's latest."""
        found = await self._find(
            self.client.v1.payment_intents.retrieve_async,
            payment_intent_id,
            {"expand": ["latest_charge"]},
        )
        charge = None if found is None else found.latest_charge
        return charge.receipt_url if isinstance(charge, stripe.Charge) else None

    async def refund(self, refund_id: str) -> Refund | None:
        """See the port."""
        found = await self._find(self.client.v1.refunds.retrieve_async, refund_id)
        return None if found is None else refund_of(found)

    async def refunds_of(self, charge_id: str) -> tuple[Refund, ...]:
        """See the port; a charge has far fewer than a page of them."""
        found = await self._call(
            self.client.v1.refunds.list_async, {"charge": charge_id, "limit": PAGE}
        )
        return tuple(refund_of(one) for one in found.data)

    async def dispute(self, dispute_id: str) -> Dispute | None:
        """See the port."""
        found = await self._find(self.client.v1.disputes.retrieve_async, dispute_id)
        return None if found is None else dispute_of(found)

    async def list_sessions(
        self, since: dt.datetime, after: str | None
    ) -> ListPage[CheckoutSession]:
        """See the port."""
        found = await self._call(
            self.client.v1.checkout.sessions.list_async,
            {**_listing(since, after), "expand": ["data.payment_intent"]},
        )
        return ListPage(tuple(session_of(one) for one in found.data), _after(found))

    async def list_invoices(self, since: dt.datetime, after: str | None) -> ListPage[Invoice]:
        """See the port."""
        found = await self._call(
            self.client.v1.invoices.list_async,
            {**_listing(since, after), "expand": ["data.payments"]},
        )
        return ListPage(tuple(invoice_of(one) for one in found.data), _after(found))

    async def list_refunds(self, since: dt.datetime, after: str | None) -> ListPage[Refund]:
        """See the port."""
        found = await self._call(self.client.v1.refunds.list_async, _listing(since, after))
        return ListPage(tuple(refund_of(one) for one in found.data), _after(found))

    async def list_disputes(self, since: dt.datetime, after: str | None) -> ListPage[Dispute]:
        """See the port."""
        found = await self._call(self.client.v1.disputes.list_async, _listing(since, after))
        return ListPage(tuple(dispute_of(one) for one in found.data), _after(found))

    async def _find(self, method: Callable[..., Awaitable[T]], *arguments: Any) -> T | None:
        try:
            return await self._call(method, *arguments)
        except _Missing:
            return None

    async def _call(self, method: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """One request with its repetitions. Raises `StripeUnavailable` or `_Missing`."""
        for pause in PAUSES_SECONDS:
            try:
                return await self._once(method, *arguments)
            except StripeUnavailable as error:
                if error.refused:
                    raise
            await trio.sleep(pause)
        return await self._once(method, *arguments)

    async def _once(self, method: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        try:
            with trio.fail_after(self.request_seconds):
                return await method(*arguments)
        except trio.TooSlowError as error:
            message = f"Stripe did not answer within {self.request_seconds:g} s"
            raise StripeUnavailable(message) from error
        except stripe.StripeError as error:
            raise _translated(error) from _stripped(error)


class _Missing(Exception):  # noqa: N818 - internal: an answer on its way to becoming a value
    """Stripe does not know what was named."""

    def __init__(self, message: str, parameter: str | None) -> None:
        super().__init__(message)
        self.parameter = parameter


def _translated(error: stripe.StripeError) -> StripeUnavailable | _Missing:
    """Its own words may quote an address or a part of the key, so only its codes are kept."""
    parameter = getattr(error, "param", None)
    facts = [type(error).__name__, error.code, parameter, error.http_status, error.request_id]
    message = "Stripe: " + " ".join(str(one) for one in facts if one)
    if error.code == _MISSING:
        return _Missing(message, parameter)
    status = error.http_status
    passing = status is None or status in {_CONFLICT, _TOO_MANY} or status >= _SERVER_ERRORS
    return StripeUnavailable(message, refused=not passing)


def _stripped(error: stripe.StripeError) -> BaseException | None:
    """What may stand in a traceback: the network's trouble, not what Stripe quotes back."""
    return error.__cause__


def _listing(since: dt.datetime, after: str | None) -> dict[str, Any]:
    listing: dict[str, Any] = {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
    if after is not None:
        listing["starting_after"] = after
    return listing


def _after(found: "stripe.ListObject[Any]") -> str | None:
    return found.data[-1].id if found.has_more and found.data else None


def _quieten() -> None:
    """No line for each request, and never one with its parameters: an address is among them."""
    stripe.enable_telemetry = False
    for name in ("stripe", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
