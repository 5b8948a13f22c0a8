"""Refunds and disputes: taken back in proportion, given back, frozen, whatever is told when."""

from functools import partial
from uuid import UUID, uuid4

import attrs
import pytest
import trio

from relayd.database.ports import Connection, Database
from relayd.ledger.balances import Entry, book
from relayd.ledger.outcomes import Balance
from relayd.payments.books.reversals import Applied, NotApplied, apply, take_look
from relayd.payments.fulfilment import fulfilment
from relayd.payments.ports import Dispute
from relayd.session.ports import OpenRefusal
from tests.conftest import DeclaredErrors
from tests.ledger.speaking import opened_by
from tests.payments.stall import MS, PRICE, Stall

pytestmark = pytest.mark.system


@pytest.fixture
def stall(database: Database) -> Stall:
    """A shop without customers."""
    return Stall(database)


async def test_partial_refunds(stall: Stall) -> None:
    """Parts of the price take back what their sum does, to the last millisecond."""
    who = await stall.user()
    session_id = await stall.buy(who)
    gone = 0
    for amount in (1, 299, 333, PRICE - 633):
        refund = stall.stripe.refund_of(session_id, amount)
        gone += amount
        await stall.tell("refund.created", refund.id)
        await stall.tell("refund.updated", refund.id)
        assert (await stall.balance(who)).balance_ms == MS - MS * gone // PRICE
        await stall.assert_balanced()
    assert sum(amount for _, amount in await stall.entries()) == 0
    assert await stall.reasons() == [
        f"succeeded: {amount} of {PRICE} usd cents" for amount in (1, 299, 333, PRICE - 633)
    ]
    assert (await stall.purchases())[0].clawed_back_ms == MS


async def test_refunds_told_by_their_charge(stall: Stall) -> None:
    """A charge's message brings all of its refunds, in whatever order they were made."""
    who = await stall.user()
    session_id = await stall.buy(who)
    for amount in (100, 200):
        stall.stripe.refund_of(session_id, amount)
    charge_id = stall.stripe.account.charge_of(session_id)["id"]
    for _ in range(2):
        await stall.tell("charge.refunded", charge_id)
    assert (await stall.balance(who)).balance_ms == MS - MS * 300 // PRICE


@pytest.mark.parametrize("status", ["failed", "canceled"])
async def test_a_refund_that_fails(stall: Stall, status: str) -> None:
    """Credit comes back with the money, once; each booking goes by the refund's own id."""
    who = await stall.user()
    session_id = await stall.buy(who)
    refund = stall.stripe.refund_of(session_id, 300, "pending")
    await stall.tell("refund.created", refund.id)
    stall.stripe.account.refunds.turn(refund.id, status)
    await stall.tell("refund.failed", refund.id)
    await stall.tell("refund.updated", refund.id)
    taken = MS * 300 // PRICE
    assert await stall.entries() == [
        ("purchase", MS),
        ("refund", -taken),
        ("refund_failed", taken),
    ]
    assert await stall.reasons() == [
        f"pending: 300 of {PRICE} usd cents",
        f"{status}: -300 of {PRICE} usd cents",
    ]
    assert await stall.references() == [refund.id, f"{refund.id}/2"]
    await stall.assert_balanced()


async def test_a_refund_that_had_failed_before_it_was_told(stall: Stall) -> None:
    """Nothing is booked of what came to nothing."""
    who = await stall.user()
    session_id = await stall.buy(who)
    refund = stall.stripe.refund_of(session_id, 300, "failed")
    await stall.tell("refund.created", refund.id)
    assert await stall.entries() == [("purchase", MS)]


async def test_a_refund_before_its_payment(stall: Stall) -> None:
    """News of a refund whose payment we never heard of credits first, and then takes back."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.pay(session_id)
    refund = stall.stripe.refund_of(session_id, PRICE)
    await stall.tell("refund.created", refund.id)
    assert await stall.entries() == [("purchase", MS), ("refund", -MS)]
    await stall.assert_balanced()


async def test_used_credit_becomes_debt(stall: Stall) -> None:
    """What was used can't be taken: the next purchase pays it first."""
    who = await stall.user()
    session_id = await stall.buy(who)
    await stall.database.transact(_use, who.user_id, 400_000)
    refund = stall.stripe.refund_of(session_id, PRICE)
    await stall.tell("refund.created", refund.id)
    assert await stall.balance(who) == Balance(0, 0, 400_000)
    await stall.buy(who)
    assert await stall.balance(who) == Balance(MS - 400_000, 0, 0)
    await stall.assert_balanced()


