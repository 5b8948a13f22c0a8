"""Pings to quiet peers, and what becomes of those that do not answer."""

import trio
import trio.testing
from wsproto.events import Ping

from relayd.edge.websocket import ClientSocket
from tests.edge.caller import Log, frame, session


async def test_a_quiet_peer_is_pinged_and_kept(autojump_clock: trio.testing.MockClock) -> None:
    """Any bytes within the pong deadline keep the connection."""
    log = Log()
    async with session(log.receive_all) as caller:
        for _ in range(5):
            assert await caller.event() == Ping()
            await caller.send(frame(10))
        assert log.entries == []
        assert 50 <= trio.current_time() <= 60


async def test_a_half_open_peer_is_torn_down(autojump_clock: trio.testing.MockClock) -> None:
    """No byte for ten seconds, no answer to a ping for ten more: gone."""
    log = Log()
    async with session(log.receive_all):
        await trio.sleep(30)
        assert log.seen() == ["on_gone", "answers no ping"]
        assert 20 <= log.entries[0][0] <= 22


async def test_silence_does_not_count_while_nobody_reads(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A session whose engine stalls does not lose a client that answered."""
    log = Log()

    async def run(websocket: ClientSocket) -> None:
        await trio.sleep(100)
        log.add(await websocket.receive())

    async with session(run) as caller:
        assert await caller.event() == Ping()
        await caller.send(frame(10) + frame(1, b"here"))
        await trio.sleep(200)
        assert (100, "here") in log.entries
