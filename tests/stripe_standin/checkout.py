"""Checkout Sessions: what one may ask for, and what can happen until it is paid, failed or expired.

The checks are Stripe's, of those that a seller of packs meets. So is the order of the events: the
intent's and the charge's first, the session's last.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from tests.stripe_standin import money, shapes
from tests.stripe_standin.records import Records
from tests.stripe_standin.requests import checked_metadata, invalid, only, unexpected_state
from tests.stripe_standin.shapes import Json

__all__ = ["Checkout"]

_DECLINED = {
    "code": "card_declined",
    "decline_code": "generic_decline",
    "message": "Your card was declined.",
    "type": "card_error",
}
_SESSION_FIELDS: Final = {
    "adaptive_pricing",
    "automatic_tax",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_email",
    "customer_update",
    "expand",
    "expires_at",
    "invoice_creation",
    "line_items",
    "locale",
    "metadata",
    "mode",
    "payment_intent_data",
    "payment_method_types",
    "submit_type",
    "success_url",
    "ui_mode",
}
# A payment of less is refused; of all currencies, Stripe's figure for dollars.
_LEAST_CENTS: Final = 50
_EXPIRES_SECONDS: Final = (30 * 60, 24 * 3600)


@attrs.define(eq=False)
class Checkout:
    """The sessions of an account, and what their customers do."""

    records: Records
    # Where the hosted page is; a server sets its own address.
    pages_url: str = "http://checkout.stand-in.test"

    def create(self, params: dict[str, Any]) -> Json:
        """Open a session."""
        records = self.records
        order = read_order(params, records.now())
        if params.get("customer"):
            records.get("cus", params["customer"], "customer")
        key = records.new_id("cs_test", 58)
        session = shapes.checkout_session(
            key,
            records.now(),
            {**params, "expires_at": order.expires_at},
            currency=order.currency,
            amount=order.amount,
            url=f"{self.pages_url}/pay/{key}",
        )
        records.intent_metadata[key] = order.intent_metadata
        records.line_items[key] = [
            shapes.line_item(records.new_id("li"), name, order.currency, unit_amount, quantity)
            for name, unit_amount, quantity in order.lines
        ]
        # No event: Stripe has none for a session that is opened.
        return records.add("cs", session)

    def get(self, key: str) -> Json:
        """A session, expired first if it is time."""
        session = self.records.get("cs", key)
        if session["status"] == "open" and self.records.clock() >= session["expires_at"]:
            self._expire(session)
        return session

    def expire(self, key: str) -> Json:
        """Close an open session; its customer can pay no more."""
        session = self._open(key)
        self._expire(session)
        return session

    def pay(self, key: str) -> Json:
        """The customer pays by card: the money is there at once."""
        session = self._open(key)
        intent = self._confirmed(session, "pm_card_visa")
        charge = self._charged(intent, session, card=True)
        self._settle(intent, charge)
        self._complete(session, "paid")
        return session

    def decline(self, key: str) -> Json:
        """The customer's card is refused; the session stays open for another try."""
        session = self._open(key)
        intent = self._confirmed(session, "pm_card_chargeDeclined")
        charge = self._charged(intent, session, card=True)
        self._refuse(intent, charge)
        return session

    def pay_later(self, key: str) -> Json:
        """The customer pays in a way that takes days: complete, and yet unpaid."""
        session = self._open(key)
        intent = self._confirmed(session, "pm_bank_account")
        intent["status"] = "processing"
        self.records.emit("payment_intent.processing", intent)
        charge = self._charged(intent, session, card=False)
        self.records.emit("charge.pending", charge)
        self._complete(session, "unpaid")
        return session

    def succeed(self, key: str) -> Json:
        """The days have passed, and the money came."""
        session, intent, charge = self._processing(key)
        self._settle(intent, charge)
        session["payment_status"] = "paid"
        self.records.emit("checkout.session.async_payment_succeeded", session)
        return session

    def fail(self, key: str) -> Json:
        """The days have passed, and no money came: complete for ever, unpaid for ever."""
        session, intent, charge = self._processing(key)
        self._refuse(intent, charge)
        self.records.emit("checkout.session.async_payment_failed", session)
        return session

    def _open(self, key: str) -> Json:
        session = self.get(key)
        if session["status"] != "open":
            message = "Only Checkout Sessions with a status in [open] can be used."
            raise unexpected_state(f"{message} This one is {session['status']}.")
        return session

    def _expire(self, session: Json) -> None:
        session["status"] = "expired"
        session["url"] = None
        self.records.emit("checkout.session.expired", session)

    def _confirmed(self, session: Json, method: str) -> Json:
        """The session's intent, made at the first try."""
        records = self.records
        if session["payment_intent"] is None:
            metadata = records.intent_metadata[session["id"]]
            intent = shapes.payment_intent(records.new_id("pi"), records.now(), session, metadata)
            records.add("pi", intent)
            session["payment_intent"] = intent["id"]
            records.emit("payment_intent.created", intent)
        intent = records.get("pi", session["payment_intent"])
        intent["payment_method"] = method
        return intent

    def _charged(self, intent: Json, session: Json, *, card: bool) -> Json:
        records = self.records
        charge = money.charge(records.new_id("ch"), records.now(), intent, session, card=card)
        records.add("ch", charge)
        intent["latest_charge"] = charge["id"]
        return charge

    def _settle(self, intent: Json, charge: Json) -> None:
        amount = charge["amount"]
        charge.update(
            status="succeeded",
            paid=True,
            captured=True,
            amount_captured=amount,
            receipt_url=f"{self.pages_url}/receipts/{charge['id']}",
            balance_transaction=self.records.new_id("txn"),
        )
        self.records.emit("charge.succeeded", charge)
        intent.update(status="succeeded", amount_received=amount, last_payment_error=None)
        self.records.emit("payment_intent.succeeded", intent)

    def _refuse(self, intent: Json, charge: Json) -> None:
        charge.update(
            status="failed",
            failure_code=_DECLINED["code"],
            failure_message=_DECLINED["message"],
        )
        self.records.emit("charge.failed", charge)
        intent.update(
            status="requires_payment_method",
            payment_method=None,
            last_payment_error={**_DECLINED, "charge": charge["id"]},
        )
        self.records.emit("payment_intent.payment_failed", intent)

    def _complete(self, session: Json, payment_status: str) -> None:
        customer = self.records.tables["cus"].get(session["customer"] or "", {})
        session.update(
            status="complete",
            payment_status=payment_status,
            url=None,
            customer_details={
                "address": None,
                "business_name": None,
                "email": customer.get("email") or session["customer_email"] or "jo@example.com",
                "individual_name": None,
                "name": "Jenny Rosen",
                "phone": None,
                "tax_exempt": "none",
                "tax_ids": [],
            },
        )
        self.records.emit("checkout.session.completed", session)

    def _processing(self, key: str) -> tuple[Json, Json, Json]:
        session = self.get(key)
        intent = self.records.tables["pi"].get(session["payment_intent"] or "")
        if intent is None or intent["status"] != "processing":
            raise unexpected_state("No payment of this session is under way.")
        return session, intent, self.records.get("ch", intent["latest_charge"])


