"""Credit that runs out, as arithmetic: in which order it goes, and that nothing is made or lost."""

from uuid import UUID, uuid4

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.ledger.holds import Account
from relayd.ledger.purses import Lot, Purse


def lot(amount_ms: int, *, live: bool = True, expired: bool = False, spent: int = 0) -> Lot:
    """A lot of which so much was spent."""
    return Lot(uuid4(), live, expired, amount_ms, spent_ms=spent)


def purse(
    *lots: Lot, lasting: int = 0, held: int = 0, reserved: int = 0, used: int = 0, debt: int = 0
) -> Purse:
    """These lots beside so much that lasts; streams hold ``held`` and have used ``used``."""
    left = sum(one.remaining_ms for one in lots)
    kept = sum(one.remaining_ms for one in lots if not one.live)
    account = Account(
        uuid4(),
        lasting + left - used,
        held + reserved,
        debt,
        reserved_ms=reserved,
        batch_ms=kept,
        has_lots=True,
    )
    return Purse(account, lots, used)


def left(of: Purse) -> list[int]:
    """What is left of each lot, and at last what never runs out."""
    return [*(one.remaining_ms for one in of.lots), of.lasting_ms]


def charged(of: Purse, amount_ms: int) -> Purse:
    """After its balance was charged so much, and no lot yet."""
    account = attrs.evolve(of.account, balance_ms=of.account.balance_ms - amount_ms)
    return attrs.evolve(of, account=account)


MIXED = (lot(1000), lot(2000, live=False), lot(3000))


@pytest.mark.parametrize(
    ("amount", "after"),
    [
        (400, [600, 2000, 3000, 500]),
        (1000, [0, 2000, 3000, 500]),
        (3500, [0, 2000, 500, 500]),
        (4200, [0, 2000, 0, 300]),
    ],
)
def test_a_stream_uses_what_it_may(amount: int, after: list[int]) -> None:
    """The soonest to run out of what streams may use, then what lasts: never recordings' own."""
    assert left(charged(purse(*MIXED, lasting=500), amount).used_by_stream(amount)) == after


@pytest.mark.parametrize(
    ("amount", "after"),
    [
        (400, [1000, 1600, 3000, 500]),
        (2300, [700, 0, 3000, 500]),
        (6200, [0, 0, 0, 300]),
    ],
)
def test_a_recording_uses_its_own_first(amount: int, after: list[int]) -> None:
    """Then what streams may use too, the soonest to run out first, and what lasts at last."""
    used = charged(purse(*MIXED, lasting=500), amount).used_by_recording(amount)
    assert left(used) == after
    assert used.account.batch_ms == after[1]


def test_what_ran_out_is_taken_as_far_as_it_is_free() -> None:
    """What a stream holds of it, or has used of it, stays until the stream ends."""
    before = purse(lot(4000, expired=True), lot(5000), held=1500, used=700, lasting=90)
    after = before.collected()
    assert left(after) == [2200, 5000, 90]
    assert after.lots[0].expired_ms == 1800
    assert before.account.balance_ms - after.account.balance_ms == 1800


def test_reservations_lie_on_recordings_own_minutes_first() -> None:
    """Only what they hold beyond those lies beside what streams hold."""
    own, shared = lot(1000, live=False, expired=True), lot(3000, expired=True)
    within = purse(own, shared, reserved=800).collected()
    beyond = purse(own, shared, reserved=1500, held=200, lasting=70).collected()
    assert left(within) == [800, 0, 0]
    assert left(beyond) == [1000, 700, 70]


def test_holds_lie_on_what_runs_out_soonest() -> None:
    """The first lot is held before the second, and the lots before what lasts."""
    first, second = lot(1000, expired=True), lot(1000, expired=True)
    assert left(purse(first, second, held=1200, lasting=300).collected()) == [1000, 200, 300]


def test_a_refund_takes_back_and_gives_again() -> None:
    """What is left of the lot, then what else there is; won, all of it comes again."""
    one = lot(10_000, spent=4000)
    before = purse(one, lasting=1000)

    half = before.claiming(one.id, 5000).collected()
    whole = half.claiming(one.id, 10_000).collected()
    won = whole.claiming(one.id, 0).collected()

    assert (left(half), half.lots[0].taken_ms, half.lots[0].owed_ms) == ([1000, 1000], 5000, 0)
    assert (left(whole), whole.lots[0].taken_ms, whole.lots[0].owed_ms) == ([0, 0], 6000, 4000)
    assert (whole.account.balance_ms, whole.account.debt_ms) == (0, 3000)
    assert (left(won), won.lots[0].taken_ms, won.lots[0].owed_ms) == ([6000, 1000], 0, 0)
    assert (won.account.balance_ms, won.account.debt_ms) == (7000, 0)


