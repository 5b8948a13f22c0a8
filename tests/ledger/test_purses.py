"""The arithmetic of lots, played beside a second writing of its rules: thousands of histories.

Nothing here is stored. What the transactions put together of it is compared on PostgreSQL, in fewer
histories (`test_histories_postgres`).
"""

from collections.abc import Callable
from typing import Final
from uuid import UUID, uuid4

import attrs
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from relayd.ledger.balances import Reservation
from relayd.ledger.holds import Account
from relayd.ledger.outcomes import Reserved
from relayd.ledger.purses import Lot, Purse
from tests.fakes.balances import FakeCredit
from tests.fakes.lots import FakeLots
from tests.fakes.rows import FakeAccount
from tests.ledger.history import PART

# 2,000 with --long, and a part of them in every run.
_HISTORIES: Final = (300, pytest.param(2000, marks=pytest.mark.long))

AMOUNT: Final = st.sampled_from([1, 700, 1000, 2500, 9000])


@attrs.define(eq=False)
class Rows:
    """One user's rows: the rules on values, put together as the transactions do."""

    account: Account
    lots: dict[UUID, Lot] = attrs.field(factory=dict)
    hours_left: dict[UUID, int] = attrs.field(factory=dict)
    # By streams that have not ended.
    used_ms: int = 0

    def change(self, account: Account, changing: Callable[[Purse], Purse]) -> None:
        """What becomes of the lots of an account that was changed."""
        self.account = account
        self._keep(changing(self._purse()).collected())

    def collect(self) -> None:
        """Whoever locks a balance takes what may not stay."""
        self.change(self.account, lambda purse: purse)

    def grant(self, lot: Lot, hours: int) -> None:
        """Minutes come in; debt is paid from them first."""
        self.collect()
        self.lots[lot.id], self.hours_left[lot.id] = lot, hours
        granted = self.account.credited(lot.amount_ms)
        paid_ms = self.account.debt_ms - granted.debt_ms
        self.change(granted, lambda purse: purse.paid(paid_ms))

    def claim(self, lot_id: UUID, claimed_ms: int) -> None:
        """So much of a lot is wanted back by now."""
        self.collect()
        self._keep(self._purse(lot_id).claiming(lot_id, claimed_ms).collected())

    def book(self, amount_ms: int) -> None:
        """What never runs out comes in, or is taken."""
        self.collect()
        booked = self.account.credited(amount_ms)
        paid_ms = self.account.debt_ms + max(-amount_ms, 0) - booked.debt_ms
        self.change(booked, lambda purse: purse.paid(paid_ms, lasting_first=True))

    def settle(self, held_ms: int, charged_ms: int) -> None:
        """A reservation ends."""
        self.collect()
        settled = self.account.settling(held_ms, charged_ms)
        paid_ms = self.account.debt_ms - settled.debt_ms
        self.change(settled, lambda purse: purse.used_by_recording(charged_ms).paid(paid_ms))

    def use(self, amount_ms: int) -> None:
        """A stream goes on."""
        self.account = self.account.charged(amount_ms)
        self.used_ms += amount_ms

    def end(self, held_ms: int, used_ms: int) -> None:
        """A stream ends, and gives back the rest of its hold."""
        self.used_ms -= used_ms
        settled = self.account.holding(used_ms - held_ms)
        paid_ms = self.account.debt_ms - settled.debt_ms
        self.change(settled, lambda purse: purse.used_by_stream(used_ms).paid(paid_ms))

    def _purse(self, also: UUID | None = None) -> Purse:
        left = [
            attrs.evolve(lot, expired=self.hours_left[lot.id] <= 0)
            for lot in self.lots.values()
            if lot.remaining_ms or lot.id == also
        ]
        # Of those that run out together, the first that was granted comes first.
        left.sort(key=lambda lot: self.hours_left[lot.id])
        return Purse(self.account, tuple(left), self.used_ms)

    def _keep(self, purse: Purse) -> None:
        assert purse.lasting_ms >= 0
        self.lots |= {lot.id: lot for lot in purse.lots}
        self.account = purse.account


@attrs.define(eq=False)
class Books(FakeCredit):
    """The second writing, of one user whose streams it does not know."""

    used_ms: int = 0

    def _used(self, user_id: UUID) -> int:
        return self.used_ms

    def end(self, user_id: UUID, held_ms: int, used_ms: int) -> None:
        """A stream ends."""
        self.accounts[user_id].held_ms -= held_ms - used_ms
        self._pay(user_id)
        self.used_ms -= used_ms
        self.purses[user_id].spend(used_ms, stream=True)
        self._collect(user_id)


@attrs.define(eq=False)
class Stream:
    """One that holds so much in all, and used so much of that."""

    held_ms: int
    used_ms: int = 0