def _use(connection: Connection, user_id: UUID, amount_ms: int) -> None:
    book(connection, Entry(user_id, "adjustment", str(uuid4()), -amount_ms, "used"))


def moved(dispute: Dispute, status: str, *, withdrawn: bool, reinstated: bool = False) -> Dispute:
    """A dispute further on."""
    return attrs.evolve(dispute, status=status, withdrawn=withdrawn, reinstated=reinstated)


async def test_a_dispute_that_is_lost(stall: Stall) -> None:
    """Frozen when opened, taken back when the money goes, thawed when it is decided."""
    who = await stall.user()
    session_id = await stall.buy(who)
    dispute = stall.stripe.dispute_of(session_id, PRICE)
    await stall.tell("charge.dispute.created", dispute.id)
    assert await stall.balance(who) == Balance(MS, 0, 0, frozen=True)
    assert await opened_by(stall.database, who) is OpenRefusal.CREDIT_FROZEN
    assert (await stall.purchases())[0].disputed

    stall.stripe.account.disputes.withdraw(dispute.id)
    await stall.tell("charge.dispute.funds_withdrawn", dispute.id)
    assert await stall.balance(who) == Balance(0, 0, 0, frozen=True)
    await stall.assert_balanced()

    stall.stripe.account.disputes.close(dispute.id, "lost")
    await stall.tell("charge.dispute.closed", dispute.id)
    assert await stall.balance(who) == Balance(0, 0, 0)
    assert await stall.entries() == [("purchase", MS), ("dispute", -MS)]
    await stall.assert_balanced()


