"""Renewals seen from the session's side, against a ledger that answers by script."""

from collections.abc import Callable
from uuid import UUID, uuid4

import attrs
import pytest
import trio
from trio.testing import MockClock

from relayd.errors import LedgerUnavailable
from relayd.session.allowance import Allowance
from relayd.session.endings import Ending, EndReason
from relayd.session.limits import Limits
from relayd.session.meter import Meter
from relayd.session.ports import (
    Closed,
    Opened,
    OpenRefusal,
    OpenRequest,
    Renewed,
    Revoked,
    Settlement,
)
from relayd.speech.formats import AudioFormat
from tests import defaults
from tests.session.audio import frame

Answer = Renewed | Revoked | None


@attrs.define(eq=False)
class ScriptedLedger:
    """Answers every renewal by calling ``answer(used_ms, keep_ms)``; None is an outage."""

    answer: Callable[[int, int], Answer]
    seconds: float = 0.0
    asked: list[tuple[float, int, int]] = attrs.field(factory=list)

    async def renew(self, session_id: UUID, used_ms: int, keep_ms: int) -> Renewed | Revoked:
        """Keep the question, then answer by script."""
        self.asked.append((trio.current_time(), used_ms, keep_ms))
        await trio.sleep(self.seconds)
        answer = self.answer(used_ms, keep_ms)
        if answer is None:
            raise LedgerUnavailable("scripted")
        return answer

    async def open(self, request: OpenRequest) -> Opened | OpenRefusal:
        """Not asked here."""
        raise NotImplementedError

    async def close(self, settlement: Settlement) -> Closed:
        """Not asked here."""
        raise NotImplementedError

    async def balance_ms(self, user_id: UUID) -> int:
        """Not asked here."""
        raise NotImplementedError


class EarlyLedger(ScriptedLedger):
    """Makes up its mind when it is asked and takes its time to say so."""

    async def renew(self, session_id: UUID, used_ms: int, keep_ms: int) -> Renewed | Revoked:
        """Keep the question, answer by script, be slow."""
        self.asked.append((trio.current_time(), used_ms, keep_ms))
        answer = self.answer(used_ms, keep_ms)
        await trio.sleep(self.seconds)
        assert answer is not None
        return answer


def full(used_ms: int, keep_ms: int) -> Renewed:
    """Grant 30 s from here, of plenty."""
    return Renewed(used_ms + 30_000, final=False, wanted=False, balance_ms=10**7)


def make(
    ledger: ScriptedLedger, *, held_ms: int = 30_000, limits: Limits | None = None
) -> Allowance:
    """An allowance of the default format with this first hold, of plenty."""
    return Allowance(
        uuid4(),
        ledger,
        limits or defaults.limits(flush_seconds=5),
        Ending(),
        Meter(AudioFormat(), held_ms),
        Opened(held_ms, final=False, balance_ms=10**7),
        say_low=lambda _: None,
    )


async def test_renews_at_its_own_pace(autojump_clock: MockClock) -> None:
    """Without any audio a renewal is due every flush interval, and only then."""
    ledger = ScriptedLedger(full)
    allowance = make(ledger)

    with trio.move_on_after(16):
        await allowance.keep()

    assert [at for at, _, _ in ledger.asked] == [5, 10, 15]


async def test_renews_when_half_is_used(autojump_clock: MockClock) -> None:
    """Half of the hold used brings the next renewal forward, once."""
    ledger = ScriptedLedger(full)
    allowance = make(ledger)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        await trio.sleep(1)

        for _ in range(151):
            allowance.admit(len(frame(100)))
        await trio.sleep(1)

        assert [(at, used_ms) for at, used_ms, _ in ledger.asked] == [(1, 15_100)]
        nursery.cancel_scope.cancel()


async def test_promises_all_that_it_holds(autojump_clock: MockClock) -> None:
    """Nobody else wants credit: the hold must not shrink while the question is under way."""
    ledger = ScriptedLedger(full)
    allowance = make(ledger)

    with trio.move_on_after(6):
        await allowance.keep()

    assert ledger.asked == [(5, 0, 30_000)]


def shared(used_ms: int, keep_ms: int) -> Renewed:
    """Leave what was promised, and say that another session starves."""
    return Renewed(keep_ms, final=False, wanted=True, balance_ms=10**7)


async def test_silent_session_gives_all_back(autojump_clock: MockClock) -> None:
    """Another session starves and this one is silent: it keeps nothing."""
    ledger = ScriptedLedger(shared)
    allowance = make(ledger)

    with trio.move_on_after(11):
        await allowance.keep()

    assert ledger.asked == [(5, 0, 30_000), (10, 0, 0)]
    assert allowance.admit(len(frame(1))) == 0


