"""How long a hold may be used: by a clock that goes on while the machine sleeps."""

import trio
from trio.testing import MockClock

from relayd.dialects.native import NativeDialect
from relayd.session.allowance import Allowance
from relayd.session.endings import EndReason
from relayd.session.ports import Ports
from relayd.session.session import Session
from tests import defaults
from tests.session.audio import frame
from tests.session.scripted import ScriptedLedger, SleepyClock, full, make
from tests.session.world import World

FRAME = len(frame(100))


def leased(ledger: ScriptedLedger, clock: SleepyClock) -> Allowance:
    """A hold of which little is used, on a lease of 35 s."""
    limits = defaults.limits(flush_seconds=5, lease_seconds=35)
    return make(ledger, limits=limits, clock=clock)


async def test_a_lease_runs_out_while_the_machine_sleeps(autojump_clock: MockClock) -> None:
    """Who sleeps longer than the lease admits nothing before the next renewal is granted."""
    clock = SleepyClock()
    ledger = ScriptedLedger(full, seconds=1)
    allowance = leased(ledger, clock)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        await trio.sleep(3)
        clock.slept_seconds = 31.9
        assert allowance.admit(FRAME) == FRAME

        clock.slept_seconds = 32
        assert allowance.admit(FRAME) == 0
        await trio.sleep(2.5)
        assert allowance.admit(FRAME) == 0

        await trio.sleep(1)
        assert allowance.admit(FRAME) == FRAME
        nursery.cancel_scope.cancel()


async def test_a_lease_counts_from_the_question(autojump_clock: MockClock) -> None:
    """What passes until the answer is there belongs to the lease, asleep or not."""
    clock = SleepyClock()
    ledger = ScriptedLedger(full, seconds=1)
    allowance = leased(ledger, clock)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(allowance.keep)
        await trio.sleep(5.5)
        clock.slept_seconds = 34

        await trio.sleep(0.9)
        # Asked at 5, answered at 6: until 40 by the clock that counts the sleep.
        assert clock() == 40.4
        assert allowance.admit(FRAME) == 0
        nursery.cancel_scope.cancel()


async def test_a_session_measures_its_lease_by_the_clock_it_was_given(
    autojump_clock: MockClock,
) -> None:
    """A machine that slept for longer than the lease wakes to sessions that admit nothing."""
    clock = SleepyClock()
    world = World(limits=defaults.limits(flush_seconds=5, lease_seconds=35))
    ports = Ports(world, world.engine, world.ledger, clock=clock)
    world.session = Session(world.client, "192.0.2.1", ports, world.limits, NativeDialect())

    async def play() -> None:
        world.sign_in()
        await world.talk(1)
        await trio.sleep(0.05)
        clock.slept_seconds = 40
        world.ledger.reachable = False
        await world.talk(1)

    report = await world.run(play)

    assert (report.reason, report.used_ms) == (EndReason.SERVICE_UNAVAILABLE, 1000)
