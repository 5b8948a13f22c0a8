"""The port to Stripe without the SDK: the stand-in's API, asked directly, for speed.

That it says what the SDK's adapter says is tested (`test_direct_stripe`).
"""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import attrs
import trio

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
from tests.stripe_standin import Api
from tests.stripe_standin.shapes import Json

__all__ = ["DirectStripe", "dispute_of", "refund_of"]

_SESSIONS: Final = "/v1/checkout/sessions"


@attrs.define(eq=False)
class DirectStripe:
    """Implements `relayd.payments.ports.StripeApi`; nothing is tried twice."""

    api: Api
    call_seconds: float = 1.0
    page_items: int = 100

    async def create_customer(self, buyer: Buyer) -> str:
        """See the port."""
        body = {"email": buyer.email, "metadata[user_id]": str(buyer.user_id)}
        found = await self.ask("/v1/customers", body=body, key=f"customer-{buyer.user_id}")
        customer_id: str = found["id"]
        return customer_id

    async def create_session(
        self, order: PurchaseOrder | SubscriptionOrder
    ) -> CheckoutSession | CustomerGone:
        """See the port."""
        body = {
            "client_reference_id": str(order.id),
            "line_items[0][quantity]": "1",
            "success_url": f"{order.base_url}/success",
            "cancel_url": f"{order.base_url}/cancel",
            **(_bought(order) if isinstance(order, PurchaseOrder) else _subscribed(order)),
        }
        key = f"checkout-{order.id}-guest"
        if order.buyer.customer_id is not None:
            body["customer"] = order.buyer.customer_id
            key = f"checkout-{order.id}"
        made = await self.ask(_SESSIONS, body=body, key=key)
        return CustomerGone() if made is None else _session(made)

    async def create_portal(self, customer_id: str, return_url: str) -> str | CustomerGone:
        """See the port."""
        body = {"customer": customer_id, "return_url": return_url}
        made = await self.ask("/v1/billing_portal/sessions", body=body)
        return CustomerGone() if made is None else str(made["url"])

    async def cancel_subscription(self, subscription_id: str) -> Subscription | None:
        """See the port."""
        body = {"cancel_at_period_end": "true"}
        found = await self.ask(f"/v1/subscriptions/{subscription_id}", body=body)
        return None if found is None else _subscription(found)

    async def session(self, session_id: str) -> CheckoutSession | None:
        """See the port."""
        query = {"expand[]": "payment_intent"}
        found = await self.ask(f"{_SESSIONS}/{session_id}", query=query)
        return None if found is None else _session(found)

    async def sessions_of(self, payment_intent_id: str) -> tuple[CheckoutSession, ...]:
        """See the port."""
        query = {"payment_intent": payment_intent_id, "expand[]": "data.payment_intent"}
        found = await self.ask(_SESSIONS, query=query)
        return tuple(_session(one) for one in found["data"])

    async def sessions_of_subscription(self, subscription_id: str) -> tuple[CheckoutSession, ...]:
        """See the port."""
        found = await self.ask(_SESSIONS, query={"subscription": subscription_id})
        return tuple(_session(one) for one in found["data"])

    async def subscription(self, subscription_id: str) -> Subscription | None:
        """See the port."""
        found = await self.ask(f"/v1/subscriptions/{subscription_id}")
        return None if found is None else _subscription(found)

    async def invoice(self, invoice_id: str) -> Invoice | None:
        """See the port."""
        found = await self.ask(f"/v1/invoices/{invoice_id}", query={"expand[]": "payments"})
        return None if found is None else _invoice(found)

    async def invoice_ids_of(self, payment_intent_id: str) -> tuple[str, ...]:
        """See the port."""
        query = {"payment[type]": "payment_intent", "payment[payment_intent]": payment_intent_id}
        found = await self.ask("/v1/invoice_payments", query=query)
        return tuple(one["invoice"] for one in found["data"])

    async def price(self, price_id: str) -> Price | None:
        """See the port."""
        found = await self.ask(f"/v1/prices/{price_id}")
        return None if found is None else _price(found)

    async def receipt_url(self, payment_intent_id: str) -> str | None:
        """See the port."""
        query = {"expand[]": "latest_charge"}
        found = await self.ask(f"/v1/payment_intents/{payment_intent_id}", query=query)
        charge = None if found is None else found["latest_charge"]
        return charge["receipt_url"] if charge else None

    async def refund(self, refund_id: str) -> Refund | None:
        """See the port."""
        found = await self.ask(f"/v1/refunds/{refund_id}")
        return None if found is None else refund_of(found)

    async def refunds_of(self, charge_id: str) -> tuple[Refund, ...]:
        """See the port."""
        found = await self.ask("/v1/refunds", query={"charge": charge_id, "limit": "100"})
        return tuple(refund_of(one) for one in found["data"])

    async def dispute(self, dispute_id: str) -> Dispute | None:
        """See the port."""
        found = await self.ask(f"/v1/disputes/{dispute_id}")
        return None if found is None else dispute_of(found)

    async def list_sessions(
        self, since: dt.datetime, after: str | None
    ) -> ListPage[CheckoutSession]:
        """See the port."""
        more = {"expand[]": "data.payment_intent"}
        found = await self._list(_SESSIONS, since, after, more)
        return ListPage(tuple(_session(one) for one in found["data"]), _after(found))

    async def list_invoices(self, since: dt.datetime, after: str | None) -> ListPage[Invoice]:
        """See the port."""
        found = await self._list("/v1/invoices", since, after, {"expand[]": "data.payments"})
        return ListPage(tuple(_invoice(one) for one in found["data"]), _after(found))

    async def list_refunds(self, since: dt.datetime, after: str | None) -> ListPage[Refund]:
        """See the port."""
        found = await self._list("/v1/refunds", since, after)
        return ListPage(tuple(refund_of(one) for one in found["data"]), _after(found))

    async def list_disputes(self, since: dt.datetime, after: str | None) -> ListPage[Dispute]:
        """See the port."""
        found = await self._list("/v1/disputes", since, after)
        return ListPage(tuple(dispute_of(one) for one in found["data"]), _after(found))

    async def _list(
        self, path: str, since: dt.datetime, after: str | None, more: Mapping[str, str] = {}
    ) -> Json:
        query = {"created[gte]": str(int(since.timestamp())), **more}
        query["limit"] = str(self.page_items)
        if after is not None:
            query["starting_after"] = after
        page: Json = await self.ask(path, query=query)
        return page

    async def ask(
        self,
        path: str,
        *,
        query: Mapping[str, str] = {},
        body: Mapping[str, str] = {},
        key: str = "",
    ) -> Any:
        """What Stripe answers; None where it knows no such object."""
        await trio.lowlevel.checkpoint()
        headers = {"authorization": f"Bearer {self.api.key}"}
        if key:
            headers["idempotency-key"] = key
        method = "POST" if body else "GET"
        target = f"{path}?{urlencode(query)}" if query else path
        answer = self.api.answer(method, target, headers, urlencode(body).encode())
        # The way back takes its time, so what is said may be out of date when it is heard.
        for _ in range(len(self.api.requests) % 5 * 2):
            await trio.lowlevel.checkpoint()
        if answer is None or answer.status >= 429:
            raise StripeUnavailable("a whim of the stand-in")
        assert answer.status in {200, 404}, answer.body
        return json.loads(answer.body) if answer.status == 200 else None


