"""Buying: from the row that comes first to credit, once, whatever tells of the payment."""

from uuid import uuid4

import attrs
import pytest
import trio

from relayd.database.ports import Connection, Database
from relayd.errors import StripeUnavailable
from relayd.identity import Principal
from relayd.ledger.outcomes import Balance
from relayd.payments import shop
from relayd.payments.books.purchases import expire_lost
from relayd.payments.ports import (
    Buyer,
    CustomerGone,
    PurchaseOrder,
    PurchaseState,
    SubscriptionOrder,
)
from relayd.payments.shop import Accepted, CheckoutRefusal, CheckoutUrl
from tests.conftest import DeclaredErrors
from tests.ledger.store import Store
from tests.payments.stall import MS, PRICE, Stall
from tests.payments.till import Till
from tests.stripe_standin import Fault, Whim
from tests.stripe_standin.story import ordered

pytestmark = pytest.mark.system


@pytest.fixture
def stall(database: Database) -> Stall:
    """A shop without customers."""
    return Stall(database)


async def test_the_order(stall: Stall) -> None:
    """Stripe is told our own purchase, price and way back; the row waits with its Session."""
    who = await stall.user()
    outcome = await stall.shop.checkout(who, "pack", "https://relay.example.org/")

    (order,) = stall.stripe.orders
    assert isinstance(order, PurchaseOrder)
    (session_id,) = stall.stripe.sessions
    assert outcome == CheckoutUrl(stall.stripe.sessions[session_id]["url"], session_id)
    assert (order.package_id, order.label) == ("pack", "Pack")
    assert (order.price_cents, order.currency) == (PRICE, "usd")
    assert order.base_url == "https://relay.example.org"
    assert order.buyer.email == f"{who.user_id}@example.org"
    (row,) = await stall.purchases()
    assert (row.purchase_id, row.checkout_session_id) == (order.id, session_id)
    assert (row.status, row.price_cents) == ("pending", PRICE)


async def test_refusals(stall: Stall) -> None:
    """Neither an unknown package nor an unknown user leaves a row."""
    who = await stall.user()
    base = "https://relay.example.org"
    unknown = await stall.shop.checkout(who, "other", base)
    nobody = await stall.shop.checkout(Principal(uuid4()), "pack", base)
    assert (unknown, nobody) == (CheckoutRefusal.UNKNOWN_PACKAGE, CheckoutRefusal.UNKNOWN_USER)
    assert await stall.purchases() == []


async def test_nothing_is_sold_for_frozen_credit(stall: Stall) -> None:
    """Who disputes a payment could not use what they buy; decided, they can."""
    who = await stall.user()
    await stall.database.transact(lambda connection: Store(connection).freeze(who.user_id))
    base = "https://relay.example.org"
    assert await stall.shop.checkout(who, "pack", base) is CheckoutRefusal.CREDIT_FROZEN
    assert stall.stripe.orders == []
    await stall.database.transact(lambda connection: Store(connection).thaw(who.user_id))
    await stall.begin(who)


async def test_stripe_away(stall: Stall) -> None:
    """Without an answer the row waits: there may be a Session all the same."""
    who = await stall.user()
    stall.stripe.faults.append(StripeUnavailable("away"))
    outcome = await stall.shop.checkout(who, "pack", "https://relay.example.org")
    assert outcome is CheckoutRefusal.STRIPE_UNAVAILABLE
    assert [one.status for one in await stall.purchases()] == ["pending"]


async def test_stripe_refuses(stall: Stall, declared_errors: DeclaredErrors) -> None:
    """A refusal ends the purchase, and a person should look."""
    who = await stall.user()
    stall.stripe.faults.append(StripeUnavailable("no permission", refused=True))
    outcome = await stall.shop.checkout(who, "pack", "https://relay.example.org")
    assert outcome is CheckoutRefusal.STRIPE_UNAVAILABLE
    assert [one.status for one in await stall.purchases()] == ["failed"]
    declared_errors.expect("checkout refused")


