"""Messages: kept before they are answered, worked on until it is done, whatever fails meanwhile."""

from typing import Any, cast

import attrs
import pytest
import trio
import trio.testing

from relayd.database.ports import Connection, Database
from relayd.errors import DatabaseUnavailable, StripeUnavailable
from relayd.payments.fulfilment import events, reconciliation
from relayd.payments.fulfilment.events import (
    ATTEMPTS_MAX,
    BATCH,
    CALLS_MAX,
    KINDS,
    Event,
    EventQueue,
    prune,
)
from relayd.payments.fulfilment.fulfilment import Fulfilment
from relayd.payments.ports import PurchaseState, Refund
from relayd.payments.shop import Accepted, Rejected
from tests.conftest import DeclaredErrors
from tests.payments.stall import MS, Stall, event_body, outcomes, signature_of
from tests.payments.till import Till


@pytest.fixture
def stall(database: Database) -> Stall:
    """A shop without customers."""
    return Stall(database)


@pytest.mark.system
async def test_kept_once(stall: Stall) -> None:
    """The same message again is answered alike and worked on once."""
    who = await stall.user()
    session_id = await stall.begin(who)
    body = event_body(1, "checkout.session.completed", session_id)
    told: list[str] = []
    stall.shop.events.told = lambda: told.append("news")
    for _ in range(3):
        assert await stall.shop.webhook(body, signature_of(body)) == Accepted()
    assert await stall.unprocessed() == 1
    assert told == ["news"]
    await stall.work()
    assert await stall.shop.webhook(body, signature_of(body)) == Accepted()
    assert await stall.unprocessed() == 0


@pytest.mark.system
async def test_of_no_interest(stall: Stall) -> None:
    """What we don't deal in is answered and forgotten."""
    assert await stall.deliver("customer.created", "cus_1") == Accepted()
    assert await stall.unprocessed() == 0


@pytest.mark.system
async def test_a_wrong_version_is_loud(stall: Stall, declared_errors: DeclaredErrors) -> None:
    """Nothing is stored of what we can't read, and a person should look."""
    body = event_body(1, "charge.refunded", "ch_1", api_version="2020-08-27")
    outcome = await stall.shop.webhook(body, signature_of(body))
    assert isinstance(outcome, Rejected)
    assert await stall.unprocessed() == 0
    declared_errors.expect("webhook rejected")


@pytest.mark.system
async def test_what_is_wrongly_signed_is_no_news(stall: Stall) -> None:
    """Anybody can send such: nothing is stored, and no person is called for it."""
    body = event_body(1, "charge.refunded", "ch_1")
    assert isinstance(await stall.shop.webhook(body, signature_of(b"{}")), Rejected)
    assert isinstance(await stall.shop.webhook(body, None), Rejected)
    assert await stall.unprocessed() == 0


@pytest.mark.system
async def test_every_kind_has_its_way(stall: Stall) -> None:
    """Each kind we ask Stripe for is dealt with, also about what nobody knows."""
    for kind in sorted(KINDS):
        await stall.tell(kind, "xx_unknown")
    assert await stall.unprocessed() == 0
    assert await stall.entries() == []


@pytest.mark.system
async def test_what_came_of_each_stands_beside_it(stall: Stall) -> None:
    """For a person who looks: what a message changed, or why it changed nothing."""
    who = await stall.user()
    bought, declined = await stall.begin(who), await stall.begin(who)
    stall.stripe.pay(bought)
    refund = stall.stripe.refund_of(bought, 100)
    stall.stripe.account.checkout.pay_later(declined)
    theirs = {"id": "re_theirs", "payment_intent": "pi_theirs", "charge": "ch_theirs"}
    stall.stripe.refunds["re_theirs"] = stall.stripe.refunds[refund.id] | theirs
    # Until somebody says that it failed, it may still be paid.
    assert await stall.shop.fulfil(declined) is PurchaseState.PENDING
    told = [
        ("checkout.session.completed", bought, "paid"),
        ("checkout.session.completed", "cs_unknown", "not ours"),
        ("refund.created", refund.id, "changed"),
        ("refund.updated", refund.id, "known"),
        ("refund.updated", "re_unknown", "not ours"),
        ("refund.updated", "re_theirs", "nothing of ours has this payment"),
        ("charge.refunded", stall.stripe.account.charge_of(bought)["id"], "1 refunds"),
        ("charge.dispute.created", stall.stripe.dispute_of(bought, 600).id, "changed"),
        ("checkout.session.async_payment_failed", declined, "failed"),
        ("payment_intent.payment_failed", "pi_1", "logged"),
    ]
    stall.stripe.account.checkout.fail(declined)
    for kind, thing, _ in told:
        await stall.tell(kind, thing)

    assert await stall.database.transact(outcomes) == [outcome for _, _, outcome in told]


