"""What only a relay does: it counts, it says what is left, and it waits for who is cut off."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio
import trio.testing

from relayd.client.errors import ConnectError, RefusedError
from relayd.client.live.news import Problem, State
from relayd.client.live.sources import Line, Source
from relayd.client.messages import Transcript
from tests import defaults
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


@attrs.define(eq=False)
class Forgotten:
    """A source whose token was called back; getting another one takes some attempts."""

    inner: Source
    answers: list[bool | Exception]
    renewals: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Line]:
        """Refused until it was renewed."""
        if self.answers:
            raise RefusedError("auth_failed", "This token is over.", 4401)
        async with self.inner.open() as line:
            yield line

    async def renew(self) -> bool:
        """The next answer."""
        self.renewals += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_token_that_is_over_is_changed(autojump_clock: trio.testing.MockClock) -> None:
    """Once it is refused another one is fetched, also where the server is away for a moment."""
    async with managed() as world, trio.open_nursery() as nursery:
        world.source = forgotten = Forgotten(world.source, [ConnectError("not now"), True])
        nursery.start_soon(world.talk)
        await world.speak(5.76)
    assert forgotten.renewals == 2
    assert world.ended.code == "completed"
    assert len(" ".join(world.finals).split()) == 8


async def test_a_sign_in_that_is_over_ends_it(autojump_clock: trio.testing.MockClock) -> None:
    """Where there is no other token, that is the end, and says what to do."""
    async with managed() as world:
        world.source = Forgotten(world.source, [False])
        await world.talk()
    assert world.ended.code == "auth_failed"
    assert world.states == [State.CONNECTING, State.ENDED]


async def test_what_was_too_old_to_be_sent_again_is_said(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A connection that is away for longer than audio is kept: the app hears how much is gone."""
    limits = defaults.limits(resume_seconds=2)
    async with managed(Script(), Script(), limits=limits) as world, trio.open_nursery() as nursery:
        nursery.start_soon(world.talk)
        nursery.start_soon(world.speak, 64)
        await trio.sleep(10)
        world.away = True
        await trio.aclose_forcefully(world.streams[-1])
        await trio.sleep(35)
        world.away = False
    (lost,) = [one for one in world.news if isinstance(one, Problem) and one.code == "sound_lost"]
    finals = [one for one in world.news if isinstance(one, Transcript) and one.is_final]
    gaps = [
        round(after.start - before.start - before.duration, 1)
        for before, after in itertools.pairwise(finals)
    ]
    # The only gap in the words is as long as it says.
    assert lost.message.startswith(f"{max(gaps)} s of sound were lost")
    assert sorted(gaps)[-2:] == [0.0, max(gaps)]
    assert max(gaps) > 0


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
