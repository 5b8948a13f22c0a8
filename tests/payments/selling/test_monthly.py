"""A plan from its first page to its end, over the sockets of a whole daemon."""

import pytest
import trio

from tests.payments.market import PRICE_ID, WAITING_SECONDS, Buyer, open_market
from tests.stripe_standin import Manner

pytestmark = [
    pytest.mark.system,
    # The SDK gives httpx a text under a name that httpx would rather see for forms only.
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

PLANS = {
    "RELAYD_PLANS__ON": "true",
    "RELAYD_PLANS__FREE__UNPROVEN": "true",
    "RELAYD_PLANS__PRO__PRICE_ID": PRICE_ID,
    "RELAYD_STRIPE__RECONCILE_SECONDS": "86400",
}
PRO_SECONDS = 1000 * 60
FREE_SECONDS = 60 * 60


async def plan_of(buyer: Buyer) -> tuple[str, float]:
    """The plan that somebody is on, and what of their credit runs out."""
    answer = await buyer.ask("GET", "/account/plan")
    assert answer.status_code == 200, answer.text
    return answer.json()["plan"], answer.json()["seconds_expiring"]


async def until(buyer: Buyer, plan: str, seconds: float) -> None:
    """Until somebody is on a plan with so much of it; it comes of something in the background."""
    with trio.fail_after(WAITING_SECONDS):
        while await plan_of(buyer) != (plan, seconds):
            pass


async def test_a_life_of_a_subscription(database_url: str) -> None:
    """Begun, renewed, refunded, cancelled in the portal, over: messages in no order at all."""
    async with open_market(database_url, **PLANS) as market:
        market.stripe.postman.url = market.webhook
        market.stripe.postman.manner = Manner.OUT_OF_ORDER
        account = market.stripe.account
        buyer = await market.register("jo@example.org")
        assert await plan_of(buyer) == ("free", FREE_SECONDS)
        order = {"plan": "pro"}
        begun = await buyer.ask("POST", "/api/v1/stripe/create-checkout", json=order)
        session_id = begun.json()["checkout_session_id"]
        session = account.checkout.pay(session_id)
        await until(buyer, "pro", FREE_SECONDS + PRO_SECONDS)
        again = await buyer.ask("POST", "/api/v1/stripe/create-checkout", json=order)
        assert (again.status_code, again.json()["error"]["code"]) == (409, "already_subscribed")

        account.subscriptions.renew(session["subscription"])
        await until(buyer, "pro", FREE_SECONDS + 2 * PRO_SECONDS)
        account.refund(session["invoice"])
        await until(buyer, "pro", FREE_SECONDS + PRO_SECONDS)

        portal = (await buyer.ask("POST", "/api/v1/stripe/create-portal")).json()["portal_url"]
        key = session["subscription"]
        left = await market.client.post(f"{portal}/{key}/cancel")
        assert left.status_code == 303
        account.subscriptions.renew(key)
        await until_ended(buyer)
        # What was paid for stays.
        assert await plan_of(buyer) == ("pro", FREE_SECONDS + PRO_SECONDS)


async def until_ended(buyer: Buyer) -> None:
    """Until the subscription is known to be over."""
    with trio.fail_after(WAITING_SECONDS):
        while await state_of(buyer) != "ended":
            pass


async def state_of(buyer: Buyer) -> str:
    """How somebody's subscription stands."""
    answer = await buyer.ask("GET", "/api/v1/stripe/subscription")
    state: str = answer.json()["subscriptions"][0]["state"]
    return state