@pytest.mark.system
async def test_stripe_away(stall: Stall) -> None:
    """While Stripe is away a message waits for the end of a pause, and is then worked on."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.pay(session_id)
    stall.stripe.faults.append(StripeUnavailable("away"))
    await stall.tell("checkout.session.completed", session_id)
    assert await stall.entries() == []
    await stall.work()
    assert await stall.entries() == []
    await stall.make_due()
    await stall.work()
    assert await stall.entries() == [("purchase", MS)]
    assert await stall.unprocessed() == 0


@pytest.mark.system
async def test_pauses_double(stall: Stall) -> None:
    """After each failure a message waits twice as long as before, a quarter of an hour at most."""
    await stall.deliver("refund.created", "re_1")
    stall.stripe.faults += [StripeUnavailable("away")] * 8
    pauses = []
    while stall.stripe.faults:
        await stall.make_due()
        await stall.work()
        pauses.append(await stall.database.transact(due_in_seconds))
    assert pauses == [15, 30, 60, 120, 240, 480, 900, 900]


def due_in_seconds(connection: Connection) -> int:
    """When the one message is due again."""
    row = connection.execute(
        "SELECT extract(epoch FROM next_attempt_at - now())::int FROM stripe_events"
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.system
async def test_the_lease_outlasts_the_work(stall: Stall) -> None:
    """While a call to Stripe may still last, nobody else takes the message that it is about."""
    lasting = []

    class Asked(Till):
        async def refund(self, refund_id: str) -> Refund | None:
            lasting.append(await stall.database.transact(due_in_seconds))
            return await super().refund(refund_id)

    stripe = Asked()
    await stall.deliver("refund.created", "re_1")
    await EventQueue(stall.database, Fulfilment(stall.database, stripe)).work()
    # A refund of a payment whose own message was lost takes two.
    assert lasting[0] > 2 * stripe.call_seconds


async def test_work_ends_within_the_lease(autojump_clock: trio.testing.MockClock) -> None:
    """What takes longer than a message may is cut off, put off, and leaves the worker free."""
    endless = Event("evt_1", "refund.created", "re_1")
    database = Scripted([[endless], []])
    stripe = Till(slow_seconds=float("inf"))
    queue = EventQueue(cast("Any", database), Fulfilment(cast("Any", database), stripe))
    assert await queue.work() == 1
    assert trio.current_time() == CALLS_MAX * stripe.call_seconds < database.leases[0]
    assert database.put_off == ["evt_1"]
    assert database.finished == []


async def test_what_always_takes_too_long_is_given_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The last attempt that was cut off ends it: reconciliation remains."""
    last, another = (
        Event(f"evt_{attempts}", "refund.created", "re_1", attempts=attempts)
        for attempts in (ATTEMPTS_MAX, ATTEMPTS_MAX - 1)
    )
    database = Scripted([[last, another], []])
    stripe = Till(slow_seconds=float("inf"))
    queue = EventQueue(cast("Any", database), Fulfilment(cast("Any", database), stripe))
    assert await queue.work() == 2
    assert (database.finished, database.put_off) == ([last.id], [another.id])


