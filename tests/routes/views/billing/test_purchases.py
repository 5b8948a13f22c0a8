"""What one has bought, and receipts, over HTTP."""

import datetime as dt

import attrs
import pytest
import trio.testing

from relayd.payments.books.receipts import Bought, ReceiptRefusal
from relayd.payments.ports import PurchaseState
from tests.routes.selling import PENDING, FakeSeller
from tests.routes.views.billing.test_billing import selling, signed_in
from tests.routes.world import refusal

BEGUN = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
BOUGHT = Bought(
    checkout_session_id="cs_test_1",
    package_id="pack_500",
    label="500 minutes",
    seconds=30_000,
    price_cents=599,
    currency="usd",
    state=PurchaseState.PAID,
    created_at=BEGUN,
    settled_at=BEGUN,
    taken_back_ms=2500,
    disputed=False,
)


async def test_the_list() -> None:
    """Every field of a purchase is there, times and money as everywhere."""
    world = selling(FakeSeller(bought=[BOUGHT]))
    response = await world.ask("/billing/purchases", token=await signed_in(world))
    assert await response.get_json() == [
        {
            "checkout_session_id": "cs_test_1",
            "package_id": "pack_500",
            "label": "500 minutes",
            "seconds": 30_000,
            "price_cents": 599,
            "currency": "usd",
            "status": "paid",
            "created_at": "2026-03-01T12:00:00+00:00",
            "settled_at": "2026-03-01T12:00:00+00:00",
            "seconds_taken_back": 2.5,
            "disputed": False,
        }
    ]


async def test_a_receipt() -> None:
    """The answer says where it can be read."""
    seller = FakeSeller()
    world = selling(seller)
    response = await world.ask("/billing/purchases/cs_test_1/receipt", token=await signed_in(world))
    assert await response.get_json() == {"receipt_url": "https://stripe.test/receipts/1"}
    assert seller.asked == [("cs_test_1",)]


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (ReceiptRefusal.UNKNOWN_PURCHASE, (404, "unknown_purchase")),
        (ReceiptRefusal.NO_RECEIPT, (404, "no_receipt")),
        (ReceiptRefusal.STRIPE_UNAVAILABLE, (503, "payments_unavailable")),
    ],
)
async def test_receipt_refusals(outcome: ReceiptRefusal, answer: tuple[int, str]) -> None:
    """Each refusal has its status and code."""
    world = selling(FakeSeller(receipt_url=outcome))
    response = await world.ask("/billing/purchases/cs_test_1/receipt", token=await signed_in(world))
    assert await refusal(response) == answer


@pytest.mark.parametrize("key", ["x", "cs_%00", "cs_" + "a" * 300, "cs_é"])
async def test_no_such_receipt(key: str) -> None:
    """What is no Session at all is not asked about."""
    seller = FakeSeller()
    world = selling(seller)
    response = await world.ask(f"/billing/purchases/{key}/receipt", token=await signed_in(world))
    assert await refusal(response) == (404, "unknown_purchase")
    assert seller.asked == []


async def test_only_so_many_receipts() -> None:
    """Each one is a question to Stripe, so there is an end to them within a minute."""
    world = selling(FakeSeller())
    token = await signed_in(world)
    path = "/billing/purchases/cs_test_1/receipt"
    statuses = [(await world.ask(path, token=token)).status_code for _ in range(61)]
    assert statuses == [200] * 60 + [429]


@pytest.mark.parametrize("state", PurchaseState, ids=lambda state: state.value)
async def test_a_summary(state: PurchaseState) -> None:
    """Without a token one learns what was bought and how that stands, and nothing else."""
    seller = FakeSeller(found=attrs.evolve(PENDING, state=state))
    response = await selling(seller).ask("/billing/purchases/cs_test_1/summary")
    assert response.status_code == 200
    assert await response.get_json() == {
        "label": "500 minutes",
        "seconds": 30_000,
        "status": state.value,
    }
    assert seller.asked == [("cs_test_1",)]


@pytest.mark.parametrize("key", ["cs_test_1", "x", "cs_%00", "cs_" + "a" * 300, "cs_é"])
async def test_no_such_summary(key: str) -> None:
    """What nobody bought, and what is no Session at all, is not found."""
    seller = FakeSeller(found=None)
    response = await selling(seller).ask(f"/billing/purchases/{key}/summary")
    assert await refusal(response) == (404, "unknown_purchase")
    assert seller.asked == ([("cs_test_1",)] if key == "cs_test_1" else [])


async def test_only_so_many_summaries(autojump_clock: trio.testing.MockClock) -> None:
    """Sixty a minute from an address, which keep nobody there from signing in."""
    world = selling(FakeSeller())
    path = "/billing/purchases/cs_test_1/summary"
    answers = [await world.ask(path) for _ in range(61)]
    assert [one.status_code for one in answers] == [200] * 60 + [429]
    assert await refusal(answers[-1]) == (429, "rate_limited")
    assert (await world.ask(path, peer="192.0.2.77")).status_code == 200
    await signed_in(world)


async def test_no_summaries_where_sales_are_off() -> None:
    """Without a key the code says so."""
    response = await selling(None).ask("/billing/purchases/cs_test_1/summary")
    assert await refusal(response) == (503, "sales_off")


@pytest.mark.parametrize("path", ["/billing/purchases", "/billing/purchases/cs_test_1/receipt"])
async def test_sales_off(path: str) -> None:
    """Without a key there is neither, and the code says so."""
    world = selling(None)
    response = await world.ask(path, token=await signed_in(world))
    assert await refusal(response) == (503, "sales_off")
