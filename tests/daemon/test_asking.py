"""Quotas asked for over a channel: as if they were counted here, whatever is cancelled."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio
import trio.testing

from relayd import config
from relayd.daemon.asking import AskedQuotas
from relayd.daemon.channel import Channel, FromProcess, Reply, ToProcess
from relayd.daemon.process import Process
from relayd.quotas.counters import Counters
from relayd.quotas.limits import Cap, Rate
from tests.config.files import SECRETS

ONE = Cap("one", 1)


@attrs.define(eq=False)
class Pair:
    """A process's quotas, and what counts for it."""

    quotas: AskedQuotas
    counters: Counters


@asynccontextmanager
async def paired() -> AsyncIterator[Pair]:
    """Both ends of a channel, in memory."""
    ours, theirs = trio.testing.memory_stream_pair()
    counters = Counters()
    process = Process(config.load(None, SECRETS), 1, 2, counters, lambda: None)
    process._channel = Channel(ours, FromProcess)
    channel: Channel[ToProcess] = Channel(theirs, ToProcess)
    quotas = AskedQuotas(channel)

    def heed(message: ToProcess) -> None:
        assert isinstance(message, Reply)
        quotas.heed(message)

    async with trio.open_nursery() as nursery:
        process._asking = nursery
        nursery.start_soon(process._channel.run, process._heed)
        nursery.start_soon(channel.run, heed)
        yield Pair(quotas, counters)
        nursery.cancel_scope.cancel()


async def test_places(autojump_clock: trio.testing.MockClock) -> None:
    """Taken, refused by name when full, and given back."""
    async with paired() as pair:
        assert await pair.quotas.enter([ONE]) is None
        assert await pair.quotas.enter([ONE]) == "one"
        pair.quotas.leave([ONE])
        assert await pair.quotas.enter([ONE]) is None


async def test_rates(autojump_clock: trio.testing.MockClock) -> None:
    """Admitted at 0.0; then the seconds to wait."""
    async with paired() as pair:
        assert await pair.quotas.admit([Rate("a", 1)]) == 0
        assert await pair.quotas.admit([Rate("a", 1)]) == 60


async def test_a_place_that_nobody_waits_for_goes_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Cancelled between question and answer, a granted place is given back at once."""
    async with paired() as pair:
        with trio.CancelScope() as scope:
            scope.cancel()
            await pair.quotas.enter([ONE])
        await trio.sleep(1)
        assert pair.counters.count("one") == 0


async def test_turns(autojump_clock: trio.testing.MockClock) -> None:
    """A turn is waited for; one that was given up meanwhile goes to the next."""
    async with paired() as pair:
        await pair.quotas.take(ONE)
        with trio.move_on_after(1) as patience:
            await pair.quotas.take(ONE)
        assert patience.cancelled_caught
        pair.quotas.give(ONE)
        with trio.fail_after(1):
            await pair.quotas.take(ONE)
        pair.quotas.give(ONE)
        await trio.sleep(1)
        assert pair.counters.count("one") == 0