@pytest.mark.system
async def test_a_bug_in_one(stall: Stall, declared_errors: DeclaredErrors) -> None:
    """A message that we fail at neither ends the daemon nor keeps another one waiting."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.pay(session_id)
    stall.stripe.faults.append(ZeroDivisionError())
    await stall.deliver("refund.created", "re_1")
    await stall.work()
    await stall.tell("checkout.session.completed", session_id)
    assert await stall.entries() == [("purchase", MS)]
    assert await stall.unprocessed() == 1
    declared_errors.expect("message could not be worked on")


@pytest.mark.system
async def test_given_up_in_the_end(stall: Stall, declared_errors: DeclaredErrors) -> None:
    """After more than a day reconciliation remains."""
    await stall.deliver("refund.created", "re_1")
    await stall.database.transact(
        lambda connection: connection.execute("UPDATE stripe_events SET attempts = %s", (149,))
    )
    assert ATTEMPTS_MAX == 150
    stall.stripe.faults.append(StripeUnavailable("away"))
    await stall.work()
    assert await stall.unprocessed() == 0
    declared_errors.expect("message waits for Stripe")


@pytest.mark.system
async def test_daemons_share_the_work(stall: Stall) -> None:
    """Several daemons at it never take the same message at once."""
    for number in range(12):
        await stall.deliver("refund.created", f"re_{number}")
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(stall.work)
    asked = {f"GET /v1/refunds/re_{number}" for number in range(12)}
    assert len(stall.stripe.requests) == 12
    assert {*stall.stripe.requests} == asked


@pytest.mark.system
async def test_so_many_at_once(stall: Stall) -> None:
    """A daemon asks Stripe about a few messages at a time, however many wait."""
    for number in range(BATCH + 2):
        await stall.deliver("refund.created", f"re_{number}")
    assert [await stall.shop.events.work() for _ in range(3)] == [BATCH, 2, 0]


@pytest.mark.system
async def test_everything_in_the_background(stall: Stall) -> None:
    """A daemon works on messages, registers buyers and compares, one beside the other."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.pay(session_id)
    await stall.deliver("checkout.session.completed", session_id)
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stall.shop.run)
            while await stall.unprocessed() or not stall.stripe.customers:
                await trio.lowlevel.checkpoint()
            while await stall.database.transact(reconciliation.due_in_seconds, 300) == 0:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    assert await stall.entries() == [("purchase", MS)]


@pytest.mark.system
async def test_old_messages_are_forgotten(stall: Stall) -> None:
    """Only those that were done with a month ago."""
    await stall.tell("refund.created", "re_1")
    assert await stall.database.transact(prune) == 0
    await stall.database.transact(
        lambda connection: connection.execute(
            "UPDATE stripe_events SET processed_at = now() - interval '31 days'"
        )
    )
    assert await stall.database.transact(prune) == 1


@pytest.mark.system
async def test_the_database_away_in_between(stall: Stall) -> None:
    """Away between storing and working, and again before the end is written: credited once."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.pay(session_id)
    await stall.deliver("checkout.session.completed", session_id)
    for statement in ("claim", "settle", "finish"):
        flaky = Flaky(stall.database, {statement})
        fulfilment = Fulfilment(cast("Any", flaky), stall.stripe)
        queue = EventQueue(cast("Any", flaky), fulfilment)
        await stall.make_due()
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(queue.run)
                await flaky.refusing.wait()
                nursery.cancel_scope.cancel()
        assert await stall.unprocessed() == 1
    await stall.make_due()
    # A daemon that starts finds what the one before left.
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stall.shop.events.run)
            while await stall.unprocessed():
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    assert await stall.unprocessed() == 0
    assert await stall.entries() == [("purchase", MS)]
    await stall.assert_balanced()


@attrs.define(eq=False)
class Flaky:
    """A database that is away for some statements."""

    database: Any
    away: set[str]
    refusing: trio.Event = attrs.field(factory=trio.Event)

    async def transact(self, function: Any, *arguments: Any) -> Any:
        """Refuse, or do."""
        if function.__name__ in self.away:
            self.refusing.set()
            raise DatabaseUnavailable("away")
        return await self.database.transact(function, *arguments)


@attrs.define(eq=False)
class Scripted:
    """A database whose answers are written down; it counts how often it is asked for work."""

    due: list[list[Event] | Exception]
    claims: list[float] = attrs.field(factory=list)
    leases: list[float] = attrs.field(factory=list)
    finished: list[str] = attrs.field(factory=list)
    put_off: list[str] = attrs.field(factory=list)

    async def transact(self, function: Any, *arguments: Any) -> Any:
        """Answer."""
        await trio.lowlevel.checkpoint()
        if function is events.store:
            self.due.append([arguments[0]])
            return True
        if function is events.claim:
            self.claims.append(trio.current_time())
            self.leases.append(arguments[1])
            answer = self.due.pop(0) if self.due else []
            if isinstance(answer, Exception):
                raise answer
            return answer
        if function is events.finish:
            self.finished.append(arguments[0])
        if function is events.put_off:
            self.put_off.append(arguments[0])
        return None


async def test_worked_on_at_once(autojump_clock: trio.testing.MockClock) -> None:
    """A new message wakes the worker; else it looks every five seconds, outage or not."""
    database = Scripted([DatabaseUnavailable("away"), [], []])
    queue = EventQueue(cast("Any", database), Fulfilment(cast("Any", database), Till()))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.run)
        await trio.sleep(12)
        await queue.accept(Event("evt_1", "payment_intent.payment_failed", "pi_1", "lost_card"))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert database.claims == [0, 5, 10, 12, 12]
    assert database.finished == ["evt_1"]
