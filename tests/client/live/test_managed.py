"""What only a relay does: it counts, it says what is left, and it waits for who is cut off."""

import trio
import trio.testing

from relayd.client.live.news import State
from relayd.client.messages import Transcript
from tests.client.live.conftest import sound
from tests.client.live.worlds import managed
from tests.standin import Script


async def test_the_balance_is_told_as_it_goes(autojump_clock: trio.testing.MockClock) -> None:
    """At the start, while somebody speaks, and at the end, to the millisecond."""
    async with managed(credit_ms=600_000) as world, trio.open_nursery() as nursery:
        nursery.start_soon(world.talk)
        await world.speak(12.8)
    assert world.balances[0] == 600
    assert world.balances[-1] == 587.2
    assert world.balances == sorted(world.balances, reverse=True)
    assert len(world.balances) == 4


async def test_the_end_of_the_credit_is_said(autojump_clock: trio.testing.MockClock) -> None:
    """Paid words come, then it ends, in words for people; it is not tried again."""
    async with managed(credit_ms=3000) as world, trio.open_nursery() as nursery:
        nursery.start_soon(world.talk)
        await world.speak(6.4)
    assert world.ended.code == "insufficient_credits"
    assert world.states == [State.CONNECTING, State.LISTENING, State.ENDED]
    assert world.finals
    assert world.problems[-1] == "insufficient_credits"


async def test_a_lost_connection_is_gone_on_with(autojump_clock: trio.testing.MockClock) -> None:
    """The relay waits: every byte arrives once, is charged once, and each word is heard once."""
    async with managed(Script()) as world:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.talk)
            nursery.start_soon(world.speak, 12.8)
            for _ in range(3):
                await trio.sleep(3)
                await trio.aclose_forcefully(world.streams[-1])
        (record,) = world.stand_in.records
        assert record.audio_bytes == len(sound(12.8))
        assert world.balances[-1] == 587.2
    assert world.ended.code == "completed"
    assert world.states.count(State.RECONNECTING) == 3
    finals = [one for one in world.news if isinstance(one, Transcript) and one.is_final]
    ends = [0.0, *(one.start + one.duration for one in finals)]
    assert [one.start for one in finals] == ends[:-1]
