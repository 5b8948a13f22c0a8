"""Comparing with Stripe where a plan is sold: months, subscriptions, and pages to begin one on."""

from typing import Any, cast

import pytest

from relayd.database.ports import Connection, Database
from relayd.payments.books import invoices
from relayd.payments.books.subscriptions import SubscriptionState
from relayd.payments.fulfilment import reconciliation
from relayd.payments.fulfilment.fulfilment import Fulfilment
from relayd.payments.fulfilment.reconciliation import Reconciled, Reconciliation
from relayd.payments.ports import Invoice
from relayd.payments.shop import CheckoutUrl
from tests.conftest import DeclaredErrors
from tests.payments.stall import PRO, Stall
from tests.payments.till import Forgetful

pytestmark = pytest.mark.system

BASE = "https://relay.example.org"


@pytest.fixture
def stall(database: Database) -> Stall:
    """A shop with a plan."""
    return Stall(database)


async def compare_by_waiting(stall: Stall) -> Reconciled:
    """What is found where Stripe's lists don't reach back far enough."""
    fulfilment = Fulfilment(stall.database, cast("Any", Forgetful(stall.stripe)))
    return await Reconciliation(stall.database, fulfilment).compare()


def make_a_day_pass(connection: Connection) -> None:
    """As if everything had been begun, and looked at, a day and two hours before."""
    for table in ("subscriptions", "subscription_invoices"):
        connection.execute(
            f"UPDATE {table} SET looked_at = looked_at - interval '26 h',"  # noqa: S608 - ours
            " created_at = created_at - interval '26 h'"
        )


async def test_everything_lost(stall: Stall) -> None:
    """Subscriptions and their months, of which no message came: all in one comparison."""
    users = [await stall.user() for _ in range(2)]
    sessions = [await stall.subscribe(who) for who in users]
    later = stall.stripe.account.subscriptions.renew(sessions[1]["subscription"])

    done = await stall.shop.reconcile()
    again = await stall.shop.reconcile()

    # Each subscription is looked at with its Session, and then not for a day.
    assert (done.sessions, done.invoices, done.subscriptions) == (2, 3, 0)
    # What the invoices grant is found with their Sessions, or as invoices of what is known.
    assert (done.corrected, again.corrected) == (3, 0)
    assert [len(await stall.lots(who)) for who in users] == [1, 2]
    assert later["latest_invoice"] in {lot.source_id for lot in await stall.lots(users[1])}
    await stall.assert_balanced()


async def test_invoices_that_wait_are_looked_at_however_old(stall: Stall) -> None:
    """Months that were not paid at once, and are by now, are found without any list."""
    users, open_ones = [await stall.user() for _ in range(2)], []
    account = stall.stripe.account
    for who in users:
        session = await stall.subscribe(who)
        await stall.tell("checkout.session.completed", session["id"])
        key = account.subscriptions.renew(session["subscription"], paid=False)["latest_invoice"]
        await stall.tell("invoice.payment_failed", key)
        open_ones.append(key)
    waiting = await compare_by_waiting(stall)
    assert (waiting.invoices, waiting.corrected) == (2, 0)
    for key in open_ones:
        account.subscriptions.retry(key, paid=True)

    done = await compare_by_waiting(stall)

    assert (done.invoices, done.corrected) == (2, 2)
    assert [len(await stall.lots(who)) for who in users] == [2, 2]
    assert (await compare_by_waiting(stall)).invoices == 0
    await stall.assert_balanced()


async def test_subscriptions_are_looked_at_every_day(stall: Stall) -> None:
    """That they ended, of which nobody told; what was looked at is left alone for a day."""
    users = [await stall.user() for _ in range(2)]
    for who in users:
        session = await stall.subscribe(who)
        await stall.tell("checkout.session.completed", session["id"])
        stall.stripe.account.subscriptions.end(session["subscription"])
    assert (await compare_by_waiting(stall)).subscriptions == 0
    await stall.database.transact(make_a_day_pass)

    done = await compare_by_waiting(stall)

    assert (done.subscriptions, done.corrected) == (2, 2)
    for who in users:
        found = await stall.shop.subscribing.standing(who, look=False)
        assert found is not None
        assert found.state is SubscriptionState.ENDED