async def test_a_customer_that_is_gone(stall: Stall) -> None:
    """Who has a customer of another mode or a deleted one buys all the same."""
    who = await stall.user()
    await stall.shop.customers.work()
    stall.stripe.account.records.tables["cus"].clear()
    await stall.begin(who)
    await stall.begin(who)
    guest = Buyer(who.user_id, f"{who.user_id}@example.org", None)
    assert [order.buyer for order in stall.stripe.orders] == [guest] * 2
    assert stall.stripe.requests.count("POST /v1/checkout/sessions") == 3


async def test_a_customer_that_nobody_named(stall: Stall, declared_errors: DeclaredErrors) -> None:
    """Where a guest is refused as an unknown customer too, a person should look."""
    who = await stall.user()
    await stall.shop.customers.work()

    class Stubborn(Till):
        async def create_session(self, order: PurchaseOrder | SubscriptionOrder) -> CustomerGone:
            await trio.lowlevel.checkpoint()
            return CustomerGone()

    stubborn = attrs.evolve(stall.shop, stripe=Stubborn())
    outcome = await stubborn.checkout(who, "pack", "https://relay.example.org")
    assert outcome is CheckoutRefusal.STRIPE_UNAVAILABLE
    assert [one.status for one in await stall.purchases()] == ["failed"]
    declared_errors.expect("checkout refused")


async def test_a_lost_answer(stall: Stall) -> None:
    """A Session whose answer was lost is found by our own reference, and credited."""
    who = await stall.user()
    stall.stripe.api.whims.append(Whim(Fault.LOST, "POST /v1/checkout/sessions"))
    await stall.shop.checkout(who, "pack", "https://relay.example.org")
    (session_id,) = stall.stripe.sessions
    stall.stripe.pay(session_id)
    await stall.tell("checkout.session.completed", session_id)
    assert await stall.balance(who) == Balance(MS, 0, 0)
    await stall.assert_balanced()


async def test_paid_at_once(stall: Stall) -> None:
    """A card: one message, one entry, and what was bought stands beside it."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.pay(session_id)
    await stall.tell("checkout.session.completed", session_id)
    assert await stall.balance(who) == Balance(MS, 0, 0)
    assert await stall.entries() == [("purchase", MS)]
    assert await stall.reasons("purchase") == [f"Pack for {PRICE} usd cents"]
    await stall.assert_balanced()


async def test_a_price_that_was_taken_off(stall: Stall) -> None:
    """What Stripe says needs no payment, by a voucher of the operator's, is sold all the same."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.sessions[session_id] |= {
        "status": "complete",
        "payment_status": "no_payment_required",
        "amount_total": 0,
    }
    assert await stall.shop.fulfil(session_id) is PurchaseState.PAID
    assert await stall.balance(who) == Balance(MS, 0, 0)
    await stall.assert_balanced()


async def test_fifty_at_once(stall: Stall) -> None:
    """The same message fifty times at once, beside the page and a comparison: one entry."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.pay(session_id)
    outcomes: list[object] = []

    async def deliver() -> None:
        outcomes.append(await stall.deliver("checkout.session.completed", session_id))

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(deliver)
            nursery.start_soon(stall.shop.fulfil, session_id)
        nursery.start_soon(stall.shop.purchase, who, session_id)
        nursery.start_soon(stall.shop.reconcile)
        nursery.start_soon(stall.work)
    await stall.work()
    assert outcomes == [Accepted()] * 50
    assert await stall.entries() == [("purchase", MS)]
    assert await stall.unprocessed() == 0
    await stall.assert_balanced()


async def test_paid_later(stall: Stall) -> None:
    """A bank that takes its time: nothing is credited before the money is there."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.account.checkout.pay_later(session_id)
    await stall.tell("checkout.session.completed", session_id)
    assert await stall.entries() == []
    stall.stripe.account.checkout.succeed(session_id)
    await stall.tell("checkout.session.async_payment_succeeded", session_id)
    assert await stall.entries() == [("purchase", MS)]


