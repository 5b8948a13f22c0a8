"""The tables of an account, the identifiers it gives, and the events it writes of itself."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs
import stripe

from tests.stripe_standin import shapes
from tests.stripe_standin.orders import Order
from tests.stripe_standin.requests import missing
from tests.stripe_standin.shapes import Json

__all__ = ["VERSION", "Records", "copied"]

VERSION: Final = stripe.api_version

# Prefix of an identifier → its object's name, as it stands in messages.
KINDS: Final = {
    "cus": "customer",
    "cs": "checkout.session",
    "pi": "payment_intent",
    "ch": "charge",
    "re": "refund",
    "dp": "dispute",
    "price": "price",
    "sub": "subscription",
    "in": "invoice",
    "inpay": "invoice_payment",
    "bps": "billing_portal.session",
    "evt": "event",
}


def copied(value: Json) -> Json:
    """A copy that shares nothing, as far as JSON goes."""
    copy: Json = json.loads(json.dumps(value))
    return copy


@attrs.define(eq=False)
class Records:
    """Everything that one account knows. ``seed`` keeps identifiers of several accounts apart."""

    seed: str = "stand-in"
    clock: Callable[[], float] = time.time
    tables: dict[str, dict[str, Json]] = attrs.field(
        factory=lambda: {prefix: {} for prefix in KINDS}
    )
    # Includable parts that are not shown unless asked for.
    line_items: dict[str, list[Json]] = attrs.field(factory=dict)
    orders: dict[str, Order] = attrs.field(factory=dict)
    # Where the hosted pages are; a server sets its own address.
    pages_url: str = "http://checkout.stand-in.test"
    # Told of each event as it is written.
    on_event: Callable[[Json], object] = lambda event: None
    # What the request under way is called; events that come of it say so.
    request: Json = attrs.field(factory=lambda: {"id": None, "idempotency_key": None})
    _given: int = 0

    def now(self) -> int:
        """The second it is."""
        return int(self.clock())

    def new_id(self, prefix: str, length: int = 24) -> str:
        """An identifier like Stripe's."""
        self._given += 1
        digest = hashlib.sha256(f"{self.seed}/{self._given}".encode()).hexdigest()
        return f"{prefix}_{digest[:length]}"

    def add(self, prefix: str, value: Json) -> Json:
        """Keep a new object."""
        self.tables[prefix][value["id"]] = value
        return value

    def intent_of(self, owed: Json) -> str | None:
        """The intent that pays a session or an invoice, or is to; the latest of them."""
        if owed["object"] == "checkout.session" and owed["invoice"] is None:
            key: str | None = owed["payment_intent"]
            return key
        billed = owed["id"] if owed["object"] == "invoice" else owed["invoice"]
        payments = [one for one in self.all("inpay") if one["invoice"] == billed]
        return payments[0]["payment"]["payment_intent"] if payments else None

    def get(self, prefix: str, key: str, param: str = "id") -> Json:
        """An object by its identifier; a 404 without it."""
        try:
            return self.tables[prefix][key]
        except KeyError:
            raise missing(KINDS[prefix], key, param) from None

    def all(self, prefix: str) -> Iterable[Json]:
        """The objects of one kind, newest first."""
        return reversed(self.tables[prefix].values())

    def emit(self, kind: str, value: Json, previous: Json | None = None) -> Json:
        """Write an event with the object as it is now."""
        data: dict[str, Any] = {"object": copied(value)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = shapes.event(
            self.new_id("evt"),
            self.now(),
            VERSION,
            kind=kind,
            data=data,
            request=dict(self.request),
        )
        self.add("evt", event)
        self.on_event(event)
        return event
