"""Departing from a stream: our last words can still be read."""

import pytest
import trio
import trio.testing

from relayd.websocket import streams
from tests.edge.caller import until


async def test_our_end_comes_before_theirs(autojump_clock: trio.testing.MockClock) -> None:
    """The peer hears that nothing follows while it still sends, not when our patience is over."""
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(streams.depart, ours, 30)
        assert await theirs.receive_some() == b""
        assert trio.current_time() == 0
        await theirs.send_all(b"late")
        await theirs.send_eof()
    assert trio.current_time() == 0


async def test_patience_is_bounded(autojump_clock: trio.testing.MockClock) -> None:
    """A peer that never ends its half is left after this time."""
    ours, theirs = trio.testing.memory_stream_pair()
    await streams.depart(ours, 2)
    assert trio.current_time() == 2
    assert await theirs.receive_some() == b""


@pytest.mark.system
async def test_last_words_survive_unread_data() -> None:
    """A real socket closed with data unread would be reset, and what we had sent with it."""
    listener, *_ = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        theirs = await trio.open_tcp_stream(*listener.socket.getsockname()[:2])
        ours = await listener.accept()
    async with theirs, trio.open_nursery() as nursery:
        await theirs.send_all(b"what nobody reads")
        await until(ours.socket.is_readable)
        await ours.send_all(b"last words")
        nursery.start_soon(streams.depart, ours, 30)
        with trio.fail_after(10):
            assert await theirs.receive_some() == b"last words"
            assert await theirs.receive_some() == b""
        await theirs.send_eof()


async def test_a_peer_that_is_gone(autojump_clock: trio.testing.MockClock) -> None:
    """Nothing is raised, and nothing is waited for."""
    ours, theirs = trio.testing.memory_stream_pair()
    await theirs.aclose()
    await streams.depart(ours, 30)
    assert trio.current_time() == 0
