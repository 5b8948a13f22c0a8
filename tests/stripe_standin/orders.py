"""What a request for a Checkout Session asks for: packs to be paid once, or a price that recurs.

The checks are Stripe's, of those that a seller of packs and plans meets.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from tests.stripe_standin.requests import checked_metadata, invalid, only
from tests.stripe_standin.shapes import Json

__all__ = ["Order", "read_order"]

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
    "subscription_data",
    "success_url",
    "ui_mode",
}
# A payment of less is refused; of all currencies, Stripe's figure for dollars.
_LEAST_CENTS: Final = 50
_EXPIRES_SECONDS: Final = (30 * 60, 24 * 3600)


@attrs.frozen
class Order:
    """What a valid request asks for."""

    currency: str
    lines: tuple[tuple[str, int, int], ...]  # name, unit amount, quantity
    expires_at: int
    # Of the intent, or of the subscription.
    intent_metadata: dict[str, str]
    # What is subscribed to, where it is not paid once.
    price: Json | None = None

    @property
    def amount(self) -> int:
        """What is to be paid."""
        return sum(unit_amount * quantity for _, unit_amount, quantity in self.lines)


Find = Callable[[str, str, str], Json]


def read_order(params: Mapping[str, Any], now: int, find: Find) -> Order:
    """The order in a request for a session, or an `ApiError`; ``find`` knows the prices."""
    only(params, _SESSION_FIELDS)
    _check_address(params, "success_url", required=True)
    _check_address(params, "cancel_url", required=False)
    if params.get("customer") and params.get("customer_email"):
        raise invalid("customer", "You may only specify one of customer, customer_email.")
    if len(params.get("client_reference_id") or "") > 200:
        raise invalid("client_reference_id", "client_reference_id has at most 200 characters.")
    checked_metadata(params.get("metadata"))
    match params.get("mode"):
        case "payment":
            return _purchase(params, now)
        case "subscription":
            return _subscription(params, now, find)
    raise invalid("mode", "Invalid mode: must be one of payment, subscription.")


def _purchase(params: Mapping[str, Any], now: int) -> Order:
    if "subscription_data" in params:
        raise invalid("subscription_data", "You can not pass subscription_data in payment mode.")
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


def _subscription(params: Mapping[str, Any], now: int, find: Find) -> Order:
    """A subscription to one of one price: all that this stand-in knows."""
    for name in ("payment_intent_data", "invoice_creation", "submit_type"):
        if name in params:
            raise invalid(name, f"You can not pass {name} in subscription mode.")
    data = params.get("subscription_data") or {}
    only(data, {"metadata", "description"})
    items = params.get("line_items")
    if not isinstance(items, list) or len(items) != 1:
        raise invalid("line_items", "Missing required param: line_items.", "parameter_missing")
    only(items[0], {"price", "quantity"})
    price = find("price", items[0].get("price") or "", "line_items[0][price]")
    if not price["active"] or _whole(items[0].get("quantity"), "line_items[0][quantity]") != 1:
        raise invalid("line_items[0][price]", "The price specified is inactive.")
    return Order(
        currency=price["currency"],
        lines=(("PRO", price["unit_amount"], 1),),
        expires_at=_expires_at(params, now),
        intent_metadata=checked_metadata(data.get("metadata")),
        price=price,
    )


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