@attrs.frozen
class Order:
    """What a valid request asks for."""

    currency: str
    lines: tuple[tuple[str, int, int], ...]  # name, unit amount, quantity
    expires_at: int
    intent_metadata: dict[str, str]

    @property
    def amount(self) -> int:
        """What is to be paid."""
        return sum(unit_amount * quantity for _, unit_amount, quantity in self.lines)


def read_order(params: Mapping[str, Any], now: int) -> Order:
    """The order in a request for a session, or an `ApiError`."""
    only(params, _SESSION_FIELDS)
    if params.get("mode") != "payment":
        raise invalid("mode", "This stand-in sells, it does not subscribe: mode is payment.")
    _check_address(params, "success_url", required=True)
    _check_address(params, "cancel_url", required=False)
    if params.get("customer") and params.get("customer_email"):
        raise invalid("customer", "You may only specify one of customer, customer_email.")
    if len(params.get("client_reference_id") or "") > 200:
        raise invalid("client_reference_id", "client_reference_id has at most 200 characters.")
    checked_metadata(params.get("metadata"))
    intent_data = params.get("payment_intent_data") or {}
    only(intent_data, {"metadata", "description", "statement_descriptor", "receipt_email"})
    currencies, lines = _lines(params.get("line_items"))
    order = Order(
        currency=currencies.pop(),
        lines=lines,
        expires_at=_expires_at(params, now),
        intent_metadata=checked_metadata(intent_data.get("metadata")),
    )
    if currencies:
        raise invalid("line_items", "All line items have one currency.")
    if order.amount < _LEAST_CENTS:
        raise invalid("line_items", "The total must be at least 0.50.", "amount_too_small")
    return order


def _check_address(params: Mapping[str, Any], name: str, *, required: bool) -> None:
    address = params.get(name)
    if not address:
        if required:
            raise invalid(name, f"Missing required param: {name}.", "parameter_missing")
        return
    if urlsplit(address).scheme not in {"http", "https"} or not urlsplit(address).netloc:
        raise invalid(name, "Invalid URL: an explicit scheme is needed.", "url_invalid")


def _expires_at(params: Mapping[str, Any], now: int) -> int:
    if "expires_at" not in params:
        return now + _EXPIRES_SECONDS[1]
    expires_at = _whole(params["expires_at"], "expires_at")
    least, most = _EXPIRES_SECONDS
    # A few seconds are forgiven, since clocks differ.
    if not now + least - 10 <= expires_at <= now + most + 10:
        raise invalid("expires_at", "expires_at is between 30 minutes and 24 hours from now.")
    return expires_at


def _lines(items: Any) -> tuple[set[str], tuple[tuple[str, int, int], ...]]:
    if not isinstance(items, list) or not items:
        raise invalid("line_items", "Missing required param: line_items.", "parameter_missing")
    currencies: set[str] = set()
    lines: list[tuple[str, int, int]] = []
    for index, item in enumerate(items):
        at = f"line_items[{index}]"
        only(item, {"price_data", "quantity"})
        price = item.get("price_data") or {}
        only(price, {"currency", "product_data", "unit_amount", "tax_behavior"})
        name = (price.get("product_data") or {}).get("name")
        if not name:
            raise invalid(f"{at}[price_data][product_data][name]", "Missing a name.")
        currency = price.get("currency") or ""
        if len(currency) != 3 or currency != currency.lower():
            raise invalid(f"{at}[price_data][currency]", f"Invalid currency: {currency}.")
        currencies.add(currency)
        unit_amount = _whole(price.get("unit_amount"), f"{at}[price_data][unit_amount]")
        lines.append((name, unit_amount, _whole(item.get("quantity"), f"{at}[quantity]")))
    return currencies, tuple(lines)


def _whole(value: Any, param: str) -> int:
    if not isinstance(value, str | int) or not str(value).isdigit():
        raise invalid(param, f"Invalid integer: {value}", "parameter_invalid_integer")
    return int(value)