async def test_failed_later(stall: Stall) -> None:
    """A bank that says no: failed, and an old message of it changes nothing once it is paid."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.account.checkout.pay_later(session_id)
    stall.stripe.account.checkout.fail(session_id)
    # The message alone says so.
    session = stall.stripe.sessions[session_id]
    intent, session["payment_intent"] = session["payment_intent"], None
    await stall.tell("checkout.session.async_payment_failed", session_id)
    assert (await stall.purchases())[0].status == "failed"
    session.update(payment_intent=intent, payment_status="paid")
    await stall.tell("checkout.session.async_payment_failed", session_id)
    assert (await stall.purchases())[0].status == "paid"
    assert await stall.entries() == [("purchase", MS)]


async def test_expired(stall: Stall) -> None:
    """A page nobody paid on closes with its Session."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.account.checkout.expire(session_id)
    await stall.tell("checkout.session.expired", session_id)
    (row,) = await stall.purchases()
    assert (row.status, row.settled_at is not None) == ("expired", True)


async def test_never_got_a_session(stall: Stall) -> None:
    """A row without a Session closes when none can come to light any more."""
    who = await stall.user()
    stall.stripe.faults.append(StripeUnavailable("away"))
    await stall.shop.checkout(who, "pack", "https://relay.example.org")
    assert await stall.database.transact(expire_lost) == 0

    def age(connection: Connection) -> None:
        connection.execute("UPDATE purchases SET created_at = now() - interval '25 h 1 s'")

    await stall.database.transact(age)
    assert await stall.database.transact(expire_lost) == 1


async def test_the_return_page(stall: Stall) -> None:
    """A lost message is made up for when the buyer comes back; only to the buyer."""
    who, other = await stall.user(), await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.pay(session_id)

    unasked = await stall.shop.purchase(who, session_id, look=False)
    foreign = await stall.shop.purchase(other, session_id)
    assert await stall.shop.purchase(who, "cs_test_none") is None
    assert unasked is not None
    assert unasked.state is PurchaseState.PENDING
    assert foreign is None
    assert await stall.entries() == []

    found = await stall.shop.purchase(who, session_id)
    assert found is not None
    assert (found.state, found.seconds, found.package_id) == (PurchaseState.PAID, 1000, "pack")
    assert await stall.entries() == [("purchase", MS)]
    asked = len(stall.stripe.requests)
    assert await stall.shop.purchase(who, session_id) == found
    assert len(stall.stripe.requests) == asked


async def test_the_return_page_of_nobody(stall: Stall) -> None:
    """A browser that knows nobody makes up for a lost message too; what is unknown stays that."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.pay(session_id)

    found = await stall.shop.any_purchase(session_id)
    assert found is not None
    assert (found.state, found.label, found.user_id) == (PurchaseState.PAID, "Pack", who.user_id)
    assert await stall.entries() == [("purchase", MS)]
    asked = len(stall.stripe.requests)
    assert await stall.shop.any_purchase(session_id) == found
    assert await stall.shop.any_purchase("cs_test_none") is None
    assert len(stall.stripe.requests) == asked


async def test_the_return_page_without_stripe(
    stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Stripe is away, or takes long, the page says within seconds what is known."""
    assert shop.LOOK_SECONDS <= 5
    monkeypatch.setattr(shop, "LOOK_SECONDS", 0.2)
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.faults.append(StripeUnavailable("away"))
    for slow_seconds in (0, 3600):
        stall.stripe.slow_seconds = slow_seconds
        with trio.fail_after(5):
            found = await stall.shop.purchase(who, session_id)
        assert found is not None
        assert found.state is PurchaseState.PENDING


async def test_not_ours(stall: Stall) -> None:
    """What another program sells on the same account is none of our business."""
    who = await stall.user()
    await stall.buy(who)
    theirs = ordered(stall.stripe.account, client_reference_id="order 7")["id"]
    stall.stripe.pay(theirs)
    assert await stall.shop.fulfil(theirs) is None
    assert await stall.shop.fulfil("cs_unknown") is None
    assert await stall.entries() == [("purchase", MS)]


async def test_another_amount(stall: Stall, declared_errors: DeclaredErrors) -> None:
    """What was bought is what our row says; another amount is for a person to look at."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.pay(session_id)
    stall.stripe.sessions[session_id]["amount_total"] = 1
    await stall.shop.fulfil(session_id)
    assert await stall.entries() == [("purchase", MS)]
    declared_errors.expect("paid amount is not the price")
