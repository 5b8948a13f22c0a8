"""Cancel a whole session at every single scheduler step; the money must be right at each.

Ring 3: the client is torn away (the edge cancels the connection's task) after n steps, for
every n from the first step of the session to its last.
"""

from collections.abc import Awaitable, Callable, Collection

import attrs
import pytest
import trio
import trio.abc
import trio.testing

from tests import defaults
from tests.session.world import World

# More than any script below takes; a script that grows past it must be looked at.
STEPS_MOST = 5000


@attrs.define(eq=False)
class CancelAtStep(trio.abc.Instrument):
    """Counts task steps and cancels the scope at the nth."""

    step: int
    scope: trio.CancelScope
    counting: bool = False
    count: int = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Count, and strike."""
        if self.counting:
            self.count += 1
            if self.count == self.step:
                self.scope.cancel()


async def _short_talk(world: World) -> None:
    world.sign_in()
    await world.talk(1.0)
    world.client.say(type="finalize")
    for stream in world.engine.streams:
        stream.say("hello")
    await world.talk(2.0)
    world.client.say(type="stop")


async def _exhaustion(world: World) -> None:
    world.sign_in()
    await world.talk(3.0)


async def _outage(world: World) -> None:
    world.sign_in()
    await world.talk(0.5)
    world.ledger.reachable = False
    await world.talk(1.0)
    world.ledger.reachable = True
    await world.talk(1.5)
    world.client.say(type="stop")


SCRIPTS: dict[str, tuple[Callable[[World], Awaitable[None]], Callable[[], World]]] = {
    "short talk": (_short_talk, lambda: World(limits=defaults.limits(flush_seconds=0.5))),
    "exhaustion": (_exhaustion, lambda: World(credit_ms=2503)),
    "outage": (_outage, lambda: World(limits=defaults.limits(flush_seconds=0.25))),
}


def _run_cancelled(
    script: str, step: int, *, at_once: bool = True, lost: Collection[str] = ()
) -> tuple[World, int]:
    """Run the script with a cancellation at this step; the world afterwards, the steps taken.

    The ledger's answers of these names are lost, as long as the session lasts.
    """
    play, make_world = SCRIPTS[script]
    instrument = CancelAtStep(step, trio.CancelScope())

    async def main() -> World:
        world = make_world()
        world.take_at_once(at_once)
        world.ledger.lost = set(lost)
        with instrument.scope:
            instrument.counting = True
            await world.run(lambda: play(world))
        instrument.counting = False
        if world.session.report.settled is False:
            await _settle_late(world)
        assert_money(world)
        return world

    clock = trio.testing.MockClock(autojump_threshold=0)
    world = trio.run(main, clock=clock, instruments=[instrument])
    return world, instrument.count


async def _settle_late(world: World) -> None:
    """What the registry does once the ledger answers again."""
    world.ledger.reachable = True
    world.ledger.lost.clear()
    await world.ledger.close(world.session.settlement)


def assert_money(world: World) -> None:
    """What must hold wherever the session was cut."""
    assert world.ledger.open_sessions(world.user_id) == []
    heard_ms = sum(len(stream.audio) for stream in world.engine.streams) // 32
    charged_ms = world.credit_ms - world.ledger.balance_of(world.user_id)
    world.assert_books()
    # Charged for what was admitted: all that the engine heard, and at most one frame more,
    # which was cut on its way.
    assert heard_ms <= charged_ms <= heard_ms + 100
    for stream in world.engine.streams:
        assert stream.left_at is not None


@pytest.mark.parametrize("at_once", [False, True], ids=["waiting", "at once"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_cancelled_at_every_step(script: str, at_once: bool) -> None:
    """At every step: the books balance, no hold stays, no engine stream stays open."""
    _, steps = _run_cancelled(script, step=-1, at_once=at_once)
    assert 50 < steps < STEPS_MOST

    for step in range(1, steps + 1):
        _run_cancelled(script, step, at_once=at_once)


@pytest.mark.parametrize(
    "lost",
    [{"open"}, {"renew"}, {"close", "balance_ms"}, {"open", "renew", "close", "balance_ms"}],
    ids=["open", "renew", "close", "all"],
)
@pytest.mark.parametrize("script", SCRIPTS)
def test_cancelled_at_every_step_with_lost_answers(script: str, lost: set[str]) -> None:
    """The same where the ledger does what it is asked and nobody hears of it."""
    _, steps = _run_cancelled(script, step=-1, lost=lost)
    assert 20 < steps < STEPS_MOST

    for step in range(1, steps + 1):
        _run_cancelled(script, step, lost=lost)