def _bought(order: PurchaseOrder) -> dict[str, str]:
    price = "line_items[0][price_data]"
    return {
        "mode": "payment",
        f"{price}[currency]": order.currency,
        f"{price}[unit_amount]": str(order.price_cents),
        f"{price}[product_data][name]": order.label,
    }


def _subscribed(order: SubscriptionOrder) -> dict[str, str]:
    return {"mode": "subscription", "line_items[0][price]": order.price_id}


def _session(value: Json) -> CheckoutSession:
    intent = value["payment_intent"]
    whole = isinstance(intent, dict)
    return CheckoutSession(
        id=value["id"],
        client_reference_id=value["client_reference_id"],
        status=value["status"],
        payment_status=value["payment_status"],
        amount_cents=value["amount_total"],
        currency=value["currency"],
        payment_intent_id=intent["id"] if whole else intent,
        payment_intent_status=intent["status"] if whole else None,
        url=value["url"],
        subscription_id=value["subscription"],
        invoice_id=value["invoice"],
        customer_id=value["customer"],
        subscribes=value["mode"] == "subscription",
    )


def _subscription(value: Json) -> Subscription:
    ends = [one["current_period_end"] for one in value["items"]["data"]]
    return Subscription(
        id=value["id"],
        status=value["status"],
        customer_id=value["customer"],
        cancels=value["cancel_at_period_end"] or value["cancel_at"] is not None,
        period_end=dt.datetime.fromtimestamp(max(ends), dt.UTC),
    )


def _invoice(value: Json) -> Invoice:
    line = value["lines"]["data"][0]
    paid = [one["payment"] for one in value["payments"]["data"] if one["status"] == "paid"]
    return Invoice(
        id=value["id"],
        subscription_id=value["parent"]["subscription_details"]["subscription"],
        status=value["status"],
        amount_cents=value["amount_paid"],
        currency=value["currency"],
        price_id=line["pricing"]["price_details"]["price"],
        period_end=dt.datetime.fromtimestamp(line["period"]["end"], dt.UTC),
        payment_intent_id=paid[0]["payment_intent"] if paid else None,
    )


def _price(value: Json) -> Price:
    recurring = value["recurring"]
    return Price(
        id=value["id"],
        active=value["active"],
        amount_cents=value["unit_amount"],
        currency=value["currency"],
        interval=recurring["interval"],
        interval_count=recurring["interval_count"],
    )


def refund_of(value: Json) -> Refund:
    """A refund as the port has it."""
    return Refund(
        value["id"], value["payment_intent"], value["amount"], value["currency"], value["status"]
    )


def dispute_of(value: Json) -> Dispute:
    """A dispute as the port has it."""
    moves = [one["amount"] for one in value["balance_transactions"]]
    return Dispute(
        id=value["id"],
        payment_intent_id=value["payment_intent"],
        amount_cents=value["amount"],
        currency=value["currency"],
        status=value["status"],
        withdrawn=sum(moves) < 0,
        reinstated=bool(moves) and sum(moves) >= 0,
    )


def _after(found: Json) -> str | None:
    return found["data"][-1]["id"] if found["has_more"] else None
