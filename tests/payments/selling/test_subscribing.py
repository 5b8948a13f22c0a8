"""Subscribing: whoever has paid for a period has its minutes, and nobody else."""

import datetime as dt
from uuid import uuid4

import pytest
import trio

from relayd.database.ports import Connection, Database
from relayd.errors import StripeUnavailable
from relayd.identity import Principal
from relayd.overview.takings import takings
from relayd.payments.books import subscriptions
from relayd.payments.books.reversals import take_look
from relayd.payments.books.subscriptions import Subscriber, SubscriptionState
from relayd.payments.ports import SubscriptionOrder
from relayd.payments.selling import subscribing
from relayd.payments.selling.subscribing import PortalRefusal, SubscribeRefusal
from relayd.payments.shop import CheckoutUrl
from tests.conftest import DeclaredErrors
from tests.payments.stall import PRO, Stall, outcomes
from tests.stripe_standin.shapes import Json

pytestmark = pytest.mark.system

BASE = "https://relay.example.org"


@pytest.fixture
def stall(database: Database) -> Stall:
    """A shop with a plan."""
    return Stall(database)


async def standing(stall: Stall, who: Principal) -> Subscriber:
    """How it is recorded, without asking Stripe."""
    found = await stall.shop.subscribing.standing(who, look=False)
    assert found is not None
    return found


async def begun(stall: Stall, who: Principal) -> Json:
    """A subscription that is paid and told of."""
    session = await stall.subscribe(who)
    await stall.tell("invoice.paid", session["invoice"])
    return session


async def test_a_paid_invoice_grants_its_minutes_once(stall: Stall) -> None:
    """One lot until the end of the line's period, told of by whichever message, however often."""
    who = await stall.user()
    session = await begun(stall, who)
    await stall.tell("invoice.paid", session["invoice"])
    await stall.tell("checkout.session.completed", session["id"])
    await stall.tell("customer.subscription.updated", session["subscription"])
    (lot,) = await stall.lots(who)
    line = stall.stripe.account.records.tables["in"][session["invoice"]]["lines"]["data"][0]
    assert (lot.source, lot.source_id, lot.plan) == ("invoice", session["invoice"], "pro")
    assert (lot.amount_ms, lot.expires_at.timestamp()) == (PRO.period_ms, line["period"]["end"])
    assert await stall.entries() == [("lot", PRO.period_ms)]
    known = await standing(stall, who)
    assert (known.state, known.status) == (SubscriptionState.RUNNING, "active")
    await stall.assert_balanced()


async def test_the_page_one_returns_to_makes_up_for_lost_messages(stall: Stall) -> None:
    """Credited when the buyer is back; to others their subscription is unknown."""
    who, other = await stall.user(), await stall.user()
    session = await stall.subscribe(who)
    assert await stall.shop.subscribing.come_back(other, session["id"]) is None
    assert await stall.shop.subscribing.come_back(who, "cs_unknown") is None
    found = await stall.shop.subscribing.come_back(who, session["id"])
    assert found is not None
    assert found.running
    assert len(await stall.lots(who)) == 1


async def test_active_is_not_paid(stall: Stall) -> None:
    """While a bank takes its days nothing is granted; when the money comes, it is."""
    who = await stall.user()
    outcome = await stall.shop.subscribing.begin(who, "pro", BASE)
    assert isinstance(outcome, CheckoutUrl)
    account = stall.stripe.account
    session = account.checkout.pay_later(outcome.checkout_session_id)
    await stall.tell("checkout.session.completed", session["id"])
    assert (await standing(stall, who)).status == "active"
    assert await stall.lots(who) == []
    account.checkout.succeed(session["id"])
    await stall.tell("checkout.session.async_payment_succeeded", session["id"])
    assert len(await stall.lots(who)) == 1


async def test_a_month_that_is_not_paid_grants_nothing(stall: Stall) -> None:
    """Nor when it is given up; paid after all, it does, found by comparison alone."""
    who = await stall.user()
    session = await begun(stall, who)
    account = stall.stripe.account
    later = account.subscriptions.renew(session["subscription"], paid=False)["latest_invoice"]
    await stall.tell("invoice.payment_failed", later)
    await stall.tell("customer.subscription.updated", session["subscription"])
    assert (await standing(stall, who)).status == "past_due"
    account.subscriptions.give_up(later)
    await stall.tell("customer.subscription.deleted", session["subscription"])
    assert len(await stall.lots(who)) == 1
    assert not (await standing(stall, who)).running
    account.subscriptions.retry(later, paid=True)
    await stall.shop.reconcile()
    assert len(await stall.lots(who)) == 2
    await stall.assert_balanced()