async def test_a_dispute_that_is_won(stall: Stall) -> None:
    """What was taken comes back with the money, before it is closed or after."""
    who = await stall.user()
    session_id = await stall.buy(who)
    dispute_id = stall.stripe.dispute_of(session_id, 350).id
    disputes = stall.stripe.account.disputes
    for move, left, frozen in (
        (disputes.withdraw, MS // 2, True),
        (partial(disputes.close, status="won"), MS // 2, False),
        (disputes.reinstate, MS, False),
        (partial(lost_after_all, stall), MS // 2, False),
    ):
        move(dispute_id)
        await stall.tell("charge.dispute.updated", dispute_id)
        assert await stall.balance(who) == Balance(left, 0, 0, frozen=frozen)
        await stall.assert_balanced()


def lost_after_all(stall: Stall, dispute_id: str) -> None:
    """A decision that no bank takes: what it had given back is gone again."""
    dispute = stall.stripe.disputes[dispute_id]
    dispute["status"] = "lost"
    dispute["balance_transactions"].pop()


async def test_two_disputes(stall: Stall) -> None:
    """Credit stays frozen until the last dispute is decided."""
    who = await stall.user()
    disputes = [stall.stripe.dispute_of(await stall.buy(who), PRICE) for _ in range(2)]
    for dispute in disputes:
        await stall.tell("charge.dispute.created", dispute.id)
    for dispute, frozen in zip(disputes, (True, False), strict=True):
        stall.stripe.account.disputes.close(dispute.id, "warning_closed")
        await stall.tell("charge.dispute.closed", dispute.id)
        assert (await stall.balance(who)).frozen is frozen
    await stall.assert_balanced()


async def test_a_dispute_of_what_was_refunded(stall: Stall) -> None:
    """What is gone twice is taken back once, and what is left gone stays taken back."""
    who = await stall.user()
    session_id = await stall.buy(who)
    refund = stall.stripe.refund_of(session_id, 400)
    await stall.tell("refund.created", refund.id)
    dispute = stall.stripe.dispute_of(session_id, PRICE)
    stall.stripe.lose(dispute.id)
    await stall.tell("charge.dispute.closed", dispute.id)
    assert (await stall.balance(who)).balance_ms == 0
    await stall.assert_balanced()
    stall.stripe.account.disputes.reinstate(dispute.id)
    await stall.tell("charge.dispute.funds_reinstated", dispute.id)
    assert (await stall.balance(who)).balance_ms == MS - MS * 400 // PRICE
    await stall.assert_balanced()


async def test_an_older_look_changes_nothing(stall: Stall) -> None:
    """Of two looks the one begun later is believed, though it was told first."""
    who = await stall.user()
    session_id = await stall.buy(who)
    dispute = stall.stripe.dispute_of(session_id, PRICE)
    older, newer = [await stall.database.transact(take_look) for _ in range(2)]
    closed = moved(dispute, "won", withdrawn=False, reinstated=True)
    for said, look, changed in (
        (closed, newer, True),
        (moved(dispute, "lost", withdrawn=True), older, False),
    ):
        applied = await stall.database.transact(apply, said, look)
        assert isinstance(applied, Applied)
        assert applied.changed is changed
    assert await stall.balance(who) == Balance(MS, 0, 0)
    await stall.assert_balanced()


async def test_a_refund_of_what_is_not_paid_here(stall: Stall) -> None:
    """Nothing was credited yet, so nothing is taken: whoever settles it looks at its refunds."""
    who = await stall.user()
    session_id = await stall.begin(who)
    stall.stripe.pay(session_id)
    said = stall.stripe.refund_of(session_id, 100)

    def tell(connection: Connection) -> Applied | NotApplied:
        connection.execute("UPDATE purchases SET payment_intent_id = %s", (said.payment_intent_id,))
        return apply(connection, said, take_look(connection))

    assert await stall.database.transact(tell) is NotApplied.NOT_PAID
    assert await stall.entries() == []


async def test_many_at_once(stall: Stall) -> None:
    """Whatever is told at the same moment, the books balance and nothing is taken twice."""
    who = await stall.user()
    session_id = await stall.buy(who)
    refunds = [stall.stripe.refund_of(session_id, amount) for amount in (100, 200, 300)]
    dispute = stall.stripe.dispute_of(session_id, 100)
    stall.stripe.lose(dispute.id)
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            for refund in refunds:
                nursery.start_soon(stall.shop.fulfilment.refund, refund.id)
            nursery.start_soon(stall.shop.fulfilment.dispute, dispute.id)
    assert await stall.balance(who) == Balance(0, 0, 0)
    assert len(await stall.entries()) == 5
    await stall.assert_balanced()


async def test_foreign_ones(stall: Stall) -> None:
    """Refunds of other programs are asked about once; one that is unknown is nothing."""
    who = await stall.user()
    session_id = await stall.buy(who)
    refund = stall.stripe.refunds[stall.stripe.refund_of(session_id, 1).id]
    stall.stripe.refunds["re_x"] = {**refund, "id": "re_x", "payment_intent": "pi_x"}
    for _ in range(3):
        assert await stall.shop.fulfilment.refund("re_x") is NotApplied.UNKNOWN
    assert stall.stripe.requests.count("GET /v1/checkout/sessions") == 1
    assert await stall.shop.fulfilment.refund("re_unknown") is None
    assert await stall.shop.fulfilment.dispute("dp_unknown") is None
    stall.stripe.refunds["re_y"] = {**refund, "id": "re_y", "payment_intent": None}
    assert await stall.shop.fulfilment.refund("re_y") is NotApplied.UNKNOWN


async def test_so_many_foreign_ones_are_remembered(
    stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond that all are forgotten, and asked about once more."""
    monkeypatch.setattr(fulfilment, "FOREIGN_MAX", 2)
    who = await stall.user()
    refund = stall.stripe.refunds[stall.stripe.refund_of(await stall.buy(who), 1).id]
    for number in range(3):
        theirs = {"id": f"re_{number}", "payment_intent": f"pi_{number}"}
        stall.stripe.refunds[f"re_{number}"] = refund | theirs
    asked = []
    for number in (0, 1, 0, 1, 2, 0, 2):
        await stall.shop.fulfilment.refund(f"re_{number}")
        asked.append(stall.stripe.requests.count("GET /v1/checkout/sessions"))
    assert asked == [1, 2, 2, 2, 3, 4, 4]


async def test_another_currency(stall: Stall, declared_errors: DeclaredErrors) -> None:
    """What can't be compared takes everything back, and a person looks."""
    who = await stall.user()
    session_id = await stall.buy(who)
    refund = stall.stripe.refund_of(session_id, 1)
    stall.stripe.refunds[refund.id]["currency"] = "jpy"
    await stall.tell("refund.created", refund.id)
    assert (await stall.balance(who)).balance_ms == 0
    await stall.assert_balanced()
    declared_errors.expect("reversal in another currency")
