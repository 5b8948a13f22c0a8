"""Subscribing, the portal and how it stands, over HTTP."""

import datetime as dt

import attrs

from relayd.payments.shop import CheckoutUrl
from tests.routes.selling import RUNNING, FakePlanSeller, FakeSeller
from tests.routes.views.billing.test_billing import PUBLIC_URL, selling, signed_in
from tests.routes.world import refusal

PATH = "/api/v1/stripe"


async def test_subscribing() -> None:
    """The buyer is sent to Stripe's page, and back to the public address, whatever Host says."""
    plans = FakePlanSeller()
    world = selling(FakeSeller(subscribing=plans))
    response = await world.post(
        f"{PATH}/create-checkout",
        {"plan": "pro"},
        token=await signed_in(world),
        headers={"Host": "evil.example"},
    )
    assert isinstance(plans.outcome, CheckoutUrl)
    assert await response.get_json() == {
        "checkout_url": plans.outcome.url,
        "checkout_session_id": plans.outcome.checkout_session_id,
    }
    assert plans.asked == [("pro", PUBLIC_URL)]


async def test_the_portal_leads_back() -> None:
    """Whoever leaves the portal is on the account page again."""
    plans = FakePlanSeller()
    world = selling(FakeSeller(subscribing=plans))
    response = await world.ask(f"{PATH}/create-portal", "POST", token=await signed_in(world))
    assert await response.get_json() == {"portal_url": plans.portal_url}
    assert plans.asked == [(f"{PUBLIC_URL}/account",)]


STANDING = {
    "plan": "pro",
    "state": "running",
    "status": "active",
    "cancels": True,
    "period_ends_at": "2026-12-01T00:00:00+00:00",
}


async def test_how_it_stands() -> None:
    """State, Stripe's word and the end of the period; Stripe is asked only after paying."""
    ends = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    plans = FakePlanSeller(found=attrs.evolve(RUNNING, cancels=True, period_end=ends))
    world = selling(FakeSeller(subscribing=plans))
    token = await signed_in(world)
    back = await world.ask(f"{PATH}/checkouts/cs_test_1", token=token)
    shown = await world.ask(f"{PATH}/subscription", token=token)
    price = {"plan": "pro", "price_cents": 2900, "currency": "usd", "seconds": 60_000}
    assert await back.get_json() == STANDING
    assert await shown.get_json() == {"plans": [price], "subscriptions": [STANDING]}
    assert plans.asked == [("cs_test_1", True), (False,)]


async def test_nobody_subscribed() -> None:
    """Who never had a subscription sees what there is."""
    world = selling(FakeSeller(subscribing=FakePlanSeller(found=None, plans=())))
    response = await world.ask(f"{PATH}/subscription", token=await signed_in(world))
    assert await response.get_json() == {"plans": [], "subscriptions": []}


async def test_looks_at_stripe_are_few() -> None:
    """Whoever asks more than sixty times a minute is told what is known here."""
    plans = FakePlanSeller()
    world = selling(FakeSeller(subscribing=plans))
    token = await signed_in(world)
    for _ in range(61):
        await world.ask(f"{PATH}/checkouts/cs_test_1", token=token)
    assert [look for _, look in plans.asked] == [True] * 60 + [False]


async def test_no_session_of_stripes() -> None:
    """What can be no Session is unknown, and nobody is asked."""
    plans = FakePlanSeller()
    world = selling(FakeSeller(subscribing=plans))
    response = await world.ask(f"{PATH}/checkouts/sub_1", token=await signed_in(world))
    assert await refusal(response) == (404, "unknown_subscription")
    assert plans.asked == []