async def test_pages_that_stripe_does_not_know(stall: Stall) -> None:
    """They are waited for as long as one lives, and then closed; one that is known stays."""
    who = await stall.user()
    begin = stall.shop.subscribing.begin
    pages = [await begin(who, PRO.name, BASE) for _ in range(3)]
    ids = [page.checkout_session_id for page in pages if isinstance(page, CheckoutUrl)]
    kept = [stall.stripe.sessions.pop(session_id) for session_id in ids[:2]]
    assert (await compare_by_waiting(stall)).expired == 0
    await stall.database.transact(make_a_day_pass)

    done = await compare_by_waiting(stall)

    assert (done.expired, done.sessions) == (2, 1)
    found = [await stall.shop.subscribing.come_back(who, one, look=False) for one in ids]
    states = [SubscriptionState.EXPIRED] * 2 + [SubscriptionState.PENDING]
    assert [one.state for one in found if one] == states
    # Whoever has paid on it after all has what they paid for.
    stall.stripe.sessions[ids[0]] = kept[0]
    stall.stripe.account.checkout.pay(ids[0])
    await stall.tell("checkout.session.completed", ids[0])
    assert len(await stall.lots(who)) == 1


async def test_a_list_without_end(stall: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at of invoices in one go is bounded, and the gap is not forgotten."""
    session = await stall.subscribe(await stall.user())
    for _ in range(2):
        stall.stripe.account.subscriptions.renew(session["subscription"])
    monkeypatch.setattr(reconciliation, "PAGES_MAX", 1)
    done = await stall.shop.reconcile()
    assert done.truncated
    assert await stall.database.transact(reconciliation.due_in_seconds, 300) == 0


async def test_so_many_at_once(stall: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is asked for one by one, a comparison takes a part, and the next one the rest."""
    monkeypatch.setattr(reconciliation, "SINGLE_MAX", 1)
    for _ in range(2):
        session = await stall.subscribe(await stall.user())
        await stall.tell("checkout.session.completed", session["id"])
        later = stall.stripe.account.subscriptions.renew(session["subscription"], paid=False)
        await stall.tell("invoice.payment_failed", later["latest_invoice"])
        await stall.shop.subscribing.begin(await stall.user(), PRO.name, BASE)
    await stall.database.transact(make_a_day_pass)
    for _ in range(2):
        done = await compare_by_waiting(stall)
        assert (done.sessions, done.invoices, done.subscriptions) == (1, 1, 1)


async def test_deleted_accounts_are_called_off_some_at_a_time(
    stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comparison has so many subscriptions end with their period, the next one the rest."""
    monkeypatch.setattr(reconciliation, "SINGLE_MAX", 1)
    for _ in range(2):
        session = await stall.subscribe(await stall.user())
        await stall.tell("checkout.session.completed", session["id"])

    def delete(connection: Connection) -> None:
        connection.execute(
            "UPDATE users SET email = 'deleted ' || id, password_hash = '', deleted_at = now(),"
            " disabled_at = now()"
        )

    await stall.database.transact(delete)
    for called_off in (1, 2):
        await compare_by_waiting(stall)
        shown = stall.stripe.account.records.tables["sub"].values()
        assert sum(one["cancel_at_period_end"] for one in shown) == called_off


async def test_a_fault_in_one_holds_up_no_other(
    stall: Stall, declared_errors: DeclaredErrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invoice that can't be put right is counted and logged, wherever it was found."""
    users = [await stall.user() for _ in range(2)]
    sessions = [await stall.subscribe(who) for who in users]
    for session in sessions:
        await stall.tell("customer.subscription.updated", session["subscription"])
        await stall.tell("checkout.session.completed", session["id"])
    later = [
        stall.stripe.account.subscriptions.renew(one["subscription"])["latest_invoice"]
        for one in sessions
    ]
    settle = invoices.settle

    def settle_some(connection: Connection, invoice: Invoice, look: int) -> Any:
        assert invoice.id != later[0]
        return settle(connection, invoice, look)

    monkeypatch.setattr(invoices, "settle", settle_some)
    done = await stall.shop.reconcile()
    assert (done.failed, done.corrected) == (1, 1)
    declared_errors.expect("could not be reconciled")
    monkeypatch.setattr(invoices, "settle", settle)
    assert (await stall.shop.reconcile()).corrected == 1
    await stall.assert_balanced()
