"""Places and turns: all or none, first come first served, nothing lost to a cancellation."""

import trio
import trio.testing

from relayd.quotas.counters import Counters
from relayd.quotas.limits import Cap, Rate

ALL, ONE = Cap("all", 2), Cap("one", 1)
TURN = Cap("turn", 1)


async def test_every_cap_or_none() -> None:
    """Whoever is refused by one cap holds a place under none, and hears which one was full."""
    counters = Counters()
    assert await counters.enter([ALL, ONE]) is None
    assert await counters.enter([ALL, ONE]) == "one"
    assert counters.count("all") == 1
    assert await counters.enter([ALL]) is None
    assert await counters.enter([ALL]) == "all"


async def test_who_leaves_makes_room() -> None:
    """A place that was given back is there for the next."""
    counters = Counters()
    await counters.enter([ONE])
    counters.leave([ONE])
    assert await counters.enter([ONE]) is None


async def test_rates_use_the_clock(autojump_clock: trio.testing.MockClock) -> None:
    """A window opens again when its time has gone by."""
    counters = Counters()
    rate = Rate("a", 1, seconds=30)
    assert await counters.admit([rate]) == 0
    assert await counters.admit([rate]) == 30
    await trio.sleep(30)
    assert await counters.admit([rate]) == 0


async def test_turns_go_in_order(autojump_clock: trio.testing.MockClock) -> None:
    """Who waits longest is next, and nobody overtakes."""
    counters = Counters()
    order: list[int] = []

    async def work(number: int) -> None:
        await trio.sleep(number / 10)
        await counters.take(TURN)
        order.append(number)
        await trio.sleep(1)
        counters.give(TURN)

    async with trio.open_nursery() as nursery:
        for number in (2, 0, 1):
            nursery.start_soon(work, number)
    assert order == [0, 1, 2]
    assert counters.count("turn") == 0


async def test_a_cancelled_wait_holds_nothing(autojump_clock: trio.testing.MockClock) -> None:
    """Who gave up waiting neither blocks those behind nor keeps a place."""
    counters = Counters()
    await counters.take(TURN)
    with trio.move_on_after(1):
        await counters.take(TURN)
    counters.give(TURN)
    with trio.fail_after(1):
        await counters.take(TURN)
    counters.give(TURN)
    assert counters.count("turn") == 0
