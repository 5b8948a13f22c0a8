"""A session with nothing left to admit: what it waits for, and what it says in the end."""

from collections.abc import Callable

import attrs
import pytest
import trio
from trio.testing import MockClock

from relayd.session.endings import EndReason
from relayd.session.ports import (
    Renewed,
)
from tests.session.audio import frame
from tests.session.scripted import Answer, EarlyLedger, ScriptedLedger, SleepyClock, full, make


async def test_starving_session_gets_what_becomes_free(autojump_clock: MockClock) -> None:
    """A session with nothing left asks again and again, and goes on with the first answer."""

    def later(used_ms: int, keep_ms: int) -> Renewed:
        more_ms = 1000 if trio.current_time() >= 2 else 0
        return Renewed(used_ms + more_ms, final=False, wanted=False, balance_ms=5000)

    ledger = ScriptedLedger(later)
    allowance = make(ledger, held_total_ms=0)
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
    allowance = make(ledger, held_total_ms=100)
    allowance.final = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        assert allowance.admit(len(frame(200))) == len(frame(100))

        assert await allowance.extend()

        assert allowance.ending.reason is None
        nursery.cancel_scope.cancel()


@attrs.frozen
class Verdict:
    """A session with no room left whose ledger answers so: why it ends, and when."""

    answer: Callable[[int, int], Answer]
    reason: EndReason
    seconds: float
    held_total_ms: int = 0
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
    allowance = make(ledger, held_total_ms=verdict.held_total_ms)
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
        await trio.sleep(4.5)
        assert allowance.meter.unused_ms == 10_000
        allowance.admit(len(frame(10_000)))

        assert not await allowance.extend()

        assert allowance.ending.reason is EndReason.SERVICE_UNAVAILABLE
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("asleep", [False, True], ids=["stopped", "asleep"])
@pytest.mark.parametrize("latency_seconds", [0.0, 0.1], ids=["between", "within a question"])
async def test_a_paused_session_asks_before_it_gives_up(
    latency_seconds: float, asleep: bool, autojump_clock: MockClock
) -> None:
    """Who was stopped, or slept, goes by no old answer: a top-up of meanwhile is seen."""
    topped_up = False

    def answer(used_ms: int, keep_ms: int) -> Renewed:
        # Within a question it is the last word that is overtaken, else one of several.
        return full(used_ms, keep_ms) if topped_up else before(used_ms, keep_ms)

    before = all_gone if latency_seconds else nothing
    clock = SleepyClock()
    allowance = make(EarlyLedger(answer, latency_seconds), held_total_ms=0, clock=clock)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        given: list[bool] = []

        async def starve() -> None:
            given.append(await allowance.extend())

        nursery.start_soon(starve)
        await trio.sleep(0.05)
        topped_up = True
        if asleep:
            clock.slept_seconds = 600
        else:
            autojump_clock.jump(600)
        await trio.sleep(1)

        assert given == [True]
        assert allowance.ending.reason is None
        nursery.cancel_scope.cancel()


async def test_the_pace_returns_after_starving(autojump_clock: MockClock) -> None:
    """A session that got its hold renews every flush interval again, not four times a second."""
    ledger = ScriptedLedger(full)
    allowance = make(ledger, held_total_ms=0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        assert await allowance.extend()

        await trio.sleep(11)

        assert [at for at, _, _ in ledger.asked] == [0, 5, 10]
        nursery.cancel_scope.cancel()