async def test_speaking_session_gives_half_back(autojump_clock: MockClock) -> None:
    """Another session starves and this one speaks: it keeps half of what it has left."""
    ledger = ScriptedLedger(shared)
    allowance = make(ledger)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        await trio.sleep(6)
        allowance.admit(len(frame(1000)))
        await trio.sleep(5)
        nursery.cancel_scope.cancel()

    assert ledger.asked[1] == (10, 1000, 1000 + 29_000 // 2)


async def test_keeps_its_promise_while_the_answer_is_out(autojump_clock: MockClock) -> None:
    """Until the answer is read, nothing is admitted beyond what was promised."""
    ledger = ScriptedLedger(shared, seconds=1)
    allowance = make(ledger)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        # The second renewal (at 11 s) promises nothing.
        await trio.sleep(11.5)
        assert allowance.admit(len(frame(100))) == 0
        nursery.cancel_scope.cancel()


async def test_promise_outlives_a_lost_answer(autojump_clock: MockClock) -> None:
    """The answer to a renewal that gave credit back is lost: the credit stays given back."""
    answers: list[Answer] = [shared(0, 30_000), None, None, None]
    ledger = ScriptedLedger(lambda used_ms, keep_ms: answers.pop(0))
    allowance = make(ledger)

    with trio.move_on_after(11.5):
        await allowance.keep()

    assert allowance.meter.held_ms == 0


async def test_starving_session_gets_what_becomes_free(autojump_clock: MockClock) -> None:
    """A session with nothing left asks again and again, and goes on with the first answer."""

    def later(used_ms: int, keep_ms: int) -> Renewed:
        more_ms = 1000 if trio.current_time() >= 2 else 0
        return Renewed(used_ms + more_ms, final=False, wanted=False, balance_ms=5000)

    ledger = ScriptedLedger(later)
    allowance = make(ledger, held_ms=0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)

        assert allowance.admit(100) == 0
        assert await allowance.extend()

        assert trio.current_time() == 2
        assert allowance.admit(100) == 100
        nursery.cancel_scope.cancel()


async def test_final_hold_is_asked_about_once_more(autojump_clock: MockClock) -> None:
    """Credit bought a moment before the last of it is used is found without reconnecting."""
    ledger = ScriptedLedger(full)
    allowance = make(ledger, held_ms=100)
    allowance.final = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        assert allowance.admit(len(frame(200))) == len(frame(100))

        assert await allowance.extend()

        assert allowance.ending.reason is None
        nursery.cancel_scope.cancel()


async def test_lease_runs_out(autojump_clock: MockClock) -> None:
    """A session that was not renewed for the lease admits nothing, whatever it holds."""
    ledger = ScriptedLedger(lambda used_ms, keep_ms: None)
    allowance = make(ledger, limits=defaults.limits(flush_seconds=5, lease_seconds=35))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        await trio.sleep(34.9)
        assert allowance.admit(len(frame(100))) == len(frame(100))
        await trio.sleep(0.1)

        assert allowance.admit(len(frame(100))) == 0
        assert not await allowance.extend()

        assert allowance.ending.reason is EndReason.SERVICE_UNAVAILABLE
        nursery.cancel_scope.cancel()


@attrs.frozen
class Verdict:
    """A session with no room left whose ledger answers so: why it ends, and when."""

    answer: Callable[[int, int], Answer]
    reason: EndReason
    seconds: float
    held_ms: int = 0
    final: bool = False
    latency_seconds: float = 0.0


def nothing(used_ms: int, keep_ms: int) -> Renewed:
    """Others of the user hold all the rest."""
    return Renewed(used_ms, final=False, wanted=False, balance_ms=5000)


def all_gone(used_ms: int, keep_ms: int) -> Renewed:
    """Nobody holds any more."""
    return Renewed(used_ms, final=True, wanted=False, balance_ms=0)


def away(used_ms: int, keep_ms: int) -> None:
    """Out of reach."""


VERDICTS = {
    "all is gone": Verdict(all_gone, EndReason.INSUFFICIENT_CREDITS, 0),
    "others keep all": Verdict(nothing, EndReason.INSUFFICIENT_CREDITS, 11),
    "away, the last hold used up": Verdict(away, EndReason.INSUFFICIENT_CREDITS, 0, final=True),
    "away, credit may be left": Verdict(away, EndReason.SERVICE_UNAVAILABLE, 0),
    # Two flush intervals without an answer.
    "silent": Verdict(all_gone, EndReason.SERVICE_UNAVAILABLE, 10, latency_seconds=100),
    # Each answer comes after the next one was due: no word of it is still true.
    "too slow": Verdict(nothing, EndReason.SERVICE_UNAVAILABLE, 11, latency_seconds=6),
    "slow": Verdict(all_gone, EndReason.INSUFFICIENT_CREDITS, 4, latency_seconds=4),
}


@pytest.mark.parametrize("case", VERDICTS)
async def test_the_end_says_what_is_known(case: str, autojump_clock: MockClock) -> None:
    """That credit is out is said on the ledger's fresh word, or where the last of it was held."""
    verdict = VERDICTS[case]
    ledger = ScriptedLedger(verdict.answer, verdict.latency_seconds)
    allowance = make(ledger, held_ms=verdict.held_ms)
    allowance.final = verdict.final
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)

        assert not await allowance.extend()

        assert allowance.ending.reason is verdict.reason
        assert trio.current_time() == verdict.seconds
        nursery.cancel_scope.cancel()


