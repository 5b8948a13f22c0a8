"""A history from its first step to its judgement."""

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

import attrs
import trio
import trio.testing

from relayd.ledger.audit import RULES
from relayd.ledger.outcomes import Balance
from tests.payments.histories.history import PACKAGES, PRO, History
from tests.payments.histories.right_balance import Right, right_balance
from tests.payments.histories.right_subscriptions import (
    compare_subscriptions,
    lots_of,
    make_a_day_pass,
)
from tests.payments.histories.steps import Step

__all__ = ["Playbill", "Stage"]

SECONDS_OF_PRICE: Final = {package.price_cents: package.seconds for package in PACKAGES}
# Every so many histories are compared once more, which must change nothing.
AGAIN_EVERY: Final = 5


class Stage(Protocol):
    """Where a history is played."""

    autojump_seconds: float

    def open(self) -> AbstractAsyncContextManager[History]:
        """Everything for one history; cleared away afterwards."""


@attrs.define(eq=False)
class Playbill:
    """Plays histories and counts what was in them, so that a tame season is noticed."""

    stage: Stage
    played: int = 0
    seen: Counter[str] = attrs.field(factory=Counter)

    def play(self, steps: Sequence[tuple[Step, int]]) -> None:
        """One history."""
        self.played += 1
        clock = trio.testing.MockClock(autojump_threshold=self.stage.autojump_seconds)
        trio.run(self._play, steps, clock=clock)

    async def _play(self, steps: Sequence[tuple[Step, int]]) -> None:
        async with self.stage.open() as history:
            for step, number in steps:
                await history.play(step, number)
            # What is on its way now never comes: only the comparison with Stripe is left.
            history.api.whims.clear()
            make_a_day_pass(history.speakers.store.connection)
            await history.shop.reconcile()
            self._judge(history)
            compare_subscriptions(history)
            history.speakers.hang_up_all()
            self._judge(history)
            _audit(history)
            self.seen.update(_kinds(history))
            if self.played % AGAIN_EVERY == 0:
                entries = _entries(history)
                await history.shop.reconcile()
                assert entries == _entries(history), "another comparison found something to do"

    def _judge(self, history: History) -> None:
        """Balance, debt and freeze of each user are those that Stripe's state says."""
        for who in history.users:
            own = [key for key, owner in history.sessions.items() if owner == who]
            right = right_balance(history.stripe, own, SECONDS_OF_PRICE, PRO.period_ms)
            has = history.speakers.store.balance(who.user_id)
            used_ms = history.speakers.used_of(who.user_id)
            lots = lots_of(history.speakers.store.connection, who.user_id)
            assert 0 <= lots.over_ms <= right.over_ms
            right = attrs.evolve(right, bought_ms=right.bought_ms + lots.over_ms)
            _compare(has, right, used_ms, history.speakers.live_used_of(who.user_id))
            if not history.speakers.live:
                _compare_settled(has, right, used_ms)
            assert lots.on_plan is right.on_plan
            self.seen["on the plan"] += right.on_plan
            self.seen["over"] += right.over_ms > 0
            if has.debt_ms:
                self.seen["debt"] += 1
            if has.frozen:
                self.seen["frozen"] += 1


def _compare(has: Balance, right: Right, used_ms: int, live_used_ms: int) -> None:
    # What a refund wants of a plan's minutes that are held, it gets when the hold ends.
    late_ms = has.balance_ms - has.debt_ms - (right.bought_ms - used_ms)
    assert 0 <= late_ms <= has.held_ms + live_used_ms
    assert has.frozen is right.frozen


def _compare_settled(has: Balance, right: Right, used_ms: int) -> None:
    assert has.held_ms == 0
    assert has.balance_ms == max(right.bought_ms - used_ms, 0)
    assert has.debt_ms == max(used_ms - right.bought_ms, 0)


def _audit(history: History) -> None:
    """The ledger's identities, as `relayd audit` checks them."""
    for rule, query in RULES.items():
        assert history.speakers.store.connection.execute(query).fetchall() == [], rule


def _entries(history: History) -> int:
    """How many bookings of payments there are."""
    row = history.speakers.store.connection.execute(
        "SELECT count(*) FROM usage_ledger WHERE num_nonnulls(purchase_id, lot_id) > 0"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _kinds(history: History) -> list[str]:
    """Which kinds of bookings are in the ledger at the end."""
    rows = history.speakers.store.connection.execute("SELECT DISTINCT kind FROM usage_ledger")
    return [kind for (kind,) in rows]
