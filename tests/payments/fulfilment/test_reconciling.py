"""Comparing with Stripe's lists: what was lost is made up for, and nothing else is touched."""

import datetime as dt
from typing import Any, cast

import attrs
import pytest
import trio
import trio.testing

from relayd.database.ports import Connection, Database
from relayd.errors import DatabaseUnavailable, StripeUnavailable
from relayd.ledger.outcomes import Balance
from relayd.payments.books import purchases
from relayd.payments.fulfilment import reconciliation
from relayd.payments.fulfilment.fulfilment import Fulfilment
from relayd.payments.fulfilment.reconciliation import Reconciliation
from relayd.payments.ports import CheckoutSession
from tests.conftest import DeclaredErrors
from tests.payments.stall import MS, PACK, PRICE, Stall
from tests.payments.till import Forgetful, Till


@pytest.fixture
def stall(database: Database) -> Stall:
    """A shop without customers."""
    return Stall(database)


@pytest.mark.system
async def test_everything_lost(stall: Stall) -> None:
    """Payments, refunds and disputes of which no message came: all in one comparison."""
    who = await stall.user()
    sessions = [await stall.begin(who) for _ in range(5)]
    for session_id in sessions[:4]:
        stall.stripe.pay(session_id)
    for session_id in sessions[:3]:
        stall.stripe.refund_of(session_id, 350)
    dispute = stall.stripe.dispute_of(sessions[3], PRICE)

    done = await stall.shop.reconcile()
    again = await stall.shop.reconcile()

    assert (done.sessions, done.refunds, done.disputes) == (5, 3, 1)
    assert (done.corrected, again.corrected) == (4 + 3 + 1, 0)
    assert await stall.balance(who) == Balance(4 * MS - 3 * MS // 2, 0, 0, frozen=True)
    stall.stripe.lose(dispute.id)
    assert (await stall.shop.reconcile()).corrected == 1
    assert await stall.balance(who) == Balance(3 * MS - 3 * MS // 2, 0, 0)
    await stall.assert_balanced()


@pytest.mark.system
async def test_what_waits_is_looked_at_however_old(stall: Stall) -> None:
    """A payment, a refund and a dispute that take long are found without any list."""
    who = await stall.user()
    paid, slow, _ = await stall.buy(who), await stall.begin(who), await stall.begin(who)
    refund = stall.stripe.refund_of(paid, 70, "pending")
    dispute = stall.stripe.dispute_of(paid, 70)
    await stall.tell("refund.created", refund.id)
    await stall.tell("charge.dispute.created", dispute.id)
    stall.stripe.pay(slow)
    stall.stripe.account.refunds.turn(refund.id, "failed")
    stall.stripe.account.disputes.close(dispute.id, "won")
    forgetful = Forgetful(stall.stripe)
    fulfilment = Fulfilment(stall.database, cast("Any", forgetful))

    done = await Reconciliation(stall.database, fulfilment).compare()

    assert (done.sessions, done.corrected) == (2, 3)
    assert await stall.balance(who) == Balance(2 * MS, 0, 0)
    await stall.assert_balanced()


@pytest.mark.system
async def test_a_slow_payment_has_not_failed(stall: Stall) -> None:
    """A bank that takes days: until one is told that it failed, the purchase waits."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.account.checkout.pay_later(session_id)
    await stall.shop.reconcile()
    assert [one.status for one in await stall.purchases()] == ["pending"]
    stall.stripe.account.checkout.succeed(session_id)
    assert (await stall.shop.reconcile()).corrected == 1
    assert await stall.balance(who) == Balance(MS, 0, 0)


@pytest.mark.system
async def test_paid_and_of_no_purchase_here(stall: Stall) -> None:
    """As after a restore: it is named, nothing is guessed, and who didn't pay is no news."""
    who = await stall.user()
    paid, waiting = await stall.begin(who), await stall.begin(who)
    stall.stripe.pay(paid)
    await stall.database.transact(lambda connection: connection.execute("DELETE FROM purchases"))

    done = await stall.shop.reconcile()

    assert done.strangers == [paid]
    assert waiting not in done.strangers
    assert done.corrected == 0
    await stall.assert_balanced()


def make_old(connection: Connection) -> None:
    """As if every purchase had been begun two days ago."""
    connection.execute("UPDATE purchases SET created_at = created_at - interval '2 days'")


@pytest.mark.system
async def test_unknown_to_stripe(stall: Stall) -> None:
    """A Session that Stripe doesn't know is waited for as long as one lives, and then closed."""
    who = await stall.user()
    session_id = await stall.begin(who)
    kept = stall.stripe.sessions.pop(session_id)
    assert (await stall.shop.reconcile()).expired == 0
    await stall.database.transact(make_old)

    assert (await stall.shop.reconcile()).expired == 1

    assert [one.status for one in await stall.purchases()] == ["expired"]
    stall.stripe.requests.clear()
    await stall.shop.reconcile()
    assert f"GET /v1/checkout/sessions/{session_id}" not in stall.stripe.requests
    # Money that comes after all still counts.
    stall.stripe.sessions[session_id] = kept
    stall.stripe.pay(session_id)
    await stall.tell("checkout.session.completed", session_id)
    assert await stall.balance(who) == Balance(MS, 0, 0)


@pytest.mark.system
async def test_all_that_came_to_nothing_is_counted(stall: Stall) -> None:
    """What Stripe doesn't know, and what never got as far as a page of Stripe's."""
    who = await stall.user()
    for _ in range(2):
        stall.stripe.sessions.pop(await stall.begin(who))
        stall.stripe.faults.append(StripeUnavailable("away"))
        await stall.shop.checkout(who, PACK.id, "https://relay.example.org")
    await stall.database.transact(make_old)
    assert (await stall.shop.reconcile()).expired == 4


@pytest.mark.system
async def test_the_unknown_starve_nobody(stall: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many purchases come to nothing at Stripe, the others get their turn."""
    monkeypatch.setattr(reconciliation, "SINGLE_MAX", 2)
    who = await stall.user()
    unknown = [await stall.begin(who) for _ in range(4)]
    slow = await stall.begin(who)
    stall.stripe.pay(slow)
    forgetful = Forgetful(stall.stripe)
    for session_id in unknown:
        del stall.stripe.sessions[session_id]
    fulfilment = Fulfilment(stall.database, cast("Any", forgetful))
    for _ in range(3):
        await Reconciliation(stall.database, fulfilment).compare()
    assert await stall.balance(who) == Balance(MS, 0, 0)


@pytest.mark.system
async def test_so_many_at_once(stall: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is asked for one by one, a comparison takes a part, and the next one the rest."""
    monkeypatch.setattr(reconciliation, "SINGLE_MAX", 1)
    who = await stall.user()
    for session_id in [await stall.buy(who) for _ in range(2)]:
        refund = stall.stripe.refund_of(session_id, 70, "pending")
        await stall.tell("refund.created", refund.id)
        stall.stripe.account.refunds.turn(refund.id, "succeeded")
        await stall.begin(who)
    fulfilment = Fulfilment(stall.database, cast("Any", Forgetful(stall.stripe)))
    for _ in range(2):
        done = await Reconciliation(stall.database, fulfilment).compare()
        assert (done.sessions, done.corrected) == (1, 1)


@pytest.mark.system
async def test_a_failure_starves_nobody(stall: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither does one whose Session can't be told: the next comparison begins behind it."""
    monkeypatch.setattr(reconciliation, "SINGLE_MAX", 1)
    who = await stall.user()
    await stall.begin(who)
    slow = await stall.begin(who)
    stall.stripe.pay(slow)
    fulfilment = Fulfilment(stall.database, cast("Any", Forgetful(stall.stripe)))
    stall.stripe.faults.append(StripeUnavailable("no"))
    with pytest.raises(StripeUnavailable):
        await Reconciliation(stall.database, fulfilment).compare()
    await Reconciliation(stall.database, fulfilment).compare()
    assert await stall.balance(who) == Balance(MS, 0, 0)


@pytest.mark.system
async def test_unknown_reversals_starve_nobody(
    stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refunds that Stripe doesn't know any more are looked at after those that it does."""
    monkeypatch.setattr(reconciliation, "SINGLE_MAX", 1)
    who = await stall.user()
    paid = await stall.buy(who)
    gone, slow = (stall.stripe.refund_of(paid, 70, "pending") for _ in range(2))
    for refund in (gone, slow):
        await stall.tell("refund.created", refund.id)
    del stall.stripe.refunds[gone.id]
    stall.stripe.account.refunds.turn(slow.id, "failed")
    fulfilment = Fulfilment(stall.database, cast("Any", Forgetful(stall.stripe)))
    done = [await Reconciliation(stall.database, fulfilment).compare() for _ in range(2)]
    assert [one.corrected for one in done] == [0, 1]


@pytest.mark.system
async def test_unknown_disputes_starve_nobody(
    stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same of disputes."""
    monkeypatch.setattr(reconciliation, "SINGLE_MAX", 1)
    who = await stall.user()
    gone, slow = [stall.stripe.dispute_of(await stall.buy(who), PRICE) for _ in range(2)]
    for dispute in (gone, slow):
        await stall.tell("charge.dispute.created", dispute.id)
    del stall.stripe.disputes[gone.id]
    stall.stripe.lose(slow.id)
    fulfilment = Fulfilment(stall.database, cast("Any", Forgetful(stall.stripe)))
    done = [await Reconciliation(stall.database, fulfilment).compare() for _ in range(2)]
    assert [one.corrected for one in done] == [0, 1]
    assert (await stall.balance(who)).balance_ms == MS


@pytest.mark.system
async def test_where_the_next_begins(stall: Stall) -> None:
    """From the last one on, and over 35 days where none looked that far for a day."""
    day = dt.timedelta(days=1)
    first = await stall.shop.reconcile()
    second = await stall.shop.reconcile()
    now, _ = await stall.database.transact(reconciliation.next_since)
    assert now - first.since >= 34 * day
    assert dt.timedelta() < now - second.since < dt.timedelta(hours=2)

    def age(connection: Connection) -> None:
        connection.execute(
            "UPDATE reconciliations SET started_at = started_at - interval '25 h',"
            " since = since - interval '25 h'"
        )

    await stall.database.transact(age)
    third = await stall.shop.reconcile()
    assert now - third.since >= 34 * day


@pytest.mark.system
async def test_a_short_one_leaves_no_gap(stall: Stall) -> None:
    """One that was told to look back less than is due does not count as the last."""
    now, due = await stall.database.transact(reconciliation.next_since)
    short = now - dt.timedelta(minutes=1)
    assert (await stall.shop.reconcile(short)).since == short
    assert (await stall.shop.reconcile()).since >= due
    assert now - due >= dt.timedelta(days=34)
    assert 290 < await stall.database.transact(reconciliation.due_in_seconds, 300) <= 300


@pytest.mark.system
async def test_a_list_without_end(stall: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at in one go is bounded, and the gap is not forgotten."""
    monkeypatch.setattr(reconciliation, "PAGES_MAX", 1)
    who = await stall.user()
    for _ in range(3):
        await stall.begin(who)
    done = await stall.shop.reconcile()
    assert done.truncated
    assert await stall.database.transact(reconciliation.due_in_seconds, 300) == 0


@pytest.mark.system
async def test_refunds_without_end(stall: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same of refunds, where the sessions fit."""
    monkeypatch.setattr(reconciliation, "PAGES_MAX", 1)
    who = await stall.user()
    session_id = await stall.buy(who)
    for amount in (1, 2, 3):
        stall.stripe.refund_of(session_id, amount)
    done = await stall.shop.reconcile()
    assert done.truncated
    assert await stall.database.transact(reconciliation.due_in_seconds, 300) == 0


# What finds rows that wait.
SEEKING = {"take_waiting", "unsettled", "take_open", "take_due", "unwanted"}


@attrs.define(eq=False)
class Scripted:
    """Says when the next comparison is due, and hears when one was made."""

    due: list[float | Exception]
    compared: list[float] = attrs.field(factory=list)

    async def transact(self, function: Any, *arguments: Any) -> Any:
        """Answer."""
        await trio.lowlevel.checkpoint()
        if function is reconciliation.due_in_seconds:
            assert arguments == (300,)
            answer = self.due.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        if function is reconciliation.next_since:
            return dt.datetime.now(dt.UTC), dt.datetime.now(dt.UTC)
        if function is reconciliation.record:
            self.compared.append(trio.current_time())
        if function.__name__ in {"paid_among", "begun_among"}:
            return set()
        return [] if function.__name__ in SEEKING else 0


async def test_every_five_minutes(
    autojump_clock: trio.testing.MockClock, declared_errors: DeclaredErrors
) -> None:
    """At the start, then every 300 s; after a failure soon again; others' work counts."""
    outage, bug = DatabaseUnavailable("away"), ZeroDivisionError()
    database = Scripted([0, 0, 120.0, 0, outage, 0, bug, 0, 0])
    stripe = Till()
    fulfilment = Fulfilment(cast("Any", database), stripe)
    with trio.move_on_after(1400):
        await Reconciliation(cast("Any", database), fulfilment).run(300)
    # Compared at 0 and 300; at 600 another daemon had, 120 s before it is due.
    assert database.compared == [0, 300, 720, 1050, 1380]
    declared_errors.expect("background work failed")


@pytest.mark.parametrize("refused", [False, True])
async def test_stripe_away(
    refused: bool, autojump_clock: trio.testing.MockClock, declared_errors: DeclaredErrors
) -> None:
    """A comparison that Stripe cut short is made again, and does not count."""
    database = Scripted([0, 0, 0])
    stripe = Till()
    stripe.faults.append(StripeUnavailable("away", refused=refused))
    with trio.move_on_after(100):
        fulfilment = Fulfilment(cast("Any", database), stripe)
        await Reconciliation(cast("Any", database), fulfilment).run(300)
    assert database.compared == [30]
    if refused:
        declared_errors.expect("background work waits")


async def test_while_stripe_stays_away(autojump_clock: trio.testing.MockClock) -> None:
    """It is tried again ever more rarely, but never more rarely than where all is well."""
    database = Scripted([0] * 9)
    stripe = Till()
    stripe.faults += [StripeUnavailable("away")] * 6
    with trio.move_on_after(1100):
        fulfilment = Fulfilment(cast("Any", database), stripe)
        await Reconciliation(cast("Any", database), fulfilment).run(300)
    assert database.compared == [30 + 60 + 120 + 240 + 300 + 300]


@pytest.mark.system
async def test_a_fault_in_one_holds_up_no_other(
    stall: Stall, declared_errors: DeclaredErrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be put right is counted and logged; the rest of the comparison is done."""
    who = await stall.user()
    bad, good = await stall.begin(who), await stall.begin(who)
    for session_id in (bad, good):
        stall.stripe.pay(session_id)
    settle = purchases.settle

    def settle_some(connection: Connection, session: CheckoutSession, state: Any) -> Any:
        assert session.id != bad
        return settle(connection, session, state)

    monkeypatch.setattr(purchases, "settle", settle_some)
    done = await stall.shop.reconcile()
    # It stands in the list and among those that wait.
    assert (done.failed, done.corrected) == (2, 1)
    for _ in range(2):
        declared_errors.expect("could not be reconciled")

    monkeypatch.setattr(purchases, "settle", settle)
    done = await stall.shop.reconcile()
    assert (done.failed, done.corrected) == (0, 1)
    await stall.assert_balanced()
