"""What the log says of money that moved: one line each, with whose, for what, and how much."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from relayd.database.ports import Database
from relayd.payments.ports import PurchaseState
from tests.payments.stall import MS, PRICE, PRO, Stall

pytestmark = pytest.mark.system


@pytest.fixture
def stall(database: Database) -> Stall:
    """A shop with a plan."""
    return Stall(database)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[tuple[str, dict[str, Any]]]]:
    """The level and the facts of each line with these words."""
    caplog.set_level(logging.INFO)

    def found(words: str) -> list[tuple[str, dict[str, Any]]]:
        lines = [one for one in caplog.records if one.getMessage() == words]
        return [(one.levelname, one.__dict__["facts"]) for one in lines]

    return found


Told = Callable[[str], list[tuple[str, dict[str, Any]]]]


async def test_a_purchase(stall: Stall, told: Told) -> None:
    """Once, when it is settled: not when it is looked at again."""
    who = await stall.user()
    session_id = await stall.buy(who)
    await stall.shop.fulfil(session_id)
    (row,) = await stall.purchases()
    facts = {
        "purchase": row.purchase_id,
        "user": who.user_id,
        "state": PurchaseState.PAID.value,
        "checkout_session": session_id,
    }
    assert told("purchase settled") == [("INFO", facts)]


async def test_refunds_and_disputes(stall: Stall, told: Told) -> None:
    """What each moved, once; a dispute has a deadline for an answer, so it is a warning."""
    who = await stall.user()
    session_id = await stall.buy(who)
    (row,) = await stall.purchases()
    refund = stall.stripe.refund_of(session_id, PRICE // 2)
    dispute = stall.stripe.dispute_of(session_id, PRICE // 2)
    for _ in range(2):
        await stall.tell("refund.created", refund.id)
        await stall.tell("charge.dispute.created", dispute.id)
    of_this = {"paid_for": row.purchase_id, "user": who.user_id}
    refunded = {"reversal": refund.id, "status": "succeeded", "change_ms": -MS // 2}
    disputed = {"reversal": dispute.id, "status": "needs_response", "change_ms": 0}
    assert told("refund recorded") == [("INFO", refunded | of_this | {"frozen": False})]
    assert told("dispute recorded") == [("WARNING", disputed | of_this | {"frozen": True})]


async def test_a_reversal_of_what_is_not_paid(stall: Stall, told: Told) -> None:
    """A person may want to know: nothing was taken back for it."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.pay(session_id)
    refund = stall.stripe.refund_of(session_id, 1)
    stall.stripe.sessions[session_id]["payment_status"] = "unpaid"
    await stall.shop.fulfil(session_id)
    await stall.tell("refund.created", refund.id)
    facts = {"reversal": refund.id}
    assert told("reversal of what is not paid") == [("WARNING", facts)]


async def test_a_subscription(stall: Stall, told: Told) -> None:
    """That it was begun, how it stands, and what its invoices granted: each of them once."""
    who = await stall.user()
    session = await stall.subscribe(who)
    for _ in range(2):
        await stall.tell("checkout.session.completed", session["id"])
        await stall.tell("invoice.paid", session["invoice"])
    found = await stall.shop.subscribing.standing(who, look=False)
    assert found is not None
    begun = {"subscription": found.id, "user": who.user_id, "checkout_session": session["id"]}
    stands = {"stripe_subscription": session["subscription"], "status": "active", "cancels": False}
    granted = {"invoice": session["invoice"], "user": who.user_id, "status": "paid"}
    assert told("subscription begun") == [("INFO", begun)]
    assert told("subscription recorded") == [("INFO", stands)]
    assert told("invoice recorded") == [("INFO", granted | {"granted_ms": PRO.period_ms})]
