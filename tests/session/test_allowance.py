"""Renewals seen from the session's side, against a ledger that answers by script."""

from uuid import uuid4

import trio
from trio.testing import MockClock

from relayd.session.allowance import Allowance
from relayd.session.endings import Ending, EndReason
from relayd.session.meter import Meter
from relayd.session.ports import (
    Opened,
    Renewed,
    Revoked,
)
from relayd.speech.formats import AudioFormat
from tests import defaults
from tests.session.audio import frame
from tests.session.scripted import Answer, ScriptedLedger, full, make


async def test_renews_at_its_own_pace(autojump_clock: MockClock) -> None:
    """Without any audio a renewal is due every flush interval, and only then."""
    ledger = ScriptedLedger(full)
    allowance = make(ledger)

    with trio.move_on_after(16):
        await allowance.keep()

    assert [at for at, _, _ in ledger.asked] == [5, 10, 15]


async def test_sessions_renew_at_the_same_moments(autojump_clock: MockClock) -> None:
    """Whenever they began: four times a second, and never later than the interval says."""
    ledgers = [ScriptedLedger(full) for _ in range(4)]
    async with trio.open_nursery() as nursery:
        for ledger in ledgers:
            nursery.start_soon(make(ledger).keep)
            await trio.sleep(0.0625)
        await trio.sleep(11)

        asked = [[at for at, _, _ in ledger.asked] for ledger in ledgers]
        assert asked == [[5, 10], [5, 10], [5, 10], [5, 10]]
        nursery.cancel_scope.cancel()


async def test_who_renews_often_keeps_the_interval(autojump_clock: MockClock) -> None:
    """A moment shared with others would cut it short by a part that matters."""
    ledger = ScriptedLedger(full)
    await trio.sleep(0.125)
    allowance = make(ledger, limits=defaults.limits(flush_seconds=1))

    with trio.move_on_after(3):
        await allowance.keep()

    assert [at for at, _, _ in ledger.asked] == [1.125, 2.125]


async def test_renews_when_half_is_used(autojump_clock: MockClock) -> None:
    """Half of what the last answer left, used to the byte, brings the next renewal forward."""
    ledger = ScriptedLedger(full)
    allowance = make(ledger)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        await trio.sleep(1)

        allowance.admit(len(frame(14_999)))
        await trio.sleep(1)
        assert ledger.asked == []
        allowance.admit(len(frame(1)))
        await trio.sleep(1)
        # It left 30 s, 15 of them are half.
        allowance.admit(len(frame(14_999)))
        await trio.sleep(1)
        assert len(ledger.asked) == 1
        allowance.admit(len(frame(1)))
        await trio.sleep(1)

        assert [(at, used_ms) for at, used_ms, _ in ledger.asked] == [(2, 15_000), (4, 30_000)]
        nursery.cancel_scope.cancel()


async def test_a_level_brings_no_renewal_forward(autojump_clock: MockClock) -> None:
    """The client is told of its credit at once, the ledger is asked when it is time."""
    ledger = ScriptedLedger(full)
    said: list[int] = []
    allowance = Allowance(
        uuid4(),
        ledger,
        defaults.limits(flush_seconds=5, credits_low_seconds=(60,)),
        Ending(),
        Meter(AudioFormat(), 30_000),
        Opened(30_000, final=False, balance_ms=61_000),
        say_low=said.append,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        await trio.sleep(1)
        allowance.admit(len(frame(1000)))
        await trio.sleep(1)

        assert said == [60_000]
        assert ledger.asked == []
        nursery.cancel_scope.cancel()


async def test_a_revoked_session_is_not_renewed_again(autojump_clock: MockClock) -> None:
    """The reason is the ledger's, and nothing is asked after it."""
    ledger = ScriptedLedger(lambda used_ms, keep_ms: Revoked.CREDIT_FROZEN)
    allowance = make(ledger)

    with trio.fail_after(60):
        await allowance.keep()

    assert allowance.ending.reason is EndReason.CREDIT_FROZEN
    assert ledger.asked == [(5, 0, 30_000)]


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

    assert allowance.meter.held_total_ms == 0


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


async def test_outage_is_asked_through_every_second(autojump_clock: MockClock) -> None:
    """While the ledger is out of reach it is tried once a second, and the pace returns after."""

    def until_eight(used_ms: int, keep_ms: int) -> Answer:
        return None if trio.current_time() < 8 else full(used_ms, keep_ms)

    ledger = ScriptedLedger(until_eight)
    allowance = make(ledger)

    with trio.move_on_after(14):
        await allowance.keep()

    assert [at for at, _, _ in ledger.asked] == [5, 6, 7, 8, 13]
    assert (allowance.failures, allowance.renewals) == (3, 2)


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


async def test_the_reader_attends_at_marks_only(autojump_clock: MockClock) -> None:
    """Half of the hold once, each level once: in between a frame costs two comparisons."""
    allowance = Allowance(
        uuid4(),
        ScriptedLedger(full),
        defaults.limits(flush_seconds=1000, credits_low_seconds=(60, 15)),
        Ending(),
        Meter(AudioFormat(), 61_000),
        Opened(61_000, final=True, balance_ms=61_000),
        say_low=lambda _: None,
    )
    marks: list[int] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        await trio.sleep(1)
        for _ in range(609):
            if not marks or marks[-1] != allowance._alarm_bytes // 32:
                marks.append(allowance._alarm_bytes // 32)
            allowance.admit(len(frame(100)))
        # This hold is the last of the credit: to ask for more would be in vain.
        await trio.sleep(1)
        nursery.cancel_scope.cancel()

    # The last mark lies beyond the hold: nothing is left to attend to.
    assert marks == [1000, 30_500, 46_000, 61_001]
    assert allowance.renewals == 0


async def test_a_mark_moves_with_what_was_used(autojump_clock: MockClock) -> None:
    """Half is that of what the last answer left, the level that of the credit it told."""

    def some(used_ms: int, keep_ms: int) -> Renewed:
        return Renewed(used_ms + 30_000, final=False, wanted=False, balance_ms=70_000)

    allowance = make(ScriptedLedger(some), limits=defaults.limits(flush_seconds=5))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        await trio.sleep(1)
        allowance.admit(len(frame(10_000)))
        await trio.sleep(5)

        # 10 s are used: half of the hold at 25 s, 60 s of 70 s left at 20 s.
        assert allowance.remaining_ms == 70_000
        assert allowance._alarm_bytes == len(frame(20_000))
        allowance.admit(len(frame(10_000)))
        assert allowance.remaining_ms == 60_000
        assert allowance._alarm_bytes == len(frame(25_000))
        nursery.cancel_scope.cancel()
