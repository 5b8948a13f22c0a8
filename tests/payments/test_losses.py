"""Messages that are lost, or come fifty times at once: credited all the same, and once."""

import json

import httpx
import pytest
import trio

from relayd import config
from tests.payments.market import Buyer, Market, open_market
from tests.stripe_standin import Manner
from tests.stripe_standin.postman import sign

pytestmark = [
    pytest.mark.system,
    # The SDK gives httpx a text under a name that httpx would rather see for forms only.
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

AT_ONCE = 50
PACK_MS = 500 * 60 * 1000
RETURN_SECONDS = 3.0
LONG = {"RELAYD_STRIPE__RECONCILE_SECONDS": "86400"}


async def paid(market: Market, buyer: Buyer) -> str:
    """A purchase that is paid for, and the daemon has not heard of it."""
    session_id = await buyer.order()
    market.stripe.account.checkout.pay(session_id)
    return session_id


async def test_a_lost_message_is_made_up_for_by_the_return_page(database_url: str) -> None:
    """Credited within three seconds of the page's first question, however often it asks."""
    async with open_market(database_url, **LONG) as market:
        buyer = await market.register("jo@example.org")
        session_id = await paid(market, buyer)
        asked = trio.current_time()
        while await buyer.come_back(session_id) != "paid":
            pass
        assert trio.current_time() - asked < RETURN_SECONDS
        assert await buyer.seconds() == PACK_MS / 1000
        assert await buyer.come_back(session_id) == "paid"
        assert market.entries(buyer.user_id) == [("purchase", PACK_MS)]


async def test_a_lost_message_is_made_up_for_by_reconciliation(database_url: str) -> None:
    """Credited by the next comparison: within five minutes, one of which is for comparing."""
    assert config.Stripe().reconcile_seconds <= 300 - 60
    settings = {"RELAYD_STRIPE__RECONCILE_SECONDS": "1"}
    async with open_market(database_url, **settings) as market:
        buyer = await market.register("jo@example.org")
        await paid(market, buyer)
        await buyer.wait_for(PACK_MS / 1000)
        assert market.entries(buyer.user_id) == [("purchase", PACK_MS)]


async def test_a_message_fifty_times_at_once_is_one_entry(database_url: str) -> None:
    """All are answered with 200, and one purchase is booked."""
    async with open_market(database_url, **LONG) as market:
        buyer = await market.register("jo@example.org")
        session_id = await paid(market, buyer)
        completed = market.stripe.account.events[-1]
        assert completed["type"] == "checkout.session.completed"
        statuses: list[int] = []

        async def bring() -> None:
            signed = sign(completed, "whsec_standin", market.stripe.account.records.now())
            headers = {"Stripe-Signature": signed.header}
            answer = await market.client.post(market.webhook, content=signed.body, headers=headers)
            statuses.append(answer.status_code)

        async with trio.open_nursery() as nursery:
            for _ in range(AT_ONCE):
                nursery.start_soon(bring)
            # Those who ask, too, lead to the same one entry.
            nursery.start_soon(buyer.come_back, session_id)
        assert statuses == [200] * AT_ONCE
        await buyer.wait_for(PACK_MS / 1000)
        assert market.entries(buyer.user_id) == [("purchase", PACK_MS)]


async def test_fifty_different_messages_of_one_payment_are_one_entry(database_url: str) -> None:
    """Not the message's id decides, but the purchase: fifty ids at once book it once."""
    async with open_market(database_url, **LONG) as market:
        buyer = await market.register("jo@example.org")
        await paid(market, buyer)
        completed = market.stripe.account.events[-1]
        now = market.stripe.account.records.now()

        async def bring(number: int) -> None:
            event = {**completed, "id": f"evt_{number}"}
            signed = sign(event, "whsec_standin", now)
            headers = {"Stripe-Signature": signed.header}
            answer = await market.client.post(market.webhook, content=signed.body, headers=headers)
            assert answer.status_code == 200

        async with trio.open_nursery() as nursery:
            for number in range(AT_ONCE):
                nursery.start_soon(bring, number)
        await buyer.wait_for(PACK_MS / 1000)
        assert market.entries(buyer.user_id) == [("purchase", PACK_MS)]


@pytest.mark.parametrize("manner", [Manner.ONCE, Manner.TWICE, Manner.OUT_OF_ORDER])
async def test_a_life_of_a_purchase_comes_out_right(database_url: str, manner: Manner) -> None:
    """Paid later, partly refunded, disputed, withdrawn: in whichever manner messages come."""
    async with open_market(database_url, **LONG) as market:
        market.stripe.postman.url = market.webhook
        market.stripe.postman.manner = manner
        buyer = await market.register("jo@example.org")
        session_id = await buyer.order()
        account = market.stripe.account
        account.checkout.pay_later(session_id)
        account.checkout.succeed(session_id)
        account.refund(session_id, 100)
        dispute = account.dispute(session_id, 200)
        account.disputes.withdraw(dispute["id"])
        price = account.checkout.get(session_id)["amount_total"]
        right_ms = PACK_MS - PACK_MS * 300 // price
        await buyer.wait_for(right_ms / 1000)
        assert sum(amount for _, amount in market.entries(buyer.user_id)) == right_ms


async def test_a_page_of_stripes_leads_back(database_url: str) -> None:
    """Checkout, the hosted page, its button, and the return page's address, as a browser goes."""
    async with open_market(database_url, **LONG) as market:
        buyer = await market.register("jo@example.org")
        order = {"package_id": "pack_500"}
        answer = await buyer.ask("POST", "/billing/checkout", json=order)
        session_id, url = answer.json()["checkout_session_id"], answer.json()["checkout_url"]
        async with httpx.AsyncClient(trust_env=False) as browser:
            shown = await browser.get(url)
            assert "500 minutes" in shown.text
            left = await browser.post(f"{url}/pay")
        assert left.status_code == 303
        back = f"https://relay.example.org/billing/success?session_id={session_id}"
        assert left.headers["Location"] == back
        assert await buyer.come_back(session_id) == "paid"
        metadata = market.stripe.account.charge_of(session_id)["metadata"]
        assert json.loads(json.dumps(metadata))["package_id"] == "pack_500"
