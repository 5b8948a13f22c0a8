"""What holds whoever makes the words: a relay, or Deepgram with the user's own key."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
import trio
import trio.testing

from relayd.client.live.conversation import Persistence
from relayd.client.live.news import State
from relayd.client.messages import Transcript
from tests.client.live.conftest import sound
from tests.client.live.worlds import OPENERS, World
from tests.standin import Fault, Script

Open = Callable[..., AbstractAsyncContextManager[World]]
TEN = tuple(f"word-{n}" for n in range(10))


@pytest.fixture(params=OPENERS)
def open_world(request: pytest.FixtureRequest) -> Open:
    """Each of the two in turn."""
    opener: Open = OPENERS[request.param]
    return opener


async def test_words_come_while_one_speaks(
    open_world: Open, autojump_clock: trio.testing.MockClock
) -> None:
    """Interim words come first, final ones replace them, and the last come after the last sound."""
    async with open_world() as world, trio.open_nursery() as nursery:
        nursery.start_soon(world.talk)
        await world.speak(5.76)
    heard = [one for one in world.news if isinstance(one, Transcript)]
    assert any(not one.is_final for one in heard)
    assert " ".join(world.finals) == " ".join(f"word-{n}" for n in range(8))
    assert world.states == [State.CONNECTING, State.LISTENING, State.ENDED]
    assert world.ended.code == "completed"
    assert world.problems == []


async def test_every_byte_arrives_once(
    open_world: Open, autojump_clock: trio.testing.MockClock
) -> None:
    """What was spoken is what the engine got, and nothing is kept of what it heard."""
    async with open_world() as world, trio.open_nursery() as nursery:
        nursery.start_soon(world.talk)
        await world.speak(3.2)
    assert world.stand_in.records[-1].audio_bytes == len(sound(3.2))


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.CLOSE])
async def test_words_go_on_after_a_cut(
    open_world: Open, fault: Fault, autojump_clock: trio.testing.MockClock
) -> None:
    """A line that breaks is opened again, what was not heard is said again, on one clock."""
    cut = Script(fault=fault, after_ms=4500, words=TEN)
    async with open_world(cut, Script(words=TEN)) as world, trio.open_nursery() as nursery:
        nursery.start_soon(world.talk)
        await world.speak(9.6)
    assert world.states == [
        State.CONNECTING,
        State.LISTENING,
        State.RECONNECTING,
        State.LISTENING,
        State.ENDED,
    ]
    assert world.ended.code == "completed"
    starts = [one.start for one in world.news if isinstance(one, Transcript) and one.is_final]
    ends = [
        one.start + one.duration
        for one in world.news
        if isinstance(one, Transcript) and one.is_final
    ]
    # Each result begins where the one before ended: nothing was left out, nothing heard twice.
    assert starts[0] == 0
    assert starts[1:] == pytest.approx(ends[:-1], abs=0.001)
    assert ends[-1] == pytest.approx(9.6, abs=0.001)


async def test_whoever_is_not_believed_is_told(
    open_world: Open, autojump_clock: trio.testing.MockClock
) -> None:
    """A wrong token or key ends it at once, with words for people."""
    async with open_world(token="of-nobody") as world:
        await world.talk()
    assert world.states == [State.CONNECTING, State.ENDED]
    assert world.problems == ["auth_failed"]
    assert world.ended.message


async def test_stopping_ends_it_though_nobody_answers(
    open_world: Open, autojump_clock: trio.testing.MockClock
) -> None:
    """An engine that never says its last words is not waited for long."""
    async with open_world(Script(deaf_to_close=True)) as world, trio.open_nursery() as nursery:
        nursery.start_soon(world.talk, Persistence(at_last=2))
        await world.speak(0.64)
    assert world.ended.state is State.ENDED


async def test_silence_costs_no_line(
    open_world: Open, autojump_clock: trio.testing.MockClock
) -> None:
    """An app that is silent for long is listened to afterwards, with what it says in full."""
    async with open_world() as world, trio.open_nursery() as nursery:
        nursery.start_soon(world.talk)
        await trio.sleep(45)
        await world.speak(5.76)
    assert len(" ".join(world.finals).split()) == 8
    assert world.ended.code == "completed"
    assert world.problems == []