def test_a_refund_is_of_its_own_lot() -> None:
    """No other one is touched; what ran out of it is not taken again."""
    gone, other = attrs.evolve(lot(3000, expired=True), expired_ms=3000), lot(2000)
    after = purse(gone, other).claiming(gone.id, 3000).collected()
    assert (left(after), after.lots[0].owed_ms) == ([0, 2000, 0], 0)


def test_a_refund_after_the_end_takes_nothing_again() -> None:
    """What it had taken stays taken, and is not said to have run out, while a hold keeps a rest."""
    gone = attrs.evolve(lot(10_000, expired=True, spent=4000), claimed_ms=5000, taken_ms=5000)
    gone = attrs.evolve(gone, expired_ms=500)
    (after,) = purse(gone, held=500).claiming(gone.id, 10_000).collected().lots
    assert (after.taken_ms, after.expired_ms, after.owed_ms) == (5000, 500, 4000)


def test_debt_is_paid_from_what_is_free() -> None:
    """From what runs out soonest; what a booking takes is of what lasts first, as far as it is."""
    before = purse(lot(1000), lot(2000), lasting=400)
    assert left(charged(before, 1300).paid(1300)) == [0, 1700, 400]
    assert left(charged(before, 800).paid(800, lasting_first=True)) == [600, 2000, 0]


def test_what_is_held_pays_nothing() -> None:
    """A debt is paid from the free part of a lot, and the rest from behind it."""
    before = purse(lot(1000), lot(2000), held=700)
    assert left(charged(before, 900).paid(900)) == [700, 1400, 0]


def test_what_is_booked_lasts() -> None:
    """Added credit never runs out; what a booking takes comes out of such before the lots."""
    before = purse(lot(1000), lasting=400)
    assert left(before.booked(300)) == [1000, 700]
    assert left(before.booked(-300)) == [1000, 100]
    assert left(before.booked(-600)) == [800, 0]
    assert before.booked(-1700).account.debt_ms == 300
    assert left(purse(lot(1000)).booked(-600)) == [400, 0]


@st.composite
def purses(draw: st.DrawFn) -> Purse:
    """Anything that the schema allows, of a few milliseconds."""
    small = st.integers(0, 9)
    lots = []
    for _ in range(draw(st.integers(1, 4))):
        amount = draw(st.integers(1, 9))
        spent = draw(st.integers(0, amount))
        lots.append(lot(amount, live=draw(st.booleans()), expired=draw(st.booleans()), spent=spent))
    lasting = draw(small)
    for_streams = lasting + sum(one.remaining_ms for one in lots if one.live)
    streams = draw(st.integers(0, for_streams))
    used = draw(st.integers(0, streams))
    rest = lasting + sum(one.remaining_ms for one in lots) - streams
    reserved = draw(st.integers(0, rest))
    return purse(*lots, lasting=lasting, held=streams - used, reserved=reserved, used=used)


def gone_ms(of: Purse) -> int:
    """What ran out, was taken back, or is owed for having been spent."""
    return sum(one.expired_ms + one.taken_ms + one.owed_ms for one in of.lots)


@given(purses(), st.data())
def test_nothing_is_made_or_lost(before: Purse, data: st.DataObject) -> None:
    """What leaves the balance stands on a lot; holds stay covered; no part is ever negative."""
    which = data.draw(st.sampled_from(before.lots))
    claimed = data.draw(st.integers(0, which.amount_ms))

    after = before.claiming(which.id, claimed).collected()

    was, now = before.account, after.account
    assert (was.balance_ms - was.debt_ms) - (now.balance_ms - now.debt_ms) == gone_ms(after)
    assert (now.held_ms, now.reserved_ms) == (was.held_ms, was.reserved_ms)
    assert now.held_ms <= now.balance_ms
    assert after.lasting_ms >= 0
    assert now.batch_ms == sum(one.remaining_ms for one in after.lots if not one.live)
    for one in after.lots:
        assert min(one.remaining_ms, one.expired_ms, one.taken_ms, one.owed_ms) >= 0


@given(purses(), st.data())
def test_a_refund_that_fails_never_was(before: Purse, data: st.DataObject) -> None:
    """Wanted back and then not: there is as much as before, less what is owed."""
    before = before.collected()
    lot_id: UUID = data.draw(st.sampled_from(before.lots)).id
    wanted = before.claiming(lot_id, data.draw(st.integers(0, 9))).collected()
    after = wanted.claiming(lot_id, 0).collected()
    was, now = before.account, after.account
    assert now.balance_ms - now.debt_ms == was.balance_ms - was.debt_ms
    assert gone_ms(after) == gone_ms(before)
