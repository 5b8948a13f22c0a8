"""What a subscription's invoice grants, and what is known of its payment."""

import datetime as dt

import attrs
import pytest

from relayd.database.ports import Database
from relayd.payments.books import subscriptions
from relayd.payments.books.invoices import settle, take_open
from relayd.payments.shop import CheckoutUrl
from tests.payments.stall import PRO, Stall

pytestmark = pytest.mark.system


@pytest.fixture
def stall(database: Database) -> Stall:
    """A shop with a plan."""
    return Stall(database)


@pytest.mark.parametrize("live", [False, True])
async def test_a_plan_gives_what_was_sold(stall: Stall, live: bool) -> None:
    """Minutes for recordings alone, or for streams too, whatever the plan is by now."""
    who = await stall.user()
    sold = attrs.evolve(PRO, live=live, period_ms=7000)
    subscribing = attrs.evolve(stall.shop.subscribing, plans=[sold])
    outcome = await subscribing.begin(who, PRO.name, "https://relay.example.org")
    assert isinstance(outcome, CheckoutUrl)
    stall.stripe.account.checkout.pay(outcome.checkout_session_id)
    await stall.tell("checkout.session.completed", outcome.checkout_session_id)
    (lot,) = await stall.lots(who)
    assert (lot.live, lot.amount_ms) == (live, 7000)


async def test_the_very_first_look_counts(stall: Stall) -> None:
    """An invoice that waits for its bank is known from then on, and looked at again."""
    outcome = await stall.shop.subscribing.begin(
        await stall.user(), PRO.name, "https://relay.example.org"
    )
    assert isinstance(outcome, CheckoutUrl)
    session = stall.stripe.account.checkout.pay_later(outcome.checkout_session_id)
    await stall.tell("checkout.session.completed", session["id"])
    now = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    assert await stall.database.transact(take_open, now, 10) == [session["invoice"]]


async def test_an_older_look_says_what_was_paid(stall: Stall) -> None:
    """Of two looks the later one counts, but for this: what was paid is paid, whoever tells."""
    who = await stall.user()
    session = await stall.subscribe(who)
    said = await stall.stripe.session(session["id"])
    paid = await stall.stripe.invoice(session["invoice"])
    assert said is not None
    assert paid is not None
    await stall.database.transact(subscriptions.settle, said)
    for status, look, changed in (
        ("uncollectible", 7, True),
        ("open", 6, False),
        ("paid", 5, True),
        ("void", 8, False),
    ):
        told = attrs.evolve(paid, status=status)
        billed = await stall.database.transact(settle, told, look)
        assert billed is not None
        assert billed.changed is changed
    assert len(await stall.lots(who)) == 1


async def test_by_what_it_was_paid_may_come_later(stall: Stall) -> None:
    """An invoice that is paid, and its payment not yet to be seen: a refund still finds it."""
    who = await stall.user()
    session = await stall.subscribe(who)
    (payment,) = stall.stripe.account.records.tables["inpay"].values()
    payment["status"] = "open"
    await stall.tell("checkout.session.completed", session["id"])
    payment["status"] = "paid"
    await stall.tell("invoice.paid", session["invoice"])
    refund = stall.stripe.account.refund(session["invoice"])
    await stall.tell("refund.created", refund["id"])
    (lot,) = await stall.lots(who)
    assert (lot.amount_ms, lot.remaining_ms) == (PRO.period_ms, 0)
    await stall.assert_balanced()
