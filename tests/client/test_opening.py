"""Opening a stream: every way in which there is no connection, in one sentence each."""

from typing import Any

import pytest
import trio
import trio.testing

from relayd.client import ConnectError, DisconnectedError, open_stream
from tests.client.server import URL, ScriptedServer, silent


async def test_no_answer_to_the_handshake(autojump_clock: trio.testing.MockClock) -> None:
    """A peer that accepts and says nothing is given up after `connect_seconds`."""
    ends: list[Any] = []

    async def mute(address: Any) -> trio.abc.Stream:
        ours, theirs = trio.testing.memory_stream_pair()
        ends.append(ours)
        return theirs

    with pytest.raises(ConnectError, match="within 10 s"):
        async with open_stream(URL, "tok", connect=mute):
            pytest.fail("not open")
    assert trio.current_time() == pytest.approx(10, abs=0.001)


async def test_hang_up_in_the_handshake(autojump_clock: trio.testing.MockClock) -> None:
    """A peer that hangs up is noticed at once, not at the deadline."""

    async def shut(address: Any) -> trio.abc.Stream:
        ours, theirs = trio.testing.memory_stream_pair()
        await ours.aclose()
        return theirs

    with pytest.raises(ConnectError, match="closed during"):
        async with open_stream(URL, "tok", connect=shut):
            pytest.fail("not open")
    assert trio.current_time() == 0


async def test_something_else_answers(nursery: trio.Nursery) -> None:
    """A web server that is no relayd is named with its status."""

    async def not_found(address: Any) -> trio.abc.Stream:
        ours, theirs = trio.testing.memory_stream_pair()
        await ours.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope")
        return theirs

    with pytest.raises(ConnectError, match="status 404"):
        async with open_stream(URL, "tok", connect=not_found):
            pytest.fail("not open")


async def test_nobody_listens() -> None:
    """A refused connection is a `ConnectError` in plain words."""

    async def refuse(address: Any) -> trio.abc.Stream:
        raise ConnectionRefusedError(111, "Connection refused")

    with pytest.raises(ConnectError, match="Connection refused"):
        async with open_stream(URL, "tok", connect=refuse):
            pytest.fail("not open")


async def test_never_ready(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    """`ready` has a deadline."""
    server = ScriptedServer(nursery, silent, greets=False)
    with pytest.raises(DisconnectedError, match="not ready within 30 s"):
        async with open_stream(URL, "tok", connect=server.connect):
            pytest.fail("not ready")
    nursery.cancel_scope.cancel()


async def test_not_an_address() -> None:
    """An address that is none is the caller's mistake: ValueError, before any I/O."""
    with pytest.raises(ValueError, match="not one of"):
        async with open_stream("ftp://x", "tok"):
            pytest.fail("not open")
