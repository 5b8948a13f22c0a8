"""What buyers see of their purchases: their own, as they stand, and receipts."""

import pytest
import trio

from relayd.database.ports import Database
from relayd.errors import StripeUnavailable
from relayd.payments import shop
from relayd.payments.books.receipts import ReceiptRefusal
from relayd.payments.ports import PurchaseState
from tests.payments.stall import PRICE, Stall

pytestmark = pytest.mark.system


@pytest.fixture
def stall(database: Database) -> Stall:
    """A shop without customers."""
    return Stall(database)


async def test_the_list(stall: Stall) -> None:
    """A user's own purchases, newest first, with what refunds and disputes made of them."""
    who, other = await stall.user(), await stall.user()
    await stall.buy(other)
    paid = await stall.buy(who)
    waiting = await stall.begin(who)
    refund = stall.stripe.refund_of(paid, PRICE // 2)
    dispute = stall.stripe.dispute_of(paid, PRICE)
    await stall.tell("refund.created", refund.id)
    await stall.tell("charge.dispute.created", dispute.id)
    newest, oldest = await stall.shop.purchases(who)
    assert (newest.checkout_session_id, newest.state) == (waiting, PurchaseState.PENDING)
    assert (newest.settled_at, newest.taken_back_ms, newest.disputed) == (None, 0, False)
    assert (oldest.checkout_session_id, oldest.state) == (paid, PurchaseState.PAID)
    assert (oldest.label, oldest.seconds, oldest.price_cents) == ("Pack", 1000, PRICE)
    assert oldest.settled_at is not None
    assert (oldest.taken_back_ms, oldest.disputed) == (500_000, True)


async def test_what_never_had_a_page_is_not_listed(stall: Stall) -> None:
    """A purchase that Stripe never answered is nothing that its buyer has seen."""
    who = await stall.user()
    stall.stripe.faults.append(StripeUnavailable("away"))
    await stall.shop.checkout(who, "pack", "https://relay.example.org")
    assert await stall.shop.purchases(who) == []


async def test_the_latest_are_listed(stall: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much a user bought, a list ends: what is left out is the oldest."""
    monkeypatch.setattr(shop, "BOUGHT_MAX", 2)
    who = await stall.user()
    bought = [await stall.begin(who) for _ in range(3)]
    listed = await stall.shop.purchases(who)
    assert [one.checkout_session_id for one in listed] == [bought[2], bought[1]]


async def test_a_receipt(stall: Stall) -> None:
    """It is asked for anew each time, and nothing of it is kept."""
    who = await stall.user()
    session_id = await stall.buy(who)
    url = stall.stripe.account.charge_of(session_id)["receipt_url"]
    assert [await stall.shop.receipt(who, session_id) for _ in range(2)] == [url, url]
    intent = stall.stripe.sessions[session_id]["payment_intent"]
    assert stall.stripe.requests.count(f"GET /v1/payment_intents/{intent}") == 2


async def test_no_receipt(stall: Stall) -> None:
    """There is none of somebody else's purchase, of an unpaid one, nor where Stripe made none."""
    who, other = await stall.user(), await stall.user()
    theirs, waiting, given = await stall.buy(other), await stall.begin(who), await stall.buy(who)
    stall.stripe.account.charge_of(given)["receipt_url"] = None
    assert await stall.shop.receipt(who, theirs) is ReceiptRefusal.UNKNOWN_PURCHASE
    assert await stall.shop.receipt(who, "cs_test_none") is ReceiptRefusal.UNKNOWN_PURCHASE
    assert await stall.shop.receipt(who, waiting) is ReceiptRefusal.NO_RECEIPT
    # Its bank takes days: there is a payment, but nothing was paid yet.
    stall.stripe.account.checkout.pay_later(waiting)
    await stall.shop.fulfil(waiting)
    assert await stall.shop.receipt(who, waiting) is ReceiptRefusal.NO_RECEIPT
    assert await stall.shop.receipt(who, given) is ReceiptRefusal.NO_RECEIPT


async def test_no_receipt_without_a_payment(stall: Stall) -> None:
    """What a voucher paid for in full is bought, but no money went anywhere: nobody is asked."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.sessions[session_id] |= {
        "status": "complete",
        "payment_status": "no_payment_required",
        "amount_total": 0,
    }
    assert await stall.shop.fulfil(session_id) is PurchaseState.PAID
    asked = len(stall.stripe.requests)
    assert await stall.shop.receipt(who, session_id) is ReceiptRefusal.NO_RECEIPT
    assert len(stall.stripe.requests) == asked


async def test_stripe_away(stall: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a receipt is told so within seconds."""
    assert shop.RECEIPT_SECONDS <= 5
    monkeypatch.setattr(shop, "RECEIPT_SECONDS", 0.2)
    who = await stall.user()
    session_id = await stall.buy(who)
    stall.stripe.faults.append(StripeUnavailable("away"))
    assert await stall.shop.receipt(who, session_id) is ReceiptRefusal.STRIPE_UNAVAILABLE
    stall.stripe.slow_seconds = 3600
    with trio.fail_after(5):
        assert await stall.shop.receipt(who, session_id) is ReceiptRefusal.STRIPE_UNAVAILABLE
