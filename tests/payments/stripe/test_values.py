"""What is read of Stripe's objects where they say more than is needed, or less."""

import datetime as dt
from typing import Any

import pytest
import stripe

from relayd.payments.stripe.values import invoice_of, price_of, subscription_of

INVOICE = {"id": "in_1", "status": "paid", "amount_paid": 2900, "currency": "usd"}
OF_OURS = {"subscription_details": {"subscription": "sub_1"}, "type": "subscription_details"}


def line(end: int, price: object = "price_1", *, proration: bool = False) -> dict[str, Any]:
    """A line for something that recurs, until then."""
    return {
        "parent": {"subscription_item_details": {"proration": proration}},
        "period": {"start": 0, "end": end},
        "pricing": {"price_details": {"price": price}},
    }


def moment(seconds: int) -> dt.datetime:
    """So many seconds after the epoch."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def invoice(*lines: dict[str, Any], **more: Any) -> stripe.Invoice:
    """An invoice with these lines."""
    body = {"parent": OF_OURS, "lines": {"data": [*lines]}, "payments": None}
    return stripe.Invoice.construct_from(INVOICE | body | more, "sk")


def test_an_invoice_is_for_its_whole_period() -> None:
    """Of several lines the last whole one counts; what makes up for a change counts for nothing."""
    made_up = line(9000, "price_2", proration=True)
    other = {"parent": None, "period": {"start": 0, "end": 9999}, "pricing": None}
    extra = {"parent": {"subscription_item_details": None}, "period": {"end": 9999}}
    said = invoice_of(invoice(line(100, "price_0"), made_up, line(200), other, extra))
    assert (said.price_id, said.period_end) == ("price_1", moment(200))
    assert (said.subscription_id, said.amount_cents, said.currency) == ("sub_1", 2900, "usd")
    assert said.paid


def test_an_invoice_of_nothing_that_recurs() -> None:
    """It is of no subscription, and for no period; a draft says nothing of how it stands."""
    said = invoice_of(invoice(parent=None, status=None))
    assert (said.subscription_id, said.price_id, said.period_end) == (None, None, None)
    assert (said.status, said.paid, said.payment_intent_id) == ("draft", False, None)
    said = invoice_of(invoice(parent={"subscription_details": None}))
    assert said.subscription_id is None


@pytest.mark.parametrize("pricing", [None, {"price_details": None}])
def test_a_line_without_a_price(pricing: object) -> None:
    """Its period counts all the same."""
    said = invoice_of(invoice({**line(300), "pricing": pricing}))
    assert (said.price_id, said.period_end) == (None, moment(300))


def test_a_price_that_stands_there_whole() -> None:
    """As an object or as its name."""
    said = invoice_of(invoice(line(300, {"id": "price_7", "object": "price"})))
    assert said.price_id == "price_7"


def test_what_paid_an_invoice() -> None:
    """The payment that did, not one that was tried before it; none where there is no intent."""

    def paid(status: str, intent: str | None) -> dict[str, Any]:
        return {"status": status, "payment": {"payment_intent": intent}}

    tried, done, by_hand = paid("canceled", "pi_1"), paid("paid", "pi_2"), paid("paid", None)
    for payments, expected in (([tried, done], "pi_2"), ([tried], None), ([by_hand], None)):
        said = invoice_of(invoice(line(300), payments={"data": payments}))
        assert said.payment_intent_id == expected


@pytest.mark.parametrize(
    ("at_period_end", "at", "cancels"),
    [(False, None, False), (True, None, True), (False, 500, True), (True, 500, True)],
)
def test_a_subscription_that_ends(at_period_end: bool, at: int | None, cancels: bool) -> None:
    """With its period or on a day of its own: either way it is called off."""
    said = subscription_of(subscription([300], cancel_at_period_end=at_period_end, cancel_at=at))
    assert said.cancels is cancels


def subscription(ends: list[int], **more: Any) -> stripe.Subscription:
    """A subscription whose items' periods end then."""
    body = {
        "id": "sub_1",
        "status": "active",
        "customer": {"id": "cus_1", "object": "customer"},
        "cancel_at_period_end": False,
        "cancel_at": None,
        "items": {"data": [{"current_period_end": end} for end in ends]},
    }
    return stripe.Subscription.construct_from(body | more, "sk")


@pytest.mark.parametrize(
    ("ends", "expected"), [([300], moment(300)), ([100, 300], moment(300)), ([], None)]
)
def test_the_period_of_a_subscription(ends: list[int], expected: dt.datetime | None) -> None:
    """The last of its items'; none where it has no items."""
    said = subscription_of(subscription(ends))
    assert (said.period_end, said.customer_id, said.status) == (expected, "cus_1", "active")


def test_a_price() -> None:
    """What it costs how often; one that is paid once has no interval."""
    body = {"id": "price_1", "active": True, "unit_amount": 2900, "currency": "usd"}
    monthly = {"recurring": {"interval": "month", "interval_count": 3}}
    often = price_of(stripe.Price.construct_from(body | monthly, "sk"))
    once = price_of(stripe.Price.construct_from(body | {"recurring": None}, "sk"))
    assert (often.interval, often.interval_count) == ("month", 3)
    assert (once.interval, once.interval_count) == (None, 0)
    assert (once.id, once.active, once.amount_cents, once.currency) == (
        "price_1",
        True,
        2900,
        "usd",
    )