class PurseHistory(RuleBasedStateMachine):
    """Grant, book, use, hold, refund and let time pass, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.user_id = uuid4()
        self.rows = Rows(Account(self.user_id, 0, 0, 0))
        account = FakeAccount()
        self.books = Books({self.user_id: account}, {self.user_id: FakeLots(self.user_id, account)})
        self.streams: list[Stream] = []
        self.reserved: list[Reservation] = []

    @initialize(lasting_ms=st.sampled_from([0, 1000, 9000]), lots=st.booleans())
    def begin(self, lasting_ms: int, *, lots: bool) -> None:
        """Half of them have lots from the beginning."""
        if lasting_ms:
            self.book(lasting_ms)
        if lots:
            self.grant(4000, 3, live=True)
            self.grant(2500, 2, live=False)
            self.grant(3000, 1, live=True)

    @rule(amount_ms=st.sampled_from([-12_000, -2000, -500, 500, 2000]))
    def book(self, amount_ms: int) -> None:
        """What never runs out comes in, or is taken."""
        self.rows.book(amount_ms)
        self.books.book(self.user_id, "adjustment", str(uuid4()), amount_ms)

    @rule(amount_ms=AMOUNT, hours=st.integers(0, 4), live=st.booleans())
    def grant(self, amount_ms: int, hours: int, *, live: bool) -> None:
        """Minutes of a plan come in, perhaps too late."""
        lot = Lot(uuid4(), live, expired=hours <= 0, amount_ms=amount_ms)
        self.rows.grant(lot, hours)
        self.books.grant_lot(self.user_id, str(lot.id), amount_ms, hours, live)

    @precondition(lambda self: self.rows.lots)
    @rule(which=st.integers(0, 5), part=PART)
    def refund(self, which: int, part: int) -> None:
        """So much of a lot's price is gone by now, more or less than before."""
        lot = list(self.rows.lots.values())[which % len(self.rows.lots)]
        claimed_ms = lot.amount_ms * part // 100
        self.rows.claim(lot.id, claimed_ms)
        self.books.claim_lot(str(lot.id), claimed_ms)

    @precondition(lambda self: self.rows.lots)
    @rule(hours=st.integers(1, 3), looks=st.booleans())
    def pass_time(self, hours: int, *, looks: bool) -> None:
        """Lots run out, and somebody looks for that, or nobody does."""
        for lot_id in self.rows.hours_left:
            self.rows.hours_left[lot_id] -= hours
        self.books.pass_time(self.user_id, hours)
        if looks:
            self.look()

    @rule()
    def look(self) -> None:
        """Somebody looks for what has run out."""
        self.rows.collect()
        self.books.expire(self.user_id)

    @rule(amount_ms=AMOUNT)
    def reserve(self, amount_ms: int) -> None:
        """A recording sets credit aside, of whatever is free."""
        asked = Reservation(uuid4(), self.user_id, amount_ms, "test")
        self.rows.collect()
        fits = self.rows.account.free_ms >= amount_ms
        assert isinstance(self.books.hold(asked), Reserved) is fits
        if fits:
            self.rows.account = self.rows.account.reserving(amount_ms)
            self.reserved.append(asked)

    @precondition(lambda self: self.reserved)
    @rule(which=st.integers(0, 5), part=PART)
    def settle(self, which: int, part: int) -> None:
        """A recording costs a part of what it held."""
        asked = self.reserved.pop(which % len(self.reserved))
        charged_ms = -(-asked.amount_ms * part // 100)
        self.rows.settle(asked.amount_ms, charged_ms)
        self.books.settle(asked.id, charged_ms)

    @rule(amount_ms=AMOUNT)
    def open(self, amount_ms: int) -> None:
        """A stream sets aside what it finds of the credit that streams may use."""
        self.look()
        account, fake = self.rows.account, self.books.accounts[self.user_id]
        held_ms = min(amount_ms, account.free_ms - account.kept_ms)
        self.rows.account = account.holding(held_ms)
        fake.held_ms += held_ms
        self.streams.append(Stream(held_ms))

    @rule(amount_ms=AMOUNT, part=PART)
    def talk(self, amount_ms: int, part: int) -> None:
        """A stream from its beginning to its end, beside all others."""
        self.open(amount_ms)
        self.use(len(self.streams) - 1, part)
        self.end(len(self.streams) - 1)

    @precondition(lambda self: self.streams)
    @rule(which=st.integers(0, 5), part=PART)
    def use(self, which: int, part: int) -> None:
        """A stream uses a part of what it holds."""
        stream = self.streams[which % len(self.streams)]
        amount_ms = -(-(stream.held_ms - stream.used_ms) * part // 100)
        stream.used_ms += amount_ms
        self.rows.use(amount_ms)
        self.books.used_ms += amount_ms
        self.books.accounts[self.user_id].balance_ms -= amount_ms
        self.books.accounts[self.user_id].held_ms -= amount_ms

    @precondition(lambda self: self.streams)
    @rule(which=st.integers(0, 5))
    def end(self, which: int) -> None:
        """A stream ends."""
        stream = self.streams.pop(which % len(self.streams))
        self.rows.end(stream.held_ms, stream.used_ms)
        self.books.end(self.user_id, stream.held_ms, stream.used_ms)

    @invariant()
    def same(self) -> None:
        """Both come to the same, and every identity of lots holds."""
        account, fake = self.rows.account, self.books.accounts[self.user_id]
        assert (account.balance_ms, account.held_ms, account.debt_ms, account.reserved_ms) == (
            fake.balance_ms,
            fake.held_ms,
            fake.debt_ms,
            fake.reserved_ms,
        )
        assert account.batch_ms == self.books.purses[self.user_id].for_recordings
        assert self._lots() == self.books.lots_of(self.user_id)
        unused_ms = sum(one.held_ms - one.used_ms for one in self.streams)
        self.books.check_lots(self.user_id, self.books.used_ms, unused_ms)

    def _lots(self) -> list[tuple[object, ...]]:
        return [
            (
                str(lot.id),
                lot.remaining_ms,
                lot.spent_ms,
                lot.expired_ms,
                lot.claimed_ms,
                lot.taken_ms,
                lot.owed_ms,
            )
            for lot in self.rows.lots.values()
        ]


@pytest.mark.parametrize("histories", _HISTORIES)
def test_no_difference_in_any_history(histories: int) -> None:
    """Whatever happens, in any order, both writings of the rules come to the same."""
    run_state_machine_as_test(
        PurseHistory,
        settings=settings(
            max_examples=histories,
            stateful_step_count=15,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