async def test_credit_left_in_a_lease_that_ran_out(autojump_clock: MockClock) -> None:
    """Ledger away and the last hold not used up: that is no lack of credit."""
    allowance = make(ScriptedLedger(away))
    allowance.final = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        allowance.admit(len(frame(11_000)))
        await trio.sleep(35)
        assert allowance.admit(len(frame(100))) == 0

        assert not await allowance.extend()

        assert allowance.ending.reason is EndReason.SERVICE_UNAVAILABLE
        nursery.cancel_scope.cancel()


async def test_what_was_given_back_may_be_left(autojump_clock: MockClock) -> None:
    """Half of the last hold was offered to others and no answer came: credit may still be there."""

    def last(used_ms: int, keep_ms: int) -> Answer:
        if trio.current_time() > 5:
            return None
        return Renewed(keep_ms, final=True, wanted=True, balance_ms=30_000)

    allowance = make(ScriptedLedger(last))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        await trio.sleep(6)
        assert allowance.final
        allowance.admit(len(frame(10_000)))
        await trio.sleep(5)
        assert allowance.meter.unused_ms == 10_000
        allowance.admit(len(frame(10_000)))

        assert not await allowance.extend()

        assert allowance.ending.reason is EndReason.SERVICE_UNAVAILABLE
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("latency_seconds", [0.0, 0.1], ids=["between", "within a question"])
async def test_a_paused_session_asks_before_it_gives_up(
    latency_seconds: float, autojump_clock: MockClock
) -> None:
    """A daemon that was suspended finds all patience gone; a top-up of meanwhile is seen."""
    topped_up = False

    def answer(used_ms: int, keep_ms: int) -> Renewed:
        return full(used_ms, keep_ms) if topped_up else all_but_the_rest(used_ms, keep_ms)

    def all_but_the_rest(used_ms: int, keep_ms: int) -> Renewed:
        final = latency_seconds > 0
        return Renewed(used_ms, final=final, wanted=False, balance_ms=0 if final else 5000)

    ledger = EarlyLedger(answer, latency_seconds)
    allowance = make(ledger, held_ms=0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        given: list[bool] = []

        async def starve() -> None:
            given.append(await allowance.extend())

        nursery.start_soon(starve)
        await trio.sleep(0.05)
        topped_up = True
        autojump_clock.jump(600)
        await trio.sleep(1)

        assert given == [True]
        assert allowance.ending.reason is None
        nursery.cancel_scope.cancel()


async def test_the_pace_returns_after_starving(autojump_clock: MockClock) -> None:
    """A session that got its hold renews every flush interval again, not four times a second."""
    ledger = ScriptedLedger(full)
    allowance = make(ledger, held_ms=0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        assert await allowance.extend()

        await trio.sleep(11)

        assert [at for at, _, _ in ledger.asked] == [0, 5, 10]
        nursery.cancel_scope.cancel()


async def test_outage_is_asked_through_every_second(autojump_clock: MockClock) -> None:
    """While the ledger is out of reach it is tried once a second, and the pace returns after."""

    def until_eight(used_ms: int, keep_ms: int) -> Answer:
        return None if trio.current_time() < 8 else full(used_ms, keep_ms)

    ledger = ScriptedLedger(until_eight)

    with trio.move_on_after(14):
        await make(ledger).keep()

    assert [at for at, _, _ in ledger.asked] == [5, 6, 7, 8, 13]


async def test_levels_are_said_when_they_are_reached(autojump_clock: MockClock) -> None:
    """The client hears of a level with the frame that reaches it."""
    said: list[int] = []

    def poor(used_ms: int, keep_ms: int) -> Renewed:
        return Renewed(61_000, final=True, wanted=False, balance_ms=61_000 - used_ms)

    allowance = Allowance(
        uuid4(),
        ScriptedLedger(poor),
        defaults.limits(flush_seconds=1000),
        Ending(),
        Meter(AudioFormat(), 61_000),
        Opened(61_000, final=True, balance_ms=61_000),
        say_low=said.append,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        await trio.sleep(1)
        assert said == [61_000]

        for _ in range(460):
            allowance.admit(len(frame(100)))

        assert said == [61_000, 60_000, 15_000]
        nursery.cancel_scope.cancel()