async def test_a_refund_takes_back_in_proportion(stall: Stall) -> None:
    """Rounded down of the whole that is gone; all of the price, all of the minutes."""
    who = await stall.user()
    session = await begun(stall, who)
    account = stall.stripe.account
    first = account.refund(session["invoice"], 100)
    await stall.tell("refund.created", first["id"])
    (lot,) = await stall.lots(who)
    assert lot.taken_ms == PRO.period_ms * 100 // PRO.price_cents
    second = account.refund(session["invoice"])
    await stall.tell("refund.created", second["id"])
    (lot,) = await stall.lots(who)
    assert (lot.taken_ms, lot.remaining_ms) == (PRO.period_ms, 0)
    account.refunds.turn(second["id"], "failed")
    await stall.tell("refund.failed", second["id"])
    (lot,) = await stall.lots(who)
    assert lot.taken_ms == PRO.period_ms * 100 // PRO.price_cents
    await stall.assert_balanced()


async def test_a_refund_of_what_nobody_told_of(stall: Stall) -> None:
    """Where every message but the refund's was lost, the invoice is made up for first."""
    who = await stall.user()
    session = await stall.subscribe(who)
    refund = stall.stripe.account.refund(session["invoice"], 1450)
    await stall.tell("refund.created", refund["id"])
    assert [kind for kind, _ in await stall.entries()] == ["lot", "takeback"]
    await stall.assert_balanced()


