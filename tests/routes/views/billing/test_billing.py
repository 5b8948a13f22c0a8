"""Packages, checkout, purchases and Stripe's webhook over HTTP."""

from typing import Any

import attrs
import pytest
import trio.testing

from relayd.config.sections.packages import DEFAULT_PACKAGES
from relayd.payments.ports import PurchaseState
from relayd.payments.shop import CheckoutRefusal, Rejected
from relayd.routes.toolkit.wiring import EXTENSION, Wiring
from tests.routes.selling import FakeSeller
from tests.routes.world import World, refusal, serving

BODY = {"package_id": "pack_500"}
PUBLIC_URL = "https://relay.example.org"
SIGNED = {"Stripe-Signature": f"t=1,v1={'0' * 64}"}


def selling(seller: FakeSeller | None) -> World:
    """A world in which this seller sells."""
    world = World()
    wiring = world.app.extensions[EXTENSION]
    assert isinstance(wiring, Wiring)
    world.app = serving(
        attrs.evolve(wiring.services, shop=seller, packages=DEFAULT_PACKAGES, public_url=PUBLIC_URL)
    )
    return world


async def signed_in(world: World) -> str:
    """A token."""
    token: str = (await world.register())["token"]
    return token


async def test_packages() -> None:
    """Anybody sees what is for sale, also while sales are off."""
    response = await selling(None).ask("/billing/packages")
    body: Any = await response.get_json()
    assert response.status_code == 200
    assert [one["id"] for one in body] == ["pack_500", "pack_1200", "pack_3000"]
    assert body[0] == {
        "id": "pack_500",
        "label": "500 minutes",
        "seconds": 30_000,
        "price_cents": 599,
        "currency": "usd",
    }


async def test_sales_off() -> None:
    """Without a key nothing is sold, and the code says so."""
    world = selling(None)
    token = await signed_in(world)
    answers = [
        await world.post("/billing/checkout", BODY, token=token),
        await world.ask("/billing/purchases/cs_test_1", token=token),
        await world.ask("/webhooks/stripe", "POST", data=b"{}"),
    ]
    assert [await refusal(one) for one in answers] == [(503, "sales_off")] * 3


@pytest.mark.parametrize("host", ["evil.example", "relay.example.org:8080", "a b", ""])
async def test_checkout(host: str) -> None:
    """The buyer is sent to pay, and comes back to the public address, whatever Host was sent."""
    seller = FakeSeller()
    world = selling(seller)
    response = await world.post(
        "/billing/checkout", BODY, token=await signed_in(world), headers={"Host": host}
    )
    assert await response.get_json() == {
        "checkout_url": "https://stripe.test/1",
        "checkout_session_id": "cs_test_1",
    }
    assert seller.asked == [("pack_500", PUBLIC_URL)]


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (CheckoutRefusal.UNKNOWN_PACKAGE, (422, "unknown_package")),
        (CheckoutRefusal.UNKNOWN_USER, (401, "auth_failed")),
        (CheckoutRefusal.CREDIT_FROZEN, (409, "credit_frozen")),
        (CheckoutRefusal.STRIPE_UNAVAILABLE, (503, "payments_unavailable")),
    ],
)
async def test_checkout_refusals(outcome: CheckoutRefusal, answer: tuple[int, str]) -> None:
    """Each refusal has its status and code."""
    world = selling(FakeSeller(outcome=outcome))
    response = await world.post("/billing/checkout", BODY, token=await signed_in(world))
    assert await refusal(response) == answer


async def test_only_so_many_checkouts(autojump_clock: trio.testing.MockClock) -> None:
    """Ten purchases begun in a minute are enough for anybody."""
    world = selling(FakeSeller())
    token = await signed_in(world)
    statuses = [
        (await world.post("/billing/checkout", BODY, token=token)).status_code for _ in range(11)
    ]
    assert statuses == [200] * 10 + [429]


@pytest.mark.parametrize("state", PurchaseState, ids=lambda state: state.value)
async def test_a_purchase(state: PurchaseState) -> None:
    """The page that a buyer returns to learns how it stands."""
    seller = FakeSeller()
    assert seller.found is not None
    seller.found = attrs.evolve(seller.found, state=state)
    world = selling(seller)
    response = await world.ask("/billing/purchases/cs_test_1", token=await signed_in(world))
    assert await response.get_json() == {
        "status": state.value,
        "seconds": 30_000,
        "package_id": "pack_500",
    }
    assert seller.asked == [("cs_test_1", True)]


@pytest.mark.parametrize("key", ["cs_test_1", "x", "cs_%00", "cs_" + "a" * 300, "cs_é"])
async def test_no_such_purchase(key: str) -> None:
    """Somebody else's, and what is no Session at all, are not found."""
    world = selling(FakeSeller(found=None))
    response = await world.ask(f"/billing/purchases/{key}", token=await signed_in(world))
    assert await refusal(response) == (404, "unknown_purchase")


async def test_an_impatient_page(autojump_clock: trio.testing.MockClock) -> None:
    """Who asks more than sixty times a minute hears what is known, without Stripe."""
    seller = FakeSeller()
    world = selling(seller)
    token = await signed_in(world)
    for _ in range(61):
        assert (await world.ask("/billing/purchases/cs_1", token=token)).status_code == 200
    assert [look for _, look in seller.asked] == [True] * 60 + [False]


async def test_a_webhook() -> None:
    """The raw body and its signature arrive as they were sent, and up to a mebibyte of it."""
    seller = FakeSeller()
    world = selling(seller)
    raw = b'{ "a":1 }' + b" " * (1024 * 1024 - 9)
    response = await world.ask("/webhooks/stripe", "POST", data=raw, headers=SIGNED)
    assert await response.get_json() == {"received": True}
    assert seller.asked == [(raw, SIGNED["Stripe-Signature"])]


async def test_a_huge_webhook() -> None:
    """More than a mebibyte is refused unread; other routes take less."""
    world = selling(FakeSeller())
    big = b" " * (1024 * 1024 + 1)
    response = await world.ask("/webhooks/stripe", "POST", data=big, headers=SIGNED)
    assert await refusal(response) == (413, "body_too_large")
    small = b" " * (64 * 1024 + 1)
    headers = {"Content-Type": "application/json"}
    response = await world.ask("/auth/login", "POST", data=small, headers=headers)
    assert response.status_code == 413


@pytest.mark.parametrize(
    "code", ["bad_signature", "malformed_event", "wrong_api_version", "wrong_mode"]
)
async def test_a_rejected_webhook(code: str) -> None:
    """Whatever is wrong with a body is a 400 with its reason."""
    world = selling(FakeSeller(verdict=Rejected(code, "Because.")))
    response = await world.ask("/webhooks/stripe", "POST", data=b"\xff", headers=SIGNED)
    assert await refusal(response) == (400, code)


@pytest.mark.parametrize(
    "header", [None, "t=1", f"v1={'0' * 64}", f"t=1,v1={'0' * 63}", f"t=1,v0={'0' * 64}"]
)
async def test_a_webhook_that_nobody_signed(header: str | None) -> None:
    """A header that can't be Stripe's is refused for itself; the body is not looked at."""
    seller = FakeSeller()
    headers = {} if header is None else {"Stripe-Signature": header}
    response = await selling(seller).ask("/webhooks/stripe", "POST", data=b"{}", headers=headers)
    assert await refusal(response) == (400, "bad_signature")
    assert seller.asked == []