async def test_operators_see_the_money(stall: Stall) -> None:
    """What invoices brought, and what was given back, is among the takings of the day."""
    who = await stall.user()
    session = await begun(stall, who)
    refund = stall.stripe.account.refund(session["invoice"], 100)
    await stall.tell("refund.created", refund["id"])
    (day,) = await stall.database.transact(takings, dt.date(2026, 1, 1))
    assert (day.purchases, day.paid_cents, day.taken_back_cents) == (1, PRO.price_cents, 100)
    assert (day.currency, day.sold_seconds) == ("usd", PRO.period_ms // 1000)


async def test_a_dispute_freezes(stall: Stall) -> None:
    """As with packages: frozen while it is open, taken back when the money is away."""
    who = await stall.user()
    session = await begun(stall, who)
    account = stall.stripe.account
    dispute = account.dispute(session["invoice"])
    await stall.tell("charge.dispute.created", dispute["id"])
    assert (await stall.balance(who)).frozen
    assert await stall.shop.subscribing.begin(who, "pro", BASE) is SubscribeRefusal.CREDIT_FROZEN
    account.disputes.withdraw(dispute["id"])
    account.disputes.close(dispute["id"], "lost")
    await stall.tell("charge.dispute.closed", dispute["id"])
    balance = await stall.balance(who)
    assert (balance.frozen, balance.balance_ms) == (False, 0)
    await stall.assert_balanced()


async def test_one_subscription_at_a_time(stall: Stall) -> None:
    """Refused while one runs; Stripe is asked, so that an end nobody told of is seen."""
    who = await stall.user()
    session = await begun(stall, who)
    begin = stall.shop.subscribing.begin
    assert await begin(who, "pro", BASE) is SubscribeRefusal.ALREADY_SUBSCRIBED
    stall.stripe.account.subscriptions.end(session["subscription"])
    assert isinstance(await begin(who, "pro", BASE), CheckoutUrl)
    # What was paid for stays until its period is over.
    assert len(await stall.lots(who)) == 1


async def test_what_can_not_be_subscribed_to(stall: Stall) -> None:
    """An unknown plan, and any while Stripe is away."""
    who = await stall.user()
    begin = stall.shop.subscribing.begin
    assert await begin(who, "gold", BASE) is SubscribeRefusal.UNKNOWN_PLAN
    stall.stripe.faults.append(StripeUnavailable("away"))
    assert await begin(who, "pro", BASE) is SubscribeRefusal.STRIPE_UNAVAILABLE
    assert await begin(Principal(uuid4()), "pro", BASE) is SubscribeRefusal.UNKNOWN_USER


async def test_the_order(stall: Stall) -> None:
    """Stripe is told our own subscription, its price and the way back."""
    who = await stall.user()
    outcome = await stall.shop.subscribing.begin(who, "pro", f"{BASE}/")
    (order,) = stall.stripe.orders
    (session_id,) = stall.stripe.sessions
    assert outcome == CheckoutUrl(stall.stripe.sessions[session_id]["url"], session_id)
    assert isinstance(order, SubscriptionOrder)
    assert (order.plan, order.price_id, order.base_url) == (PRO.name, PRO.price_id, BASE)
    assert (order.buyer.user_id, order.buyer.email) == (who.user_id, f"{who.user_id}@example.org")
    found = await stall.shop.subscribing.come_back(who, session_id)
    assert found is not None
    assert (found.id, found.plan, found.state) == (order.id, "pro", SubscriptionState.PENDING)


async def test_a_customer_that_is_gone(stall: Stall) -> None:
    """Who has a customer that Stripe doesn't know any more subscribes all the same."""
    who = await stall.user()
    await stall.shop.customers.work()
    stall.stripe.account.records.tables["cus"].clear()
    assert isinstance(await stall.shop.subscribing.begin(who, "pro", BASE), CheckoutUrl)
    assert [order.buyer.customer_id for order in stall.stripe.orders] == [None]


async def test_stripe_refuses(stall: Stall, declared_errors: DeclaredErrors) -> None:
    """What no waiting mends is for a person to look at: the page, and the portal."""
    who = await stall.user()
    session = await begun(stall, who)
    stall.stripe.account.subscriptions.end(session["subscription"])
    await stall.tell("customer.subscription.deleted", session["subscription"])
    stall.stripe.faults += [StripeUnavailable("no permission", refused=True)] * 2
    subscribing = stall.shop.subscribing
    assert await subscribing.begin(who, "pro", BASE) is SubscribeRefusal.STRIPE_UNAVAILABLE
    assert await subscribing.portal(who, BASE) is PortalRefusal.STRIPE_UNAVAILABLE
    declared_errors.expect("checkout refused")
    declared_errors.expect("portal refused")


async def test_while_stripe_is_away_what_is_known_must_do(
    stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for a page hears it within seconds, whether Stripe fails or takes long."""
    assert subscribing._LOOK_SECONDS <= 5
    monkeypatch.setattr(subscribing, "_LOOK_SECONDS", 0.2)
    who = await stall.user()
    paid = await stall.subscribe(who)
    session = await begun(stall, who)
    for fault, slow_seconds in ((StripeUnavailable("away"), 0), (None, 3600)):
        stall.stripe.slow_seconds = slow_seconds
        with trio.fail_after(5):
            stall.stripe.faults += [fault] if fault else []
            known = await stall.shop.subscribing.standing(who)
            stall.stripe.faults += [fault] if fault else []
            found = await stall.shop.subscribing.come_back(who, paid["id"])
        assert known is not None
        assert known.subscription_id == session["subscription"]
        assert found is not None
        assert found.state is SubscriptionState.PENDING


async def test_nobody_is_asked_without_need(stall: Stall) -> None:
    """Stripe is not asked where that is not wanted, nor about what is over."""
    who = await stall.user()
    session = await stall.subscribe(who)
    shop = stall.shop.subscribing
    stall.stripe.requests.clear()
    found = await shop.come_back(who, session["id"], look=False)
    assert found is not None
    assert found.state is SubscriptionState.PENDING
    assert await shop.standing(who) is None
    assert not stall.stripe.requests
    await shop.come_back(who, session["id"])
    stall.stripe.account.subscriptions.end(session["subscription"])
    assert (await standing(stall, who)).running
    ended = await shop.standing(who)
    assert ended is not None
    assert not ended.running
    stall.stripe.requests.clear()
    assert await shop.standing(who) == ended
    assert not stall.stripe.requests


async def test_what_stripe_forgot_is_over(stall: Stall) -> None:
    """A subscription that Stripe doesn't know any more brings nothing, and bars no other."""
    who = await stall.user()
    session = await begun(stall, who)
    del stall.stripe.account.records.tables["sub"][session["subscription"]]
    await stall.tell("customer.subscription.deleted", session["subscription"])
    assert not (await standing(stall, who)).running
    assert isinstance(await stall.shop.subscribing.begin(who, "pro", BASE), CheckoutUrl)
    assert not await stall.shop.fulfilment.call_off(session["subscription"])


async def test_what_came_of_each_message(stall: Stall) -> None:
    """It stands beside it: how an invoice is, and whether a subscription's news was news."""
    who = await stall.user()
    session = await stall.subscribe(who)
    told = [
        ("invoice.paid", session["invoice"], "paid"),
        ("invoice.paid", session["invoice"], "paid"),
        ("invoice.paid", "in_unknown", "not ours"),
        ("customer.subscription.updated", session["subscription"], "known, or not ours"),
        ("customer.subscription.updated", "sub_unknown", "known, or not ours"),
        ("checkout.session.completed", session["id"], "paid"),
    ]
    later = stall.stripe.account.subscriptions.renew(session["subscription"], paid=False)
    told[3:3] = [
        ("invoice.payment_failed", later["latest_invoice"], "open"),
        ("customer.subscription.updated", session["subscription"], "changed"),
    ]
    for kind, thing, _ in told:
        await stall.tell(kind, thing)
    assert await stall.database.transact(outcomes) == [outcome for _, _, outcome in told]


async def test_the_portal(stall: Stall) -> None:
    """For who subscribed, as the customer that Stripe made of a guest; for nobody else."""
    who, other = await stall.user(), await stall.user()
    session = await begun(stall, who)
    portal = stall.shop.subscribing.portal
    url = await portal(who, f"{BASE}/account")
    (opened,) = stall.stripe.account.records.tables["bps"].values()
    assert (opened["url"], opened["customer"]) == (url, session["customer"])
    assert opened["return_url"] == f"{BASE}/account"
    assert await portal(other, BASE) is PortalRefusal.NOT_SUBSCRIBED
    stall.stripe.faults.append(StripeUnavailable("away"))
    assert await portal(who, BASE) is PortalRefusal.STRIPE_UNAVAILABLE
    del stall.stripe.account.records.tables["cus"][session["customer"]]
    assert await portal(who, BASE) is PortalRefusal.NOT_SUBSCRIBED


async def test_an_older_look_changes_nothing(stall: Stall) -> None:
    """Of two looks at a subscription the later one counts, in whichever order they come."""
    who = await stall.user()
    session = await begun(stall, who)
    key = session["subscription"]
    old = await stall.database.transact(take_look)
    said = await stall.stripe.subscription(key)
    assert said is not None
    stall.stripe.account.subscriptions.update(key, {"cancel_at_period_end": "true"})
    await stall.tell("customer.subscription.updated", key)
    await stall.database.transact(subscriptions.record, said, old)
    assert (await standing(stall, who)).cancels


async def test_a_deleted_account_pays_no_more(stall: Stall) -> None:
    """The next comparison has its subscription end with its period."""
    who = await stall.user()
    session = await begun(stall, who)
    await stall.tell("customer.subscription.updated", session["subscription"])

    def delete(connection: Connection) -> None:
        connection.execute(
            "UPDATE users SET email = 'deleted ' || id, password_hash = '', deleted_at = now(),"
            " disabled_at = now() WHERE id = %s",
            (who.user_id,),
        )

    await stall.database.transact(delete)
    await stall.shop.reconcile()
    shown = stall.stripe.account.records.tables["sub"][session["subscription"]]
    assert shown["cancel_at_period_end"]
    assert (await standing(stall, who)).cancels


async def test_another_price_is_told(stall: Stall, declared_errors: DeclaredErrors) -> None:
    """Where somebody changed it at Stripe, what was sold is given, and a person should look."""
    who = await stall.user()
    session = await stall.subscribe(who)
    line = stall.stripe.account.records.tables["in"][session["invoice"]]["lines"]["data"][0]
    line["pricing"]["price_details"]["price"] = "price_other"
    await stall.tell("invoice.paid", session["invoice"])
    assert (await stall.lots(who))[0].amount_ms == PRO.period_ms
    declared_errors.expect("invoice of another price")


async def test_invoices_of_others_are_none_of_ours(stall: Stall) -> None:
    """Another program's subscription grants nobody anything, and is asked about once."""
    account = stall.stripe.account
    params = {
        "mode": "subscription",
        "line_items": [{"price": PRO.price_id, "quantity": "1"}],
        "success_url": BASE,
    }
    session = account.checkout.pay(account.checkout.create(params)["id"])
    for _ in range(2):
        await stall.tell("invoice.paid", session["invoice"])
        await stall.tell("checkout.session.completed", session["id"])
    assert await stall.entries() == []
    assert (await stall.shop.reconcile()).corrected == 0
    assert stall.stripe.requests.count(f"GET /v1/invoices/{session['invoice']}") == 2
    of_subscription = [one for one in stall.stripe.requests if one == "GET /v1/checkout/sessions"]
    assert len(of_subscription) == 2


async def test_pages_that_nobody_went_through_expire(stall: Stall) -> None:
    """Expired at Stripe, or unknown to it a day later."""
    who = await stall.user()
    outcome = await stall.shop.subscribing.begin(who, "pro", BASE)
    assert isinstance(outcome, CheckoutUrl)
    stall.stripe.account.checkout.expire(outcome.checkout_session_id)
    await stall.tell("checkout.session.expired", outcome.checkout_session_id)
    found = await stall.shop.subscribing.come_back(who, outcome.checkout_session_id)
    assert found is not None
    assert found.state is SubscriptionState.EXPIRED
